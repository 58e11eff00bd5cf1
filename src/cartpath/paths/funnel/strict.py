"""The strict order: nothing in between.

Strict reads steps as the flow graph does: the events of one hit are one step, named after its first event. A chain
of depth k is k consecutive steps of the path; events of a hit that are named otherwise than its first were taken out
of the masks before. So a pair of the strict funnel is an edge of the flow graph.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cartpath.paths.funnel.masks import EXCLUDED
from cartpath.store.jit import kernel

_Ints = npt.NDArray[np.int64]
_Masks = npt.NDArray[np.int32]


@kernel
def hit_end(hit: _Ints, i: int, high: int) -> int:
    """Return where the hit that ``i`` belongs to ends."""
    j = i + 1
    while j < high and hit[j] == hit[i]:
        j += 1
    return j


@kernel
def hit_mask(mask: _Masks, low: int, high: int) -> int:
    """Return all that the events of a hit can be."""
    m = 0
    for i in range(low, high):
        m |= int(mask[i])
    return m


@kernel
def first_with(mask: _Masks, low: int, step: int) -> int:
    """Return the first event from ``low`` on that can be a step; there must be one."""
    i = low
    while (mask[i] >> step) & 1 == 0:
        i += 1
    return i


@kernel
def strict(
    offsets: _Ints, ts: _Ints, mask: _Masks, hit: _Ints, n_steps: int, window: int
) -> tuple[_Ints, _Ints, _Ints]:
    """Return of each path the depth, where the first hit of the chain told about begins, and its last event."""
    n = len(offsets) - 1
    depth, first, last = np.zeros(n, np.int64), np.full(n, -1, np.int64), np.full(n, -1, np.int64)
    recent = np.zeros(n_steps, np.int64)  # where the hits begin, by their number modulo the steps
    for path in range(n):
        best, alive, before = 0, 0, -2  # bit k of alive: a chain of depth k + 1 ends at the hit before
        i = offsets[path]
        while i < offsets[path + 1] and best < n_steps:
            if mask[i] == 0:
                i += 1
                continue
            end = hit_end(hit, i, offsets[path + 1])
            m = hit_mask(mask, i, end)
            number = hit[i]
            recent[number % n_steps] = i
            alive = ((alive << 1) if number == before + 1 else 0) | 1
            alive &= m & ((1 << n_steps) - 1)
            for k in range(1, n_steps):
                if (alive >> k) & 1:
                    if ts[i] - ts[recent[(number - k) % n_steps]] > window:
                        alive &= ~(1 << k)
                    elif k >= best:
                        best = k + 1
                        first[path], last[path] = recent[(number - k) % n_steps], first_with(mask, i, k)
            if best == 0 and alive & 1:
                best, first[path], last[path] = 1, i, first_with(mask, i, 0)
            if m & EXCLUDED:
                alive &= 1
            before, i = number, end
        depth[path] = best
    return depth, first, last


@kernel
def place_strict(depth: _Ints, first: _Ints, mask: _Masks, hit: _Ints, n_steps: int) -> _Ints:
    """Return the position of every step of the chains told about: the first event of its hit that can be it."""
    at = np.full((len(depth), n_steps), -1, np.int64)
    for unit in range(len(depth)):
        i = first[unit]
        for step in range(depth[unit]):
            if step > 0:
                i = hit_end(hit, i, len(hit))
            at[unit, step] = first_with(mask, i, step)
    return at
