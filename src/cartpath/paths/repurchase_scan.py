"""When each buyer ordered: one order id is one order, whole or item by item."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.paths.counted import Basis, Counted, Paths, merge_basis
from cartpath.paths.properties import Property
from cartpath.paths.rule import Rule
from cartpath.store import PathView

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Buying:
    """What a bucket knows of its buyers, or all of them do.

    Attributes
    ----------
    orders : int64 array (n_buyers,)
        How many each made.
    waited : int64 array (n_buyers,)
        From the first order to the second, or to the end of what is watched, microseconds.
    gaps : int64 array (n_orders - n_buyers,)
        Between consecutive orders.
    without_id : int
        Orders made of purchases without an order id.
    left_out : int
        Purchase lines without a value of the property.
    """

    orders: Ints
    waited: Ints
    gaps: Ints
    without_id: int
    left_out: int


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


def scan_repurchase(
    view: PathView, rule: Rule, purchase: int, end: int, found: Property | None
) -> tuple[Basis, Buying]:
    """Gather the orders of one bucket."""
    counted = rule.counted(view)
    paths = counted.paths("users")
    part = None if found is None else found.of_events(view)
    orders = purchases_of(counted, paths, purchase, part)
    lines = 0 if part is None else int(((view.event == purchase) & (part < 0))[_rows(counted.rows)].sum())
    ts = paths.take(view.ts)[orders.at]
    first = np.ones(len(ts), np.bool_)
    first[1:] = (orders.path[1:] != orders.path[:-1]) | (orders.part[1:] != orders.part[:-1])
    place = np.flatnonzero(first)
    number = np.diff(np.append(place, len(ts)))
    second = np.minimum(place + 1, max(len(ts) - 1, 0))
    waited = np.where(number > 1, ts[second], end - 1) - ts[place]
    gaps = np.diff(ts)[~first[1:]]
    return counted.basis(), Buying(number.astype(np.int64), waited, gaps, orders.without_id, lines)


def _rows(rows: Ints | None) -> Any:
    return slice(None) if rows is None else rows


def merge_repurchase(parts: Sequence[tuple[Basis, Buying]]) -> tuple[Basis, Buying]:
    """Join the buyers of buckets."""
    found = [buying for _, buying in parts]
    orders, waited, gaps = (
        np.concatenate([getattr(buying, name) for buying in found]) for name in ("orders", "waited", "gaps")
    )
    without_id, left_out = (sum(getattr(buying, name) for buying in found) for name in ("without_id", "left_out"))
    return merge_basis([basis for basis, _ in parts]), Buying(orders, waited, gaps, without_id, left_out)
