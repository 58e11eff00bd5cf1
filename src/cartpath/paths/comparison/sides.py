"""What both groups of a comparison hold, and what is in both, counted in one pass.

A basis is a sum over users, so what one group has for itself is what it has less what is in both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple
from functools import partial

import numpy as np
import numpy.typing as npt

from cartpath import engine
from cartpath.paths.counted import Basis, merge_basis
from cartpath.paths.rule import Members, Rule
from cartpath.store import PathView, Snapshot
from cartpath.store.jit import kernel

Ints = npt.NDArray[np.int64]

#: Group of a user, as a sum: in A alone 1, in B alone 2, in both 3; 0 is in none.
_BOTH = 3


def apart(every: Basis, both: Basis) -> Basis:
    """Return what a group has without the users who are in both.

    Examples
    --------
    >>> apart(Basis(users=3, events=9), Basis(users=1, events=4)).events
    5
    """
    return Basis(*(all_ - shared for all_, shared in zip(astuple(every), astuple(both), strict=True)))


def count_sides(snap: Snapshot, rule: Rule, members: Sequence[Members]) -> tuple[list[Basis], Basis]:
    """Count what counts of two groups of users.

    Parameters
    ----------
    snap : Snapshot
    rule : Rule
        Which events count, of whom else.
    members : sequence of Members
        The two groups.

    Returns
    -------
    tuple
        Of each group, those in both included; and of those in both.
    """
    scan = partial(scan_sides, rule=rule, members=tuple(members))
    one, other, both = engine.run(snap, scan, merge_sides)
    return [merge_basis([alone, both]) for alone in (one, other)], both


def scan_sides(view: PathView, rule: Rule, members: Sequence[Members]) -> list[Basis]:
    """Count a bucket: of those in the first group alone, the second alone, and both."""
    one, other = (group.mask(view).astype(np.int64) for group in members)
    counted = rule.counted(view)
    ts, event, session = (counted.take(array) for array in (view.ts, view.event, view.session))
    sums = _sums(one + 2 * other, counted.offsets, ts, event, session, counted.step, len(view.sessions))
    return [Basis(*row) for row in sums[1:].tolist()]


def merge_sides(parts: Sequence[Sequence[Basis]]) -> list[Basis]:
    """Add the counts of buckets, group by group."""
    return [merge_basis([part[i] for part in parts]) for i in range(_BOTH)]


@kernel
def _sums(
    group: Ints,
    offsets: Ints,
    ts: Ints,
    event: npt.NDArray[np.int32],
    session: npt.NDArray[np.int32],
    step: npt.NDArray[np.uint8],
    n_sessions: int,
) -> Ints:
    """Return the fields of a basis for each group, in their order."""
    found = np.zeros((4, 6), np.int64)
    seen = np.zeros(n_sessions, np.uint8)
    for user in range(len(group)):
        low, high = offsets[user], offsets[user + 1]
        if group[user] == 0 or low == high:
            continue
        sessions, steps, ties = 0, 0, 0
        for i in range(low, high):
            sessions += 1 - seen[session[i]]
            seen[session[i]] = 1
            steps += step[i]
            if i > low and ts[i] == ts[i - 1]:
                ties += (step[i] == 1) & (event[i] != event[i - 1])
        row = found[group[user]]
        row[0] += 1
        row[1] += sessions
        row[2] += high - low
        row[3] += steps
        row[4] += ties
        row[5] += ties > 0
    return found
