"""``drivers`` compared: what goes with a conversion more in one group than in the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cartpath.paths.comparison.evidence import Measure
from cartpath.paths.comparison.odds import OddsRatio
from cartpath.paths.comparison.registry import Comparable, Found
from cartpath.paths.counting import Counting
from cartpath.schema import Event
from cartpath.store import Snapshot


def measures(snap: Snapshot, a: Counting, b: Counting, options: Mapping[str, Any]) -> Found:
    """Return the odds ratio of each event and value that has one in both groups."""
    from cartpath.paths.drivers import drivers

    asked: dict[str, Any] = {"goal": Event.purchase, **options}
    asked |= {name: asked[name].split(",") for name in ("of", "exclude") if isinstance(asked.get(name), str)}
    results = [drivers(snap, counting=counting, **asked) for counting in (a, b)]
    one, other = (
        {
            f"{driver.name}={driver.value}": OddsRatio(
                driver.with_, driver.with_converted, driver.without, driver.without_converted
            )
            for driver in result.drivers
        }
        for result in results
    )
    made = [Measure(name, "odds_ratio", one[name], other[name]) for name in one if name in other]
    return Found(made, beyond=len(one.keys() ^ other.keys()))


COMPARABLE = Comparable(
    measures, options=("goal", "within", "follow", "of", "exclude", "min_support", "min_conversions"), many=True
)
