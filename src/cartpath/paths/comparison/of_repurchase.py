"""``repurchase`` compared: which buyers order again, and after how long."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cartpath.paths.comparison.evidence import Measure
from cartpath.paths.comparison.means import Mean
from cartpath.paths.comparison.rates import Rate
from cartpath.paths.comparison.registry import Comparable, Found
from cartpath.paths.comparison.survival import Survival
from cartpath.paths.counting import Counting
from cartpath.schema import MICROSECONDS
from cartpath.store import Snapshot

_DAY = 86400 * MICROSECONDS


def measures(snap: Snapshot, a: Counting, b: Counting, options: Mapping[str, Any]) -> Found:
    """Return the share of buyers who order again, their orders, and the time from the first order to the second."""
    from cartpath.paths.repurchase import repurchase

    results = [repurchase(snap, counting, **options) for counting in (a, b)]
    one, other = (result.buying for result in results)
    rates = [Rate(int((x.orders > 1).sum()), len(x.orders)) for x in (one, other)]
    curves = [Survival.of(x.waited / _DAY, x.orders > 1) for x in (one, other)]
    same = options.get("same")
    who = "buyers" if same is None else results[0].unit
    made = [
        Measure(f"ordered again, of {who}", "rate", rates[0], rates[1]),
        Measure(
            "orders per buyer" if same is None else f"orders per pair of buyer and {same}",
            "mean",
            Mean.of(one.orders),
            Mean.of(other.orders),
        ),
        Measure("from the first order to the second", "survival", curves[0], curves[1], "days"),
    ]
    paired = () if same is None else (f"several {who} of one buyer are taken as independent",)
    return Found(made, warnings=(*results[0].missed, *paired))


COMPARABLE = Comparable(measures, options=("same",))
