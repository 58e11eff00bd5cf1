"""The chain that is told of each unit: how deep it came, and which events were its steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cartpath.paths.counted import Counted, Paths
from cartpath.paths.funnel.any_order import any_order, place_any
from cartpath.paths.funnel.entries import any_entries, loose_entries, strict_entries
from cartpath.paths.funnel.lanes import Ints, Lanes, lanes_of, looked_up
from cartpath.paths.funnel.loose import loose, place_loose
from cartpath.paths.funnel.masks import Masks
from cartpath.paths.funnel.plan import FunnelPlan
from cartpath.paths.funnel.strict import place_strict, strict
from cartpath.store.jit import kernel


@dataclass(frozen=True)
class Chains:
    """One chain a unit; places are among the elements of ``paths``.

    Attributes
    ----------
    paths : Paths
    mask : int32 array, one value an element of the paths
        What each can be.
    depth : int64 array (n_units,)
        Steps reached.
    first, last : int64 array (n_units,)
        The earliest and the latest event of the chain, -1 where no step was reached.
    at : int64 array (n_units, n_steps)
        The event of each step, -1 where it was not reached.
    """

    paths: Paths
    mask: Masks
    depth: Ints
    first: Ints
    last: Ints
    at: Ints

    def rows(self, places: Ints) -> Ints:
        """Return where elements of the paths are in the bucket."""
        return places if self.paths.rows is None else self.paths.rows[places]


def chains_of(counted: Counted, plan: FunnelPlan) -> Chains:
    """Find the chain of each unit of a bucket."""
    paths = counted.paths(plan.lane_unit)
    mask = paths.take(plan.masks(counted.view))
    lanes = lanes_of(counted, paths, mask, plan)
    if plan.unit == "entries":
        _, depth, first, last = _entries(lanes, plan)
    else:
        depth, first, last = _best(lanes, plan)
        if lanes.place is not None or plan.lane_unit != plan.unit:
            owner, n_units = _owners(lanes, paths, plan)
            lane = _deepest(owner, n_units, depth, _rows(lanes, paths, last))
            depth, first, last = _of_lanes(depth, lane, 0), _of_lanes(first, lane, -1), _of_lanes(last, lane, -1)
    at = _places(lanes, plan, depth, first, last)
    first = at[:, 0] if plan.order == "strict" else first
    return Chains(paths, mask, depth, lanes.places(first), lanes.places(last), lanes.places(at))


def depth_of(counted: Counted, plan: FunnelPlan) -> Ints:
    """Return how many steps each path of the plan's unit reached.

    Parameters
    ----------
    counted : Counted
    plan : FunnelPlan
        Of ``"users"`` or ``"sessions"``.

    Returns
    -------
    int64 array
        One number a path of ``counted.paths(plan.unit)``, in its order.
    """
    return chains_of(counted, plan).depth


def _best(lanes: Lanes, plan: FunnelPlan) -> tuple[Ints, Ints, Ints]:
    if lanes.hit is not None:
        return strict(lanes.offsets, lanes.ts, lanes.mask, lanes.hit, plan.n_steps, plan.window)
    find = loose if plan.order == "loose" else any_order
    return find(lanes.offsets, lanes.ts, lanes.mask, plan.n_steps, plan.window)


def _entries(lanes: Lanes, plan: FunnelPlan) -> tuple[Ints, Ints, Ints, Ints]:
    if lanes.hit is not None:
        return strict_entries(lanes.offsets, lanes.ts, lanes.mask, lanes.hit, plan.n_steps, plan.window)
    find = loose_entries if plan.order == "loose" else any_entries
    return find(lanes.offsets, lanes.ts, lanes.mask, plan.n_steps, plan.window)


def _owners(lanes: Lanes, paths: Paths, plan: FunnelPlan) -> tuple[Ints, int]:
    """Return the unit of each lane, and how many units there are; paths are in the order of their units."""
    if plan.lane_unit == plan.unit:
        return lanes.path, len(paths)
    new = np.ones(len(paths), np.bool_)
    new[1:] = paths.user[1:] != paths.user[:-1]
    return (np.cumsum(new) - 1)[lanes.path], int(new.sum())


def _of_lanes(values: Ints, lane: Ints, none: int) -> Ints:
    return np.where(lane < 0, none, np.append(values, none)[lane])


def _rows(lanes: Lanes, paths: Paths, at: Ints) -> Ints:
    places = lanes.places(at)
    return places if paths.rows is None else looked_up(paths.rows, places)


@kernel
def _deepest(owner: Ints, n_units: int, depth: Ints, row: Ints) -> Ints:
    """Return of each unit the lane that came deepest, and there first; -1 where it has none."""
    best = np.full(n_units, -1, np.int64)
    for lane in range(len(owner)):
        so_far = best[owner[lane]]
        if so_far < 0 or depth[lane] > depth[so_far] or (depth[lane] == depth[so_far] and row[lane] < row[so_far]):
            best[owner[lane]] = lane
    return best


def _places(lanes: Lanes, plan: FunnelPlan, depth: Ints, first: Ints, last: Ints) -> Ints:
    if lanes.hit is not None:
        return place_strict(depth, first, lanes.mask, lanes.hit, plan.n_steps)
    place = place_loose if plan.order == "loose" else place_any
    return place(depth, first, last, lanes.mask, plan.n_steps)
