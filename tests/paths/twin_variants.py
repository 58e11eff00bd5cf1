"""The variants in plain Python."""

from __future__ import annotations

import statistics
from collections import defaultdict
from dataclasses import dataclass, field

from tests.paths.twin import Row, path_order, step_starts, within


@dataclass
class Found:
    """What is known of one variant."""

    n: int = 0
    conversions: int = 0
    users: set[int] = field(default_factory=set)
    seconds: list[float] = field(default_factory=list)
    sessions: list[tuple[int, int | None]] = field(default_factory=list)


def elements(path: list[tuple[Row, bool]], unit: str, collapse: bool, limit: int | None) -> tuple[str, ...]:
    """The variant of one path; each row comes with whether it begins a step."""
    names: list[str] = []
    for row, begins in path:
        if (unit == "event" or begins) and not (collapse and names and names[-1] == row.event):
            names.append(row.event)
    if limit is not None and len(names) > limit:
        return (*names[:limit], "…")
    return tuple(names)


def counted_rows(rows: list[Row], since: int | None, until: int | None) -> list[tuple[Row, bool]]:
    """The rows that count, each with whether it is the first of its step that does."""
    ordered = path_order(rows)
    number, steps = -1, []
    for first in step_starts(ordered):
        number += first
        steps.append(number)
    kept = [(row, step) for row, step in zip(ordered, steps, strict=True) if row in within([row], since, until)]
    return [(row, k == 0 or kept[k - 1][1] != step) for k, (row, step) in enumerate(kept)]


def variants_twin(
    rows: list[Row],
    unit: str = "step",
    collapse: bool = False,
    limit: int | None = None,
    across: bool = False,
    since: int | None = None,
    until: int | None = None,
) -> dict[tuple[str, ...], Found]:
    """All variants with what is known of each; a session converts with any ``buy``."""
    paths: dict[tuple[int, int | None], list[tuple[Row, bool]]] = defaultdict(list)
    for row, begins in counted_rows(rows, since, until):
        paths[row.user, None if across else row.session].append((row, begins))
    found: dict[tuple[str, ...], Found] = defaultdict(Found)
    for key, path in paths.items():
        one = found[elements(path, unit, collapse, limit)]
        one.n += 1
        one.conversions += any(row.event == "buy" for row, _ in path)
        one.users.add(key[0])
        one.seconds.append(path[-1][0].at - path[0][0].at)
        one.sessions.append(key)
    return found


def median(found: Found) -> float:
    return statistics.median(found.seconds)


def revenue_twin(rows: list[Row], since: int | None, until: int | None) -> dict[tuple[int, int], float]:
    """What each session's orders bring: an order belongs to the session of its first line.

    Lines of an order that are the first at the same time are of one session in the logs that this is asked of.
    """
    bought = [row for row, _ in counted_rows(rows, since, until) if row.event == "buy"]
    orders: dict[object, list[Row]] = defaultdict(list)
    for i, row in enumerate(bought):
        orders[row.order or ("none", i)].append(row)
    out: dict[tuple[int, int], float] = defaultdict(float)
    for key, lines in orders.items():
        first = min(lines, key=lambda row: row.at)
        values = [row.value for row in lines if row.value is not None and not isinstance(key, tuple)]
        priced = [row.price * (1 if row.quantity is None else row.quantity) for row in lines if row.price is not None]
        out[first.user, first.session] += max(values) if values else sum(priced)
    return out
