"""``attribution`` compared: which channels conversions come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cartpath.paths.comparison.distributions import Distribution
from cartpath.paths.comparison.evidence import Measure
from cartpath.paths.comparison.rates import Rate
from cartpath.paths.comparison.registry import Comparable, Found
from cartpath.paths.counting import Counting
from cartpath.schema import CartpathError
from cartpath.store import Snapshot

#: Models that give a conversion to one channel as a whole, so that it can be counted.
_WHOLE = ("first", "last", "last_non_direct")
#: Values that are told apart; the same in both groups, as far as they are that many.
_TOP = 200
_NOTE = "conversions are compared, as attribution counts them: several of one user are taken as independent"


def measures(snap: Snapshot, a: Counting, b: Counting, options: Mapping[str, Any]) -> Found:
    """Return how conversions are spread over channels, and the share of each channel."""
    from cartpath.paths.attribution import attribution

    model = options.get("models", "last")
    if model not in _WHOLE:
        raise CartpathError(
            f"conversions cannot be compared by the model {model!r}",
            f"by one of: {', '.join(_WHOLE)}; the others divide a conversion, so there is nothing to count",
        )
    asked = {"top": _TOP, **options, "models": model}
    counts = []
    for counting in (a, b):
        rows = attribution(snap, counting, **asked).rows
        counts.append({row["channel"]: round(row["conversions"]) for row in rows})
    one, other = (Distribution(count) for count in counts)
    names = sorted({*counts[0], *counts[1]}, key=lambda name: (-counts[0].get(name, 0) - counts[1].get(name, 0), name))
    rates = [
        Measure(
            f"{name}, of conversions",
            "rate",
            Rate(counts[0].get(name, 0), one.n),
            Rate(counts[1].get(name, 0), other.n),
        )
        for name in names
    ]
    return Found([Measure(f"all channels, {model}", "distribution", one, other), *rates], warnings=[_NOTE])


COMPARABLE = Comparable(measures, options=("of", "goal", "lookback", "reset", "models"), many=True)
