"""The plain question in one pass: which users came how far in loose order, where every event counts, by its name alone.

The general way gives each event a mask and each user a chain. Here most events cost no more than to read them: of a
block of users only the events that can be a step are looked at, and only of those who have the first step and another
one a chain is sought, among what is left when one event stands for as many as follow it and are of its kind. What a
chain is, and where its steps are, is the kernels' of the loose order.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cartpath.paths.counted import Counted
from cartpath.paths.funnel.instead import NextCounts
from cartpath.paths.funnel.loose import chain, place
from cartpath.paths.funnel.masks import Masks
from cartpath.paths.funnel.plan import FunnelPlan
from cartpath.paths.funnel.tables import Ints, at_least
from cartpath.paths.funnel.times import Durations
from cartpath.store.jit import kernel, part
from cartpath.store.ties import block_end, buffer_size

_Codes = npt.NDArray[np.int32]
_Starts = npt.NDArray[np.uint8]


class Plain(NamedTuple):
    """What was counted in a bucket.

    Attributes
    ----------
    reached : int64 array (n_steps,)
    tied : int
        Users with two different events of the funnel at the same moment.
    durations : Durations
    after : NextCounts
    """

    reached: Ints
    tied: int
    durations: Durations
    after: NextCounts


class _Tables(NamedTuple):
    """What the kernel adds to.

    Attributes
    ----------
    exactly : int64 array (n_steps + 1,)
        Users by depth.
    after : int64 array (n_steps, n_codes + 1)
        Users by depth - 1 and by the code + 1 of the step that came next, 0 where none did.
    took : int64 array (n_steps, n_users)
        Durations from the step before, unsorted; of step 0 those of the whole.
    """

    exactly: Ints
    after: Ints
    took: Ints


class _Noted(NamedTuple):
    """Events of a block that can be a step or are excluded.

    Attributes
    ----------
    row : int64 array
        Where they are in the block.
    mask : int32 array
        What they can be.
    """

    row: Ints
    mask: Masks


class _Runs(NamedTuple):
    """Events of a user, those as one that can be one and the same step and follow each other.

    Attributes
    ----------
    mask : int32 array
        What they can be.
    first, last : int64 array
        Where the first and the last of them is in the block.
    ts : int64 array
        When the one was that matters: of first steps the last, after which the window is open longest; of others the
        first.
    """

    mask: Masks
    first: Ints
    last: Ints
    ts: Ints


def is_plain(counted: Counted, plan: FunnelPlan) -> bool:
    """Return whether this module can count a question in a bucket."""
    return (
        counted.rows is None
        and plan.order == "loose"
        and plan.unit == plan.lane_unit == "users"
        and (plan.hold, plan.breakdown, plan.trend) == (None, None, None)
        and not plan.matcher.tested
    )


def count_plain(counted: Counted, plan: FunnelPlan) -> Plain:
    """Count a bucket, to the same numbers as the general way."""
    view, lookup, n = counted.view, plan.lookup, plan.n_steps
    tables = _Tables(
        np.zeros(n + 1, np.int64), np.zeros((n, len(lookup)), np.int64), np.empty((n, view.n_users), np.int64)
    )
    if n == 1:
        tables.took[:] = 0  # the kernel writes the times between steps
    tied = _count(view.offsets, view.ts, view.event, view.step, lookup, plan.window, tables)
    reached = at_least(tables.exactly[1:])
    # The durations are copied out of a table with room for all users.
    whole, *between = (tables.took[k, : reached[k or -1]].copy() for k in range(n))
    after = tables.after[:-1].ravel()
    cell = np.flatnonzero(after)
    return Plain(reached, tied, Durations(whole, tuple(between)), NextCounts(cell, after[cell]))


@kernel
def _count(offsets: Ints, ts: Ints, event: _Codes, step: _Starts, lookup: Masks, window: int, tables: _Tables) -> int:
    """Return users with ties of the funnel."""
    n = buffer_size(offsets)
    noted = _Noted(np.empty(n, np.int64), np.empty(n, np.int32))
    # A run's place is written before it is known whether there is one.
    runs = _Runs(
        np.empty(n + 1, np.int32), np.empty(n + 1, np.int64), np.empty(n + 1, np.int64), np.empty(n + 1, np.int64)
    )
    tied, end = 0, 0
    while end < len(offsets) - 1:
        begin, end = end, block_end(offsets, end)
        low, high = offsets[begin], offsets[end]
        n = _note(event[low:high], lookup, noted)
        here = offsets[begin : end + 1]
        tied += _block(here, noted, n, runs, ts[low:high], event[low:high], step[low:high], window, tables)
    return tied


@part
def _note(event: _Codes, lookup: Masks, noted: _Noted) -> int:
    """Note what is to be looked at, and return how many events that are."""
    n, row, mask = np.uint64(0), noted.row, noted.mask
    for i in range(len(event)):
        row[n] = i
        n += np.uint64(lookup[np.uint32(event[i] + 1)] != 0)
    for k in range(n):
        mask[k] = lookup[np.uint32(event[np.uint64(row[k])] + 1)]
    return int(n)


@part
def _block(
    offsets: Ints, noted: _Noted, n: int, runs: _Runs, ts: Ints, event: _Codes, step: _Starts, window: int,
    tables: _Tables,
) -> int:  # fmt: skip
    """Count the users of a block and return how many have ties; ``n`` events are noted."""
    n_steps, tied, user, high = len(tables.took), 0, 0, 0
    start, at = np.empty(n_steps, np.int64), np.empty(n_steps, np.int64)
    while high < n:
        low = high
        while offsets[user + 1] - offsets[0] <= noted.row[low]:
            user += 1
        end = offsets[user + 1] - offsets[0]
        high, size, seen = _user(noted, low, n, end, runs)
        depth, row = 1, runs.first[0]
        if seen & (seen - 1):  # of one kind of event there are no ties, and one step at most
            tie, row = _times(runs, size, ts)
            tied += tie
            if seen & 1:
                depth, first, last = chain(start, runs.ts, runs.mask, 0, size, window)
            if depth > 1:
                place(at, depth, first, last, runs.mask)
                _time(at, depth, runs.ts, tables)
                row = runs.first[last]
        if seen & 1:
            tables.exactly[depth] += 1
            tables.after[depth - 1, _next(event, step, row + 1, end)] += 1
    return tied


@part
def _user(noted: _Noted, low: int, n: int, end: int, runs: _Runs) -> tuple[int, int, int]:
    """Put a user's events into runs; return where the events end, how many runs there are, and all that events can be.

    An event that can be several steps is a run of its own, since it can be one and then, once more, the other.
    """
    row, mask = noted.row[low:n], noted.mask[low:n]
    k, size, seen, before = 0, np.uint64(0), np.int32(0), np.int32(0)
    while k < len(row) and row[k] < end:
        runs.first[size] = row[k]  # written always and kept where wanted: a branch would cost more
        size += np.uint64((mask[k] != before) | (mask[k] & (mask[k] - 1) != 0))
        before = runs.mask[size - np.uint64(1)] = mask[k]
        runs.last[size - np.uint64(1)] = row[k]
        seen |= before
        k += 1
    return low + k, int(size), int(seen)


@part
def _times(runs: _Runs, size: int, ts: Ints) -> tuple[bool, int]:
    """Note when runs were; return whether two different events are of one moment, and where the first first step is."""
    tie, row, left = False, np.int64(-1), np.int64(-(2**63))
    for k in range(size):
        mask = runs.mask[k]
        begun, ended = ts[runs.first[k]], ts[runs.last[k]]
        tie |= (begun == left) & (mask != runs.mask[k - 1])
        runs.ts[k] = ended if mask == 1 else begun
        if row < 0 and mask & 1:
            row = runs.first[k]
        left = ended
    return tie, int(row)


@part
def _time(at: Ints, depth: int, ts: Ints, tables: _Tables) -> None:
    """Keep how long a chain of two steps or more took."""
    exactly, took = tables.exactly, tables.took
    if depth == len(took):
        took[0, exactly[depth]] = ts[at[depth - 1]] - ts[at[0]]
    made = np.sum(exactly[depth + 1 :])  # of users before this one: those that made the step and those that made more
    for step in range(depth - 1, 0, -1):
        made += exactly[step + 1]
        took[step, made] = ts[at[step]] - ts[at[step - 1]]


@part
def _next(event: _Codes, step: _Starts, i: int, end: int) -> int:
    """Return what the step from ``i`` on is called by, its code + 1; 0 where the user's path ends before."""
    while i < len(step) and step[i] == 0:  # a hit is of one user
        i += 1
    # By arithmetic: whether there is one is hard to predict.
    return int((event[min(i, len(event) - 1)] + 1) * (i < end))
