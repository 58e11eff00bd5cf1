"""The loose order: other events may lie between the steps.

A chain of depth k is positions ``i1 < i2 < ... < ik`` of a path, the event at ``ij`` being step ``j``, with
``ts(ik) - ts(i1) <= window`` and no excluded event strictly between ``i1`` and ``ik``.

For each depth the latest start of a chain of that depth is kept: a later start can do everything that an earlier
one can, so one number a step is enough and one pass is exact. An excluded event ends what was begun before it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cartpath.paths.funnel.masks import BROKEN, EXCLUDED
from cartpath.store.jit import kernel, part

_Ints = npt.NDArray[np.int64]
_Masks = npt.NDArray[np.int32]


@part
def chain(start: _Ints, ts: _Ints, mask: _Masks, low: int, high: int, window: int) -> tuple[int, int, int]:
    """Return the depth of the path ``low:high``, and the first and last position of the chain told about, -1 if none.

    Of the deepest chains it is the one complete first, and of those that end there the one that began last.
    ``start`` has room for one number a step.
    """
    n_steps = len(start)
    best, first, last, alive = 0, -1, -1, 0
    for i in range(low, high):
        m = mask[i]
        if m == 0:
            continue
        if m & BROKEN:
            alive = 0
        # From the last step to the first, so that an event never follows itself.
        for step in range(min(alive, n_steps - 1), 0, -1):
            if (m >> step) & 1 and ts[i] - ts[start[step - 1]] <= window:
                if step == alive or start[step - 1] > start[step]:
                    start[step] = start[step - 1]
                alive = max(alive, step + 1)
                if step >= best:
                    best, first, last = step + 1, int(start[step]), i
        if best == n_steps:
            break
        if m & EXCLUDED:
            alive = 0
        if m & 1:
            start[0] = i
            alive = max(alive, 1)
            if best == 0:
                best, first, last = 1, i, i
    return best, first, last


@kernel
def loose(offsets: _Ints, ts: _Ints, mask: _Masks, n_steps: int, window: int) -> tuple[_Ints, _Ints, _Ints]:
    """Return of each path the depth, and the first and last position of its chain, -1 where none."""
    n = len(offsets) - 1
    depth, first, last = np.zeros(n, np.int64), np.full(n, -1, np.int64), np.full(n, -1, np.int64)
    start = np.empty(n_steps, np.int64)
    for path in range(n):
        low, high = offsets[path], offsets[path + 1]
        while low < high and mask[low] & 1 == 0:  # nothing begins before the first step is made, and often nothing does
            low += 1
        if low < high:
            depth[path], first[path], last[path] = chain(start, ts, mask, low, high, window)
    return depth, first, last


@part
def place(at: _Ints, depth: int, first: int, last: int, mask: _Masks) -> None:
    """Write the positions of a chain's steps to ``at``, each at its first possible moment; the chain has a step."""
    at[0] = first
    at[depth - 1] = last
    i = first
    for step in range(1, depth - 1):
        i += 1
        while (mask[i] >> step) & 1 == 0:
            i += 1
        at[step] = i


@kernel
def place_loose(depth: _Ints, first: _Ints, last: _Ints, mask: _Masks, n_steps: int) -> _Ints:
    """Return the position of every step of the chains told about, -1 where it was not reached."""
    at = np.full((len(depth), n_steps), -1, np.int64)
    for unit in range(len(depth)):
        if depth[unit] > 0:
            place(at[unit], depth[unit], first[unit], last[unit], mask)
    return at
