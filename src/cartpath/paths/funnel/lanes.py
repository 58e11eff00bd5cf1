"""Lanes: what kernels loop over. A lane is a unit's path, or that part of it which has one value of a held property."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cartpath.paths.counted import Counted, Paths
from cartpath.paths.funnel.masks import BROKEN, EXCLUDED, Masks
from cartpath.paths.funnel.plan import FunnelPlan
from cartpath.store.jit import kernel

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Lanes:
    """Contiguous lanes.

    Attributes
    ----------
    offsets : int64 array (n_lanes + 1,)
    ts, mask : arrays, one value an element
    hit : int64 array or None
        The number of the step (hit) that an element belongs to; only strict order reads it.
    path : int64 array (n_lanes,)
        The path that a lane is of.
    place : int64 array or None
        Where each element is among the elements of the paths; None where they are the same.
    """

    offsets: Ints
    ts: Ints
    mask: Masks
    hit: Ints | None
    path: Ints
    place: Ints | None

    def places(self, at: Ints) -> Ints:
        """Return where elements are among those of the paths; -1 stays -1."""
        return at if self.place is None else looked_up(self.place, at)


def looked_up(array: Ints, at: Ints) -> Ints:
    """Return ``array[at]``, -1 where ``at`` is -1."""
    found = np.full(at.shape, -1, np.int64)
    there = at >= 0
    found[there] = array[at[there]]
    return found


def lanes_of(counted: Counted, paths: Paths, mask: Masks, plan: FunnelPlan) -> Lanes:
    """Cut the paths of a bucket into lanes; ``mask`` has one value an element of the paths."""
    hit = None
    if plan.order == "strict":
        hit, mask = _hits(counted.along(paths, counted.step), paths.take(counted.view.event), mask)
    values = plan.held(counted.view)
    whole = Lanes(paths.offsets, paths.take(counted.view.ts), mask, hit, np.arange(len(paths)), None)
    return whole if values is None else _by_value(whole, paths.take(values))


@kernel
def _hits(starts: npt.NDArray[np.uint8], event: npt.NDArray[np.int32], mask: Masks) -> tuple[Ints, Masks]:
    """Number the hits, and let only events with the name of their hit's first event be steps.

    That name is what the flow graph calls the hit.
    """
    hit, found = np.empty(len(starts), np.int64), np.empty(len(starts), np.int32)
    number, name = -1, -1
    for i in range(len(starts)):
        if starts[i]:
            number += 1
            name = event[i]
        hit[i] = number
        found[i] = mask[i] if event[i] == name else mask[i] & EXCLUDED
    return hit, found


def _by_value(lanes: Lanes, values: npt.NDArray[np.int32]) -> Lanes:
    """Take the values of the held property apart; an excluded event without a value concerns all of them."""
    general = (values < 0) & (lanes.mask & EXCLUDED != 0)
    mask = lanes.mask
    if lanes.hit is not None and general.any():
        mask = np.where(np.isin(lanes.hit, lanes.hit[general]), mask | np.int32(EXCLUDED), mask)
    kept = np.flatnonzero((values >= 0) & (mask != 0))
    path = np.repeat(lanes.path, np.diff(lanes.offsets))[kept]
    order = np.argsort(path * (int(values.max(initial=0)) + 1) + values[kept], kind="stable")
    kept, path = kept[order], path[order]
    new = np.ones(len(kept), np.bool_)
    new[1:] = (path[1:] != path[:-1]) | (values[kept[1:]] != values[kept[:-1]])
    offsets = np.append(np.flatnonzero(new), len(kept))
    found = mask[kept]
    if lanes.hit is None and general.any():
        before = np.cumsum(general)[kept]
        broken = ~new
        broken[1:] &= before[1:] != before[:-1]
        found = np.where(broken, found | np.int32(BROKEN), found)
    hit = None if lanes.hit is None else lanes.hit[kept]
    return Lanes(offsets, lanes.ts[kept], found, hit, path[offsets[:-1]], kept)
