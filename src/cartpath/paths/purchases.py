"""When each buyer ordered: one order id is one order, whole or item by item."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cartpath.paths.counted import Counted, Paths

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Purchases:
    """Orders, by path, part, then by their first line.

    Attributes
    ----------
    path : int64 array (n,)
    part : int64 array (n,)
        Of an order that is looked at item by item, or by another property of its lines, the value's code; else 0.
    at : int64 array (n,)
        Element of the paths with the order's first line.
    without_id : int
        Orders made of purchase lines without an order id: those of one step are one order.
    """

    path: Ints
    part: Ints
    at: Ints
    without_id: int


def purchases_of(counted: Counted, paths: Paths, purchase: int, part: npt.NDArray[np.int32] | None = None) -> Purchases:
    """Gather the orders of users' paths.

    Parameters
    ----------
    counted : Counted
    paths : Paths
        ``counted.paths("users")``.
    purchase : int
        Code of the purchase event, -1 where it was never seen.
    part : int32 array (n_events of the view,), optional
        Code of each line; lines with the same belong together, those with -1 are left out.

    Returns
    -------
    Purchases
        An order id that two users have counts with each.
    """
    view = counted.view
    at = np.flatnonzero(counted.take(view.event) == purchase) if purchase >= 0 else np.empty(0, np.int64)
    rows = at if counted.rows is None else counted.rows[at]
    of = np.zeros(len(at), np.int64) if part is None else part[rows].astype(np.int64)
    at, rows, of = at[of >= 0], rows[of >= 0], of[of >= 0]
    path = np.searchsorted(paths.offsets, at, side="right") - 1
    order = view.order[rows]
    no_id = order == 0
    key = np.where(no_id, np.cumsum(counted.step, dtype=np.int64)[at], order) if no_id.any() else order
    ranked = np.lexsort((at, key, no_id, of, path))
    first = np.zeros(len(ranked), np.bool_)
    first[:1] = True
    for values in (path, of, no_id, key):
        first[1:] |= values[ranked][1:] != values[ranked][:-1]
    starts = np.flatnonzero(first)
    lines = ranked[starts]
    by_time = np.lexsort((at[lines], of[lines], path[lines]))
    lines = lines[by_time]
    return Purchases(path[lines], of[lines], at[lines], int(no_id[lines].sum()))
