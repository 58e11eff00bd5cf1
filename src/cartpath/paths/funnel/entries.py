"""Entries: how often a funnel was begun, not only by how many.

An entry begins at the first event of step 1 (in any order: of any step) after the entry before it ended. Only chains
from this very event count for it. It ends with the event that completes it, with an excluded event, when its window
has passed, or with the path; in strict order also with the first step that does not go on. What completed an entry,
or was its last step before an excluded end, begins no other.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cartpath.paths.funnel.any_order import cover, prefix
from cartpath.paths.funnel.masks import BROKEN, EXCLUDED
from cartpath.paths.funnel.strict import first_with, hit_end, hit_mask
from cartpath.store.jit import kernel

_Ints = npt.NDArray[np.int64]
_Masks = npt.NDArray[np.int32]
_Entries = tuple[_Ints, _Ints, _Ints, _Ints]


@kernel
def beginnings(mask: _Masks, starts: int) -> int:
    """Return how many entries there can be at most: events that could begin one."""
    n = 0
    for i in range(len(mask)):
        n += (mask[i] & starts) != 0
    return n


@kernel
def loose_entries(offsets: _Ints, ts: _Ints, mask: _Masks, n_steps: int, window: int) -> _Entries:
    """Return of each entry its path, its depth, and the first and last position of its chain."""
    most = beginnings(mask, 1)
    path, depth = np.empty(most, np.int64), np.empty(most, np.int64)
    first, last = np.empty(most, np.int64), np.empty(most, np.int64)
    n = 0  # entries so far; the open one, if any, is the last of them
    for p in range(len(offsets) - 1):
        is_open = False
        for i in range(offsets[p], offsets[p + 1]):
            m = mask[i]
            if m == 0:
                continue
            used = False
            if is_open and (m & BROKEN or ts[i] - ts[first[n - 1]] > window):
                is_open = False
            if is_open and (m >> depth[n - 1]) & 1:
                depth[n - 1] += 1
                last[n - 1] = i
                used = True
                is_open = depth[n - 1] < n_steps
            if m & EXCLUDED:
                is_open = False
            if not is_open and not used and m & 1:
                path[n], depth[n], first[n], last[n] = p, 1, i, i
                n += 1
                is_open = n_steps > 1
    return path[:n], depth[:n], first[:n], last[:n]


@kernel
def strict_entries(offsets: _Ints, ts: _Ints, mask: _Masks, hit: _Ints, n_steps: int, window: int) -> _Entries:
    """Return of each entry its path, its depth, where its first hit begins, and the last event of its chain."""
    most = beginnings(mask, 1)
    path, depth = np.empty(most, np.int64), np.empty(most, np.int64)
    first, last = np.empty(most, np.int64), np.empty(most, np.int64)
    n = 0
    for p in range(len(offsets) - 1):
        is_open, before, i = False, -2, offsets[p]
        while i < offsets[p + 1]:
            if mask[i] == 0:
                i += 1
                continue
            end = hit_end(hit, i, offsets[p + 1])
            m = hit_mask(mask, i, end)
            used = False
            if is_open:
                goes_on = hit[i] == before + 1 and (m >> depth[n - 1]) & 1 and ts[i] - ts[first[n - 1]] <= window
                is_open = False
                if goes_on:
                    last[n - 1] = first_with(mask, i, depth[n - 1])
                    depth[n - 1] += 1
                    used = True
                    is_open = depth[n - 1] < n_steps and m & EXCLUDED == 0
            if not is_open and not used and m & 1:
                path[n], depth[n], first[n], last[n] = p, 1, i, first_with(mask, i, 0)
                n += 1
                is_open = n_steps > 1
            before, i = hit[i], end
    return path[:n], depth[:n], first[:n], last[:n]


@kernel
def any_entries(offsets: _Ints, ts: _Ints, mask: _Masks, n_steps: int, window: int) -> _Entries:
    """Return of each entry its path, its depth, its first event, and the event with which it got that deep."""
    every = (1 << n_steps) - 1
    most = beginnings(mask, every)
    path, depth = np.empty(most, np.int64), np.empty(most, np.int64)
    first, last = np.empty(most, np.int64), np.empty(most, np.int64)
    start = np.empty(1 << n_steps, np.int64)
    n = 0
    for p in range(len(offsets) - 1):
        is_open = False
        for i in range(offsets[p], offsets[p + 1]):
            m = int(mask[i])
            if m == 0:
                continue
            used = False
            if is_open and (m & BROKEN or ts[i] - ts[first[n - 1]] > window):
                is_open = False
            if is_open and m & every:
                cover(start, ts, m & every, i, window, n_steps)
                reached = prefix(start, depth[n - 1], n_steps)
                if reached > depth[n - 1]:
                    depth[n - 1], last[n - 1] = reached, i
                    used = True
                is_open = reached < n_steps
            if m & EXCLUDED:
                is_open = False
            if not is_open and not used and m & every:
                start[:] = -1
                cover(start, ts, m & every, i, window, n_steps)
                path[n], depth[n], first[n], last[n] = p, prefix(start, 0, n_steps), i, i
                is_open = depth[n] < n_steps
                n += 1
    return path[:n], depth[:n], first[:n], last[:n]
