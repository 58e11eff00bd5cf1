"""Counts at each step as rates with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cartpath.paths.counting import wilson

if TYPE_CHECKING:
    import pandas as pd

_INTERVALS = ("interval_from_start", "interval_from_previous")


def step_rows(steps: Sequence[str], counts: Sequence[int]) -> list[dict[str, Any]]:
    """Return one record a step: ``event``, ``n``, both rates and their 95% Wilson intervals.

    The first step's rates are 1 by definition and have no interval.

    Examples
    --------
    >>> [row["rate_from_previous"] for row in step_rows(["view", "cart", "purchase"], [10, 5, 1])]
    [1.0, 0.5, 0.2]
    """
    start = counts[0]
    before = (start, *counts[:-1])
    return [
        {
            "event": event,
            "n": n,
            "rate_from_start": n / start if start else None,
            "rate_from_previous": n / previous if previous else None,
            "interval_from_start": wilson(n, start) if step else None,
            "interval_from_previous": wilson(n, previous) if step else None,
        }
        for step, (event, n, previous) in enumerate(zip(steps, counts, before, strict=True))
    ]


def flat(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return records with the ends of intervals as fields of their own, numbered by step."""
    found = []
    for number, row in enumerate(rows, start=1):
        kept = {name: value for name, value in row.items() if name not in _INTERVALS}
        ends = {
            f"{name}_{end}": (row[name] or (None, None))[i]
            for name in _INTERVALS
            for i, end in enumerate(("low", "high"))
        }
        found.append({"step": number, **kept, **ends})
    return found


def grouped_frame(label: str, groups: Sequence[dict[str, Any]], steps: Sequence[str]) -> pd.DataFrame:
    """Return one row a group and step, the group's name in the column ``label``."""
    import pandas as pd

    rows = [{label: group[label], **row} for group in groups for row in flat(step_rows(steps, group["n"]))]
    columns = [label, *flat(step_rows(steps, [0] * len(steps)))[0]]
    return pd.DataFrame(rows, columns=columns)
