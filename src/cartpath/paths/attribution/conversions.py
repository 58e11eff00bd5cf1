"""Conversions of a bucket: orders, purchases without an order id by the step, and steps of another goal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cartpath.paths.counted import Counted, Paths
from cartpath.paths.matching import Matcher
from cartpath.paths.orders import line_amounts
from cartpath.store import PathView
from cartpath.store.jit import kernel

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Conversions:
    """Conversions in path order.

    Attributes
    ----------
    place : int64 array (n,)
        Of the first event of the conversion among the elements of the paths.
    step : int64 array (n,)
        Where the step of that event begins.
    order : int64 array (n,)
        Hash of the order id; 0 where a step is the conversion.
    value : float64 array (n,)
        Largest order value on the order's lines; NaN where none has one.
    lines : float64 array (n,)
        Sum of price x quantity; NaN where no line has a price.
    """

    place: Ints
    step: Ints
    order: Ints
    value: Floats
    lines: Floats


def goal_mask(view: PathView, matcher: Matcher) -> npt.NDArray[np.bool_]:
    """Return which events of a bucket are the goal."""
    plain = matcher.by_event != 0
    found: npt.NDArray[np.bool_] = matcher.bits(Counted(view)) != 0 if matcher.tested else plain[view.event]
    return found


def conversions_of(
    view: PathView, paths: Paths, goal: npt.NDArray[np.bool_], starts: npt.NDArray[np.uint8], purchase: int
) -> Conversions:
    """Gather the conversions of a bucket.

    Parameters
    ----------
    view : PathView
    paths : Paths
    goal : bool array (n_elements,)
        Which elements of the paths are the goal.
    starts : uint8 array (n_elements,)
        Which begin a step.
    purchase : int
        Code of the purchase: only purchases have an order and bring revenue.

    Returns
    -------
    Conversions
        An order counts once a path, at its first event, with all of its lines on the path.
    """
    place = np.flatnonzero(goal)
    row = place if paths.rows is None else paths.rows[place]
    bought = view.event[row] == purchase
    order = np.where(bought, view.order[row], 0)
    lines = np.where(bought, line_amounts(view, row), np.nan)
    value = np.where(order != 0, view.order_value[row], np.nan)
    step = _begin(place, starts)
    path = np.searchsorted(paths.offsets, place, side="right") - 1
    # Events of one order on one path, else of one step; a stable sort keeps the first event of each group first.
    group = np.where(order != 0, order, step)
    sort = np.lexsort((group, order != 0, path))
    first = np.ones(len(sort), np.bool_)
    for key in (group[sort], (order != 0)[sort], path[sort]):
        first[1:] &= key[1:] == key[:-1]
    first[1:] = ~first[1:]
    heads = np.flatnonzero(first)
    if not len(heads):
        return Conversions(place, step, order, value, lines)
    priced = np.add.reduceat((~np.isnan(lines[sort])).astype(np.int64), heads)
    total = np.add.reduceat(np.nan_to_num(lines[sort]), heads)
    largest = np.fmax.reduceat(value[sort], heads)
    kept = sort[heads]
    back = np.argsort(kept)
    kept = kept[back]
    return Conversions(
        place[kept], step[kept], order[kept], largest[back], np.where(priced[back] > 0, total[back], np.nan)
    )


@kernel
def _begin(place: Ints, starts: npt.NDArray[np.uint8]) -> Ints:
    """Return where the step of each event begins; events that lie in one step ask in turn."""
    found = np.empty(len(place), np.int64)
    for k in range(len(place)):
        at = place[k]
        while at > 0 and starts[at] == 0:
            at -= 1
            if k > 0 and at == place[k - 1]:
                at = found[k - 1]
                break
        found[k] = at
    return found
