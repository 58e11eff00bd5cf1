"""In which part of its path a unit's behaviour counts, and what becomes of the unit after it."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cartpath.schema import MICROSECONDS, CartpathError, seconds
from cartpath.store.jit import kernel

Counts = npt.NDArray[np.int64]

#: Where a unit's window ends.
BEFORE, STEPS, TIME = range(3)
#: What became of a unit after its window; from ``EARLY`` on it is left out.
NOT_CONVERTED, CONVERTED, EARLY, SHORT, LATE, AT_ONCE = range(6)
#: Why units are left out, in words for the result.
LEFT_OUT = ("converted_in_window", "too_few_steps", "no_time_left", "nothing_before")
#: The window that is used unless another is asked for.
WITHIN = "10 steps"
#: The window that is all of the path before the conversion.
PATH = "path"


@dataclass(frozen=True)
class Window:
    """In which part of its path a unit's behaviour counts.

    Attributes
    ----------
    kind : int
        ``BEFORE``: all before the first conversion, of who did not convert the whole path; ``STEPS``: the first
        steps; ``TIME``: the first while. After the last two, conversion counts only from there on.
    length : int
        Steps, or microseconds.
    follow : int
        How long after the window conversion counts, in microseconds; 0 is for ever. Who cannot be followed for so
        long is left out.
    """

    kind: int
    length: int = 0
    follow: int = 0


def read_window(within: str, follow: str | None = None) -> Window:
    """Read a window, and how long conversion counts after it.

    Examples
    --------
    >>> [read_window(text) for text in ("10 steps", "1h", "path")] == [
    ...     Window(STEPS, 10), Window(TIME, 3_600_000_000), Window(BEFORE)]
    True
    """
    for_ = 0 if follow is None else seconds(follow) * MICROSECONDS
    if within.strip() == PATH:
        if follow is not None:
            raise CartpathError(f"nothing follows on the window {PATH!r}", f"write --within '{WITHIN}' or a duration")
        return Window(BEFORE)
    steps = re.fullmatch(r"\s*(\d+)\s*steps?\s*", within)
    if steps and int(steps[1]):
        return Window(STEPS, int(steps[1]), for_)
    try:
        return Window(TIME, seconds(within) * MICROSECONDS, for_)
    except CartpathError:
        raise CartpathError(
            f"cannot read the window {within!r}", "write 10 steps, a duration such as 1h, or path"
        ) from None


def words_of(within: str, follow: str | None, unit: str) -> str:
    """Say in words whose behaviour counts and when, and what that means for the numbers."""
    for_ = "conversion counts after" if follow is None else f"conversion counts for {follow} after"
    window = read_window(within)
    if window.kind == BEFORE:
        return (
            f"Counted is what {unit} did before their first conversion, and all that those did who never converted. So"
            " who converted late, or not at all, had more time to do anything (immortal time), and converters did what"
            f" leads to conversion anyway. A window that is the same for all is sounder: {WITHIN}."
        )
    if window.kind == STEPS:
        return (
            f"Counted is what {unit} did in their first {within}; {for_} them. {unit.capitalize()}"
            " with fewer steps, or that converted within them, are left out, so all had the same room to do anything."
        )
    return (
        f"Counted is what {unit} did within {within} of their first event; {for_} that. Left out are"
        f" {unit} that converted within it, or that came too late to be followed. The adjusted ratio"
        " compares those with as many steps in it."
    )


@kernel
def windows(
    offsets: Counts,
    ts: Counts,
    step: npt.NDArray[np.uint8],
    goal: npt.NDArray[np.bool_],
    kind: int,
    length: int,
    follow: int,
    last: int,
) -> tuple[Counts, npt.NDArray[np.uint8], Counts]:
    """Return where each path's window ends, what became of the unit after it, and the steps within."""
    n = len(offsets) - 1
    ends = np.empty(n, np.int64)
    outcome = np.zeros(n, np.uint8)
    steps = np.zeros(n, np.int64)
    for path in range(n):
        low, high = offsets[path], offsets[path + 1]
        first = low
        while first < high and not goal[first]:
            first += 1
        end = low
        if kind == BEFORE:
            end = first
            # What is of the same step as the conversion is not before it.
            while low < end < high and step[end] == 0:
                end -= 1
        while end < high and kind != BEFORE:
            if kind == STEPS and step[end] == 1 and steps[path] == length:
                break
            if kind == TIME and ts[end] - ts[low] > length:
                break
            steps[path] += step[end]
            end += 1
        ends[path] = end
        if kind == BEFORE:
            for i in range(low, end):
                steps[path] += step[i]
            if first < high:
                outcome[path] = AT_ONCE if end == low else CONVERTED
            continue
        moment = ts[low] + length if kind == TIME else ts[end - 1]
        if first < end:
            outcome[path] = EARLY
        elif kind == STEPS and steps[path] < length:
            outcome[path] = SHORT
        elif (follow > 0 and last - moment < follow) or (kind == TIME and last <= moment):
            outcome[path] = LATE
        elif first < high and (follow == 0 or ts[first] - moment <= follow):
            outcome[path] = CONVERTED
    return ends, outcome, steps
