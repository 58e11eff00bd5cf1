"""The counts of drivers in plain Python: for each unit what it did in its window, and what became of it."""

from __future__ import annotations

from collections import Counter

from cartpath.paths.drivers.windows import BEFORE, STEPS, Window
from tests.paths.twin import SECOND, Row, path_order, paths_of, step_starts, within

#: What a unit is left out for.
EARLY, SHORT, LATE, AT_ONCE = "converted_in_window", "too_few_steps", "no_time_left", "nothing_before"


def steps_of(path: list[Row], ordered: list[Row], starts: list[bool]) -> list[list[Row]]:
    """The path cut into steps; ``starts`` is of the rows that count, in the order of the log."""
    place = {id(row): first for row, first in zip(ordered, starts, strict=True)}
    found: list[list[Row]] = []
    for row in path:
        if place[id(row)] or not found:
            found.append([])
        found[-1].append(row)
    return found


def judge(steps: list[list[Row]], goal: str, window: Window, last: int) -> tuple[str | None, bool, int]:
    """Why a unit is left out or None, whether it converted, and how many of its steps are in the window."""
    hits = [any(row.event == goal for row in step) for step in steps]
    first = hits.index(True) if any(hits) else None
    if window.kind == BEFORE:
        n = len(steps) if first is None else first
        # The events of the converting step are not before it.
        return (AT_ONCE if first == 0 else None), first is not None, n
    start = steps[0][0].ts
    n = window.length if window.kind == STEPS else sum(step[0].ts - start <= window.length for step in steps)
    if first is not None and first < n:
        return EARLY, True, n
    if window.kind == STEPS and len(steps) < n:
        return SHORT, False, n
    moment = steps[n - 1][-1].ts if window.kind == STEPS else start + window.length
    left = last - moment
    if (window.follow and left < window.follow) or (window.kind != STEPS and left <= 0):
        return LATE, False, n
    after = next((row.ts for step in steps[n:] for row in step if row.event == goal), None)
    return None, after is not None and (not window.follow or after - moment <= window.follow), n


def drivers_twin(
    log: list[Row], unit: str, goal: str, window: Window, since: int | None, until: int | None, last: int
) -> tuple[Counter[str], Counter[tuple[int, bool]], dict[str, Counter[tuple[object, int, bool]]]]:
    """Units left out by reason; those compared by (steps, converted); and by property (value, steps, converted)."""
    ordered = path_order(log)
    every = step_starts(ordered)
    counted = within(ordered, since, until)
    number, of_row = 0, {}
    for row, first in zip(ordered, every, strict=True):
        number += first
        of_row[id(row)] = number
    starts = [i == 0 or of_row[id(row)] != of_row[id(counted[i - 1])] for i, row in enumerate(counted)]
    left, units = Counter[str](), Counter[tuple[int, bool]]()
    cells: dict[str, Counter[tuple[object, int, bool]]] = {"event": Counter(), "session": Counter(), "user": Counter()}
    for path in paths_of(counted, unit):
        steps = steps_of(path, counted, starts)
        why, converted, n = judge(steps, goal, window, last * SECOND)
        if why is not None:
            left[why] += 1
            continue
        units[n, converted] += 1
        for event in {row.event for step in steps[:n] for row in step}:
            cells["event"][event, n, converted] += 1
        cells["session"][path[0].session, n, converted] += 1
        cells["user"][path[0].user % 2, n, converted] += 1
    return left, units, cells
