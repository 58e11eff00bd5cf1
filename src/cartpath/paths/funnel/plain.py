"""The plain question in one pass: which users came how far in loose order, where every event counts, by its name alone.

The general way gives each event a mask and each user a chain. Here most events cost no more than to read them: of a
block of users only the events that can be a step are looked at, and only of those who have the first step and another
one a chain is sought. What a chain is, and where its steps are, is the kernels' of the loose order.
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
from cartpath.paths.ties import block_end, buffer_size, ties_in
from cartpath.store.jit import kernel, part

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
    ties : tuple of int
        Of all events, as ``Counted.basis`` takes them.
    """

    reached: Ints
    tied: int
    durations: Durations
    after: NextCounts
    ties: tuple[int, int]


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
    """Buffers for a block.

    Attributes
    ----------
    row, ts : int64 array
        Where the events are that can be a step or are excluded, and when they were.
    mask : int32 array
        What they can be.
    same : int64 array
        What ``ties_in`` takes.
    """

    row: Ints
    ts: Ints
    mask: Masks
    same: Ints


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
        np.zeros(n + 1, np.int64), np.zeros((n, len(lookup)), np.int64), np.zeros((n, view.n_users), np.int64)
    )
    tied, *ties = _count(view.offsets, view.ts, view.event, view.step, lookup, plan.window, tables)
    reached = at_least(tables.exactly[1:])
    # The durations are copied out of a table with room for all users.
    whole, *between = (tables.took[k, : reached[k or -1]].copy() for k in range(n))
    after = tables.after[:-1].ravel()
    cell = np.flatnonzero(after)
    return Plain(reached, tied, Durations(whole, tuple(between)), NextCounts(cell, after[cell]), (ties[0], ties[1]))


@kernel
def _count(
    offsets: Ints, ts: Ints, event: _Codes, step: _Starts, lookup: Masks, window: int, tables: _Tables
) -> tuple[int, int, int]:
    """Return users with ties of the funnel, ties of all events, and users that have such."""
    n = buffer_size(offsets)
    noted = _Noted(np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int32), np.empty(n, np.int64))
    tied, ties, tied_users, end = 0, 0, 0, 0
    while end < len(offsets) - 1:
        begin, end = end, block_end(offsets, end)
        low, high = offsets[begin], offsets[end]
        here, events, starts = offsets[begin : end + 1], event[low:high], step[low:high]
        n, same = _note(ts[low:high], events, lookup, noted)
        found = ties_in(here, starts, noted.same[:same])
        ties, tied_users = ties + found[0], tied_users + found[1]
        tied += _block(here, noted, n, events, starts, window, tables)
    return tied, ties, tied_users


@part
def _note(ts: Ints, event: _Codes, lookup: Masks, noted: _Noted) -> tuple[int, int]:
    """Note what is to be looked at, and return how many events that can be a step, and how many for ``ties_in``."""
    n, same, moment, code = 0, 0, np.int64(-(2**63)), np.int32(0)
    for i in range(len(event)):
        noted.row[n] = noted.same[same] = i
        n += lookup[np.uint32(event[i] + 1)] != 0
        same += (ts[i] == moment) & (event[i] != code)
        moment, code = ts[i], event[i]
    for k in range(n):
        row = np.uint64(noted.row[k])
        noted.ts[k], noted.mask[k] = ts[row], lookup[np.uint32(event[row] + 1)]
    return n, same


@part
def _block(offsets: Ints, noted: _Noted, n: int, event: _Codes, step: _Starts, window: int, tables: _Tables) -> int:
    """Count the users of a block and return how many have ties; ``n`` events are noted."""
    n_steps, tied, user, high = len(tables.took), 0, 0, 0
    start, at = np.empty(n_steps, np.int64), np.empty(n_steps, np.int64)
    while high < n:
        low = high
        while offsets[user + 1] - offsets[0] <= noted.row[low]:
            user += 1
        end = offsets[user + 1] - offsets[0]
        high, seen, tie = _user(noted, low, n, end)
        tied += tie
        if seen & 1 == 0:
            continue
        depth, last = 1, low
        if seen != 1:
            depth, first, last = chain(start, noted.ts, noted.mask, low, high, window)
            if depth > 1:
                place(at, depth, first, last, noted.mask)
                _time(at, depth, noted.ts, tables)
        tables.exactly[depth] += 1
        tables.after[depth - 1, _next(event, step, noted.row[last] + 1, end)] += 1
    return tied


@part
def _user(noted: _Noted, low: int, n: int, end: int) -> tuple[int, int, bool]:
    """Return where a user's events end, all that they can be, and whether two different ones are of one moment."""
    row, ts, mask = noted.row[low:n], noted.ts[low:n], noted.mask[low:n]
    seen, tie, k = mask[0], False, 1
    while k < len(row) and row[k] < end:
        seen |= mask[k]
        tie |= (ts[k] == ts[k - 1]) & (mask[k] != mask[k - 1])
        k += 1
    return low + k, seen, tie


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
