"""Any order: steps 1 to k on k different events, in whichever order.

For each set of steps the latest start of a set of different events that covers it is kept, so that steps which share
events (``view`` twice, ``view`` and ``view[price>50]``) are matched exactly. There are 2 to the steps of these
sets, hence the limit on the steps.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cartpath.paths.funnel.masks import BROKEN, EXCLUDED
from cartpath.store.jit import kernel

_Ints = npt.NDArray[np.int64]
_Masks = npt.NDArray[np.int32]

#: Steps that any order takes.
MOST_STEPS = 10


@kernel
def cover(start: _Ints, ts: _Ints, m: int, i: int, window: int, n_steps: int) -> None:
    """Let event ``i`` be one of the steps in ``m``: extend the sets of steps that it completes."""
    # Downwards, so that the smaller set is read as it was before this event.
    for steps in range((1 << n_steps) - 1, 0, -1):
        if steps & m == 0:
            continue
        for step in range(n_steps):
            if (steps & m) >> step & 1:
                rest = steps & ~(1 << step)
                begin = i if rest == 0 else start[rest]
                if begin > start[steps] and ts[i] - ts[begin] <= window:
                    start[steps] = begin


@kernel
def prefix(start: _Ints, depth: int, n_steps: int) -> int:
    """Return how many of the first steps are covered, at least ``depth``."""
    for k in range(n_steps, depth, -1):
        if start[(1 << k) - 1] >= 0:
            return k
    return depth


@kernel
def any_order(offsets: _Ints, ts: _Ints, mask: _Masks, n_steps: int, window: int) -> tuple[_Ints, _Ints, _Ints]:
    """Return of each path the depth, and the earliest and latest position of the events told about, -1 where none."""
    n = len(offsets) - 1
    depth, first, last = np.zeros(n, np.int64), np.full(n, -1, np.int64), np.full(n, -1, np.int64)
    start = np.empty(1 << n_steps, np.int64)
    every = (1 << n_steps) - 1
    for path in range(n):
        start[:] = -1
        best = 0
        for i in range(offsets[path], offsets[path + 1]):
            m = int(mask[i])
            if m == 0:
                continue
            if m & BROKEN:
                start[:] = -1
            cover(start, ts, m & every, i, window, n_steps)
            reached = prefix(start, best, n_steps)
            if reached > best:
                best, first[path], last[path] = reached, start[(1 << reached) - 1], i
            if best == n_steps:
                break
            if m & EXCLUDED:
                start[:] = -1
                cover(start, ts, m & every, i, window, n_steps)
        depth[path] = best
    return depth, first, last


@kernel
def place_any(depth: _Ints, first: _Ints, last: _Ints, mask: _Masks, n_steps: int) -> _Ints:
    """Return of every step reached the first event that can be it, between the first and the last told about."""
    at = np.full((len(depth), n_steps), -1, np.int64)
    for unit in range(len(depth)):
        for step in range(depth[unit]):
            i = first[unit]
            while i <= last[unit] and (mask[i] >> step) & 1 == 0:
                i += 1
            if i <= last[unit]:
                at[unit, step] = i
    return at
