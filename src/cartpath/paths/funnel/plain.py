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
    can : uint8 array
        Of every event of the block, whether it is one.
    row : int64 array
        Where they are in the block.
    """

    can: _Starts
    row: Ints


class _Runs(NamedTuple):
    """Events of users of a block, those as one that can be one and the same step and follow each other.

    Attributes
    ----------
    mask : int32 array
        What they can be.
    first, last : int64 array
        Where the first and the last of them is in the block.
    begun, ended : int64 array
        When those were.
    """

    mask: Masks
    first: Ints
    last: Ints
    begun: Ints
    ended: Ints


class _Users(NamedTuple):
    """Users of a block who have what is asked for.

    Attributes
    ----------
    run : int64 array
        Where their runs begin; one more for the end of the last.
    row : int64 array
        The event after which the next step is sought.
    end : int64 array
        Where their events end in the block.
    """

    run: Ints
    row: Ints
    end: Ints


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
    noted = _Noted(np.empty(n, np.uint8), np.empty(n, np.int64))
    # A run's or a user's place is written before it is known whether there is one.
    n += 1
    runs = _Runs(
        np.empty(n, np.int32),
        np.empty(n, np.int64),
        np.empty(n, np.int64),
        np.empty(n, np.int64),
        np.empty(n, np.int64),
    )
    some = _Users(np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int64))
    one = _Users(some.run, np.empty(n, np.int64), np.empty(n, np.int64))
    tied, end = 0, 0
    while end < len(offsets) - 1:
        begin, end = end, block_end(offsets, end)
        low, high = offsets[begin], offsets[end]
        n = _note(event[low:high], lookup, noted)
        n_some, n_one = _users(offsets[begin : end + 1], event[low:high], lookup, noted.row[:n], runs, some, one)
        tied += _chains(some, n_some, runs, ts[low:high], event[low:high], step[low:high], window, tables)
        tables.exactly[1] += n_one
        for user in range(n_one):
            tables.after[0, _next(event[low:high], step[low:high], one.row[user] + 1, one.end[user])] += 1
    return tied


@part
def _note(event: _Codes, lookup: Masks, noted: _Noted) -> int:
    """Note what is to be looked at, and return how many events that are."""
    n, can, row = np.uint64(0), noted.can, noted.row
    if len(lookup) <= 32:  # a table of bits in a register: many events are looked up at once
        bits = np.uint32(0)
        for code in range(len(lookup)):
            bits |= np.uint32(lookup[code] != 0) << np.uint32(code)
        for i in range(len(event)):
            can[i] = (bits >> np.uint32(event[i] + 1)) & np.uint32(1)
    else:
        for i in range(len(event)):
            can[i] = lookup[np.uint32(event[i] + 1)] != 0
    for i in range(len(event)):  # written always and kept where wanted: a branch would cost more
        row[n] = i
        n += np.uint64(can[i])
    return int(n)


@part
def _users(
    offsets: Ints, event: _Codes, lookup: Masks, row: Ints, runs: _Runs, some: _Users, one: _Users
) -> tuple[int, int]:
    """Put noted events into runs; return the number of users with several kinds, and with first steps alone.

    An event that can be several steps is a run of its own, since it can be one and then, once more, the other.
    """
    k, user, begun, n_some, n_one = 0, 0, np.uint64(0), np.uint64(0), np.uint64(0)
    while k < len(row):
        while offsets[user + 1] - offsets[0] <= row[k]:
            user += 1
        end, size, seen, before = offsets[user + 1] - offsets[0], begun, np.int32(0), np.int32(0)
        while k < len(row) and row[k] < end:
            mask = lookup[np.uint32(event[np.uint64(row[k])] + 1)]
            runs.first[size] = row[k]
            size += np.uint64((mask != before) | (mask & (mask - 1) != 0))
            before = runs.mask[size - np.uint64(1)] = mask
            runs.last[size - np.uint64(1)] = row[k]
            seen |= mask
            k += 1
        some.run[n_some], some.end[n_some] = begun, end
        one.row[n_one], one.end[n_one] = runs.first[begun], end
        several = seen & (seen - 1) != 0  # of one kind of event there are no ties, and one step at most
        n_some += np.uint64(several)
        n_one += np.uint64(seen == 1)
        begun = size if several else begun
    some.run[n_some] = begun
    return int(n_some), int(n_one)


@part
def _chains(
    users: _Users, n: int, runs: _Runs, ts: Ints, event: _Codes, step: _Starts, window: int, tables: _Tables
) -> int:
    """Count users with several kinds of events and return how many have ties."""
    start, at = np.empty(len(tables.took), np.int64), np.empty(len(tables.took), np.int64)
    for k in range(users.run[n]):  # all at once, so that memory is waited for once
        runs.begun[k], runs.ended[k] = ts[runs.first[k]], ts[runs.last[k]]
    tied = 0
    for user in range(n):
        low, high = users.run[user], users.run[user + 1]
        tied += _order(runs, low, high)
        depth, first, last = chain(start, runs.begun, runs.mask, low, high, window)
        if depth > 1:
            place(at, depth, first, last, runs.mask)
            _time(at, depth, runs.begun, tables)
        if depth > 0:
            # Of a chain of one step it is the first that could have begun one.
            tables.exactly[depth] += 1
            tables.after[depth - 1, _next(event, step, runs.first[last] + 1, users.end[user])] += 1
    return tied


@part
def _order(runs: _Runs, low: int, high: int) -> bool:
    """Tell whether two different events are of one moment, and move ``begun`` to the moment that matters.

    Of first steps that is the last, after which the window is open longest.
    """
    tie, left = False, np.int64(-(2**63))
    for k in range(low, high):
        tie |= (runs.begun[k] == left) & (runs.mask[k] != runs.mask[k - 1])
        left = runs.ended[k]
        runs.begun[k] = left if runs.mask[k] == 1 else runs.begun[k]
    return tie


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
