"""``retention`` compared: who is back so many periods after the start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cartpath.paths.comparison.evidence import Measure
from cartpath.paths.comparison.periods import nothing
from cartpath.paths.comparison.rates import Rate
from cartpath.paths.comparison.registry import Comparable, Found
from cartpath.paths.counting import Counting
from cartpath.store import Snapshot


def measures(snap: Snapshot, a: Counting, b: Counting, options: Mapping[str, Any]) -> Found:
    """Return for each period after the start who was back, of the cohorts for which it is wholly observed."""
    from cartpath.paths.retention import retention

    one, other = (retention(snap, counting, **options) for counting in (a, b))
    unit = options.get("cohort", "week")
    made = [
        Measure(f"back in {unit} {x['k']}", "rate", Rate(x["n"], x["users"]), Rate(y["n"], y["users"]))
        for x, y in zip(one.totals(), other.totals(), strict=False)
        if x["k"]
    ]
    told = list(one.missed)
    if one.users and other.users and not any(measure.a.n and measure.b.n for measure in made):
        why = f"there is no cohort of both groups whose next {unit} is wholly observed"
        told.append(nothing(one.observed, why, "--cohort", unit))
    return Found(made, warnings=told)


COMPARABLE = Comparable(measures, options=("start", "back", "cohort", "mode", "periods"))
