"""``lifecycle`` compared: who of the active users of a period is active in the next, period by period."""

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
    """Return for each whole period the retained users, of those who were active in the period before."""
    from cartpath.paths.lifecycle import lifecycle

    one, other = (lifecycle(snap, counting, **options) for counting in (a, b))
    rates = [
        {
            row["period"]: Rate(row["retained"], before["active"])
            for before, row in zip(result.rows, result.rows[1:], strict=False)
            if row["complete"]
        }
        for result in (one, other)
    ]
    none = Rate(0, 0)
    made = [
        Measure(f"retained in {period}", "rate", rates[0].get(period, none), rates[1].get(period, none))
        for period in sorted({*rates[0], *rates[1]})
    ]
    told = list(one.missed)
    if one.basis.users and other.basis.users and not any(measure.a.n and measure.b.n for measure in made):
        unit = options.get("period", "week")
        why = f"there is no {unit} after the first that is wholly observed, with users of both groups in the one before"
        told.append(nothing(one.observed, why, "--period", unit))
    return Found(made, warnings=told)


COMPARABLE = Comparable(measures, options=("event", "period"))
