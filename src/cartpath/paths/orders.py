"""Orders and what they are worth, each belonging to the path in which it was placed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cartpath.paths.counted import Counted, Paths
from cartpath.store import NO_QUANTITY, PathView

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Orders:
    """Orders, and purchases without an order id, each of one owner.

    Attributes
    ----------
    order : int64 array (n,)
        Hash of the order id; 0 for a purchase without.
    ts : int64 array (n,)
        Time of the first line.
    rank : uint64 array (n,)
        Decides between lines at the same time.
    value, lines : float64 array (n,)
        Largest order value, and sum of price x quantity over lines with a price; NaN where there is none.
    owner : int64 array (n,)
        To whom it counts: that of its first line.
    """

    order: Ints
    ts: Ints
    rank: Hashes
    value: Floats
    lines: Floats
    owner: Ints

    @property
    def amounts(self) -> Floats:
        """What each is worth: its value, else its lines; a purchase without an order id only its own line."""
        found = np.where(np.isnan(self.value) | (self.order == 0), self.lines, self.value)
        return np.nan_to_num(found)


def orders_of(view: PathView, paths: Paths, bought: npt.NDArray[np.bool_], owner: Ints, rank: Hashes) -> Orders:
    """Gather the orders of a bucket.

    Parameters
    ----------
    view : PathView
    paths : Paths
    bought : bool array (n,)
        Elements of the paths that are purchases.
    owner : int array (n_paths,)
        To whom an order placed on a path counts.
    rank : uint64 array (n_paths,)
        Of equal times the path with the lower one placed the order.
    """
    at = np.flatnonzero(bought)
    rows = at if paths.rows is None else paths.rows[at]
    path = np.searchsorted(paths.offsets, at, side="right") - 1
    lines = line_amounts(view, rows)
    return _joined(view.order[rows], view.ts[rows], rank[path], view.order_value[rows], lines, owner[path])


def line_amounts(view: PathView, rows: Ints) -> Floats:
    """Return price x quantity of lines, a missing quantity being 1; NaN where there is no price."""
    quantity = view.quantity[rows]
    found: Floats = view.price[rows] * np.where(quantity == NO_QUANTITY, 1, quantity)
    return found


def spent(counted: Counted, purchase: int) -> tuple[Floats, Floats]:
    """Return the orders and the revenue of each user of a bucket, by the rule of ``docs/counting.md``."""
    view = counted.view
    event = counted.take(view.event)
    place = np.flatnonzero(event == purchase) if purchase >= 0 else np.empty(0, np.int64)
    user = np.searchsorted(counted.offsets, place, side="right") - 1
    rows = place if counted.rows is None else counted.rows[place]
    order, value, amount = view.order[rows], view.order_value[rows], line_amounts(view, rows)
    by = np.lexsort((order, user))
    new = np.ones(len(by), np.bool_)
    new[1:] = (user[by][1:] != user[by][:-1]) | (order[by][1:] != order[by][:-1])
    starts = np.flatnonzero(new)
    if not len(starts):
        return np.zeros(view.n_users), np.zeros(view.n_users)
    largest = np.fmax.reduceat(value[by], starts)
    lines = np.add.reduceat(np.nan_to_num(amount[by]), starts)
    owner, has_id = user[by][starts], order[by][starts] != 0
    paid = np.where(has_id & ~np.isnan(largest), largest, lines)
    n_orders, revenue = (np.bincount(owner, weights, view.n_users).astype(np.float64) for weights in (has_id, paid))
    return n_orders, revenue


def merge_orders(parts: Sequence[Orders]) -> Orders:
    """Join orders over buckets: one order id may appear with several users."""
    names = ("order", "ts", "rank", "value", "lines", "owner")
    return _joined(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _joined(order: Ints, ts: Ints, rank: Hashes, value: Floats, lines: Floats, owner: Ints) -> Orders:
    by = np.lexsort((rank, ts, order))
    lines_of = lines[by]
    begins = np.ones(len(by), np.bool_)
    begins[1:] = (order[by[1:]] != order[by[:-1]]) | (order[by[1:]] == 0)
    starts = np.flatnonzero(begins)
    if not len(starts):
        return Orders(order, ts, rank, value, lines, owner)
    first = by[starts]
    priced = np.add.reduceat((~np.isnan(lines_of)).astype(np.int64), starts) > 0
    total = np.where(priced, np.add.reduceat(np.nan_to_num(lines_of), starts), np.nan)
    return Orders(order[first], ts[first], rank[first], np.fmax.reduceat(value[by], starts), total, owner[first])
