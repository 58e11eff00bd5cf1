"""The loose funnel: how many users or sessions reach each step, in order, within a window.

A unit reaches step k if some event of step 1 at position i1 and positions i1 < i2 < ... < ik exist with the
event at ij being step j and ts(ik) - ts(i1) <= window. Every possible start counts, no event is used twice.

The kernel keeps, for each length, the latest start of a chain of that length: a later start can do everything
an earlier one can, so one number a step is enough and one pass is exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cartpath import engine
from cartpath.paths.counting import Counting, units_in, wilson
from cartpath.paths.names import codes_of
from cartpath.schema import MICROSECONDS, CartpathError, seconds
from cartpath.store import PathView, Snapshot
from cartpath.store.jit import kernel

if TYPE_CHECKING:
    import pandas as pd

#: No window: longer than any path.
_NO_WINDOW = 2**62


@dataclass(frozen=True)
class FunnelResult:
    """A counted funnel.

    Attributes
    ----------
    steps : tuple of str
        Event names, in order.
    counts : tuple of int
        Units that reached each step.
    units : int
        Users or sessions with any event in the period: the denominator behind the first step.
    counting : Counting
    within_seconds : int or None
    warnings : tuple of str
        Steps that were never seen.
    """

    steps: tuple[str, ...]
    counts: tuple[int, ...]
    units: int
    counting: Counting
    within_seconds: int | None
    warnings: tuple[str, ...] = ()

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """One record a step: ``event``, ``n``, both rates and their 95% Wilson intervals.

        The first step's rates are 1 by definition and have no interval.
        """
        start = self.counts[0]
        before = (start, *self.counts[:-1])
        return [
            {
                "event": event,
                "n": n,
                "rate_from_start": n / start if start else None,
                "rate_from_previous": n / previous if previous else None,
                "interval_from_start": wilson(n, start) if step else None,
                "interval_from_previous": wilson(n, previous) if step else None,
            }
            for step, (event, n, previous) in enumerate(zip(self.steps, self.counts, before, strict=True))
        ]

    @property
    def frame(self) -> pd.DataFrame:
        """One row a step, as a pandas frame; interval ends are columns of their own."""
        import pandas as pd

        flat = []
        for number, row in enumerate(self.rows, start=1):
            low_high = {name: row[name] or (None, None) for name in ("interval_from_start", "interval_from_previous")}
            kept = {name: value for name, value in row.items() if name not in low_high}
            ends = {
                f"{name}_{end}": pair[i] for name, pair in low_high.items() for i, end in enumerate(("low", "high"))
            }
            flat.append({"step": number, **kept, **ends})
        return pd.DataFrame(flat)

    def to_dict(self) -> dict[str, Any]:
        """Return the funnel as JSON has it."""
        steps = [{k: list(v) if isinstance(v, tuple) else v for k, v in row.items()} for row in self.rows]
        return {
            "count": self.counting.unit,
            "order": "loose",
            "within_seconds": self.within_seconds,
            "steps": steps,
            "units": self.units,
            **self.counting.to_dict(),
            "warnings": list(self.warnings),
        }


@dataclass(frozen=True)
class FunnelPlan:
    """What a bucket's scan needs to know.

    Attributes
    ----------
    head : int32 array (n_codes,)
        For each event code the last step it can be, -1 if none.
    below : int32 array (n_steps,)
        For each step the next lower one of the same event, -1 if none.
    window : int
        Microseconds.
    counting : Counting
    """

    head: npt.NDArray[np.int32]
    below: npt.NDArray[np.int32]
    window: int
    counting: Counting


def plan(codes: Sequence[int], n_codes: int, window: int, counting: Counting) -> FunnelPlan:
    """Lay out the steps for the kernel: from an event code down through its steps, last to first."""
    head = np.full(max(n_codes, 1), -1, np.int32)
    below = np.full(len(codes), -1, np.int32)
    for step, code in enumerate(codes):
        if code >= 0:
            below[step] = head[code]
            head[code] = step
    return FunnelPlan(head, below, window, counting)


def funnel(
    snap: Snapshot,
    steps: Sequence[str],
    within: str | None = None,
    count: str = "users",
    since: str | date | datetime | None = None,
    until: str | date | datetime | None = None,
) -> FunnelResult:
    """Count a loose funnel over a store.

    Parameters
    ----------
    snap : Snapshot
    steps : sequence of str
        Event names in order; a name may repeat.
    within : str, optional
        Longest time from the first step to the last, such as ``"7d"``; None is no limit.
    count : str
        ``"users"`` or ``"sessions"``.
    since, until : optional
        The period, half open, in UTC; only events within it count.

    Returns
    -------
    FunnelResult

    Raises
    ------
    CartpathError
        If there are no steps, or the window, unit or period cannot be read.
    """
    names = tuple(name.strip() for name in steps)
    if not names or not all(names):
        raise CartpathError("a funnel needs at least one step", "for example view,add_to_cart,purchase")
    within_seconds = None if within is None else seconds(within)
    window = _NO_WINDOW if within_seconds is None else within_seconds * MICROSECONDS
    counting = Counting.of(count, since, until)
    known = snap.codes("event")
    codes, warnings = codes_of(names, known)
    scan = partial(scan_funnel, plan=plan(codes, len(known), window, counting))
    total = engine.run(snap, scan, merge_counts)
    counts = [0] * len(names) if total is None else total[1:].tolist()
    units = 0 if total is None else int(total[0])
    return FunnelResult(names, tuple(counts), units, counting, within_seconds, tuple(warnings))


def scan_funnel(view: PathView, plan: FunnelPlan) -> npt.NDArray[np.int64]:
    """Count one bucket: the units in the period, then how many of them reached each step."""
    c = plan.counting
    limits = (plan.head, plan.below, plan.window, c.since, c.until)
    if c.unit == "users":
        reached = _by_user(view.offsets, view.ts, view.event, *limits)
    else:
        reached = _by_session(view.ts, view.event, view.session, len(view.sessions), *limits)
    at_least = np.cumsum(reached[::-1])[::-1][1:]
    return np.concatenate([np.array([units_in(view, c)], np.int64), at_least])


def merge_counts(parts: Sequence[npt.NDArray[np.int64]]) -> npt.NDArray[np.int64] | None:
    """Add the counts of buckets; a user lives in one bucket, so nothing is counted twice."""
    return np.sum(np.stack(parts), axis=0) if parts else None


@kernel
def _push(
    starts: npt.NDArray[np.int64], depth: int, below: npt.NDArray[np.int32], step: int, t: int, window: int
) -> int:
    # From the last step to the first, so that an event never follows itself.
    while step > 0:
        if depth >= step and t - starts[step - 1] <= window:
            if depth == step:
                starts[step] = starts[step - 1]
                depth += 1
            elif starts[step - 1] > starts[step]:
                starts[step] = starts[step - 1]
        step = below[step]
    if step == 0:
        starts[0] = t
        depth = max(depth, 1)
    return depth


@kernel
def _by_user(
    offsets: npt.NDArray[np.int64],
    ts: npt.NDArray[np.int64],
    event: npt.NDArray[np.int32],
    head: npt.NDArray[np.int32],
    below: npt.NDArray[np.int32],
    window: int,
    since: int,
    until: int,
) -> npt.NDArray[np.int64]:
    n_steps = len(below)
    reached = np.zeros(n_steps + 1, np.int64)
    starts = np.empty(n_steps, np.int64)
    for user in range(len(offsets) - 1):
        depth = 0
        for i in range(offsets[user], offsets[user + 1]):
            step = head[event[i]]
            if step < 0 or ts[i] < since or ts[i] >= until:
                continue
            depth = _push(starts, depth, below, step, ts[i], window)
            if depth == n_steps:
                break
        reached[depth] += 1
    return reached


@kernel
def _by_session(
    ts: npt.NDArray[np.int64],
    event: npt.NDArray[np.int32],
    session: npt.NDArray[np.int32],
    n_sessions: int,
    head: npt.NDArray[np.int32],
    below: npt.NDArray[np.int32],
    window: int,
    since: int,
    until: int,
) -> npt.NDArray[np.int64]:
    # Sessions of a user may interleave, so each keeps its own state; only entries below its depth are ever read.
    n_steps = len(below)
    starts = np.empty((n_sessions, n_steps), np.int64)
    depth = np.zeros(n_sessions, np.int32)
    for i in range(len(ts)):
        step = head[event[i]]
        if step < 0 or ts[i] < since or ts[i] >= until:
            continue
        s = session[i]
        if depth[s] < n_steps:
            depth[s] = _push(starts[s], depth[s], below, step, ts[i], window)
    reached = np.zeros(n_steps + 1, np.int64)
    for s in range(n_sessions):
        reached[depth[s]] += 1
    return reached
