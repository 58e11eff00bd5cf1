"""What items usually cost: the median of their prices on events before a moment, merged over buckets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cartpath.store import PathView

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Seen:
    """How often items were seen at prices, by item, then price.

    Attributes
    ----------
    item : int64 array (n,)
    price : float64 array (n,)
    count : int64 array (n,)
    """

    item: Ints
    price: Floats
    count: Ints


def scan_prices(view: PathView, at: int, refund: int) -> Seen:
    """Count the prices of one bucket before a moment.

    Parameters
    ----------
    view : PathView
    at : int
        Microseconds since 1970 UTC.
    refund : int
        Code of the refund, whose price says nothing of today's; -1 where there is none.
    """
    rows = np.flatnonzero((view.ts < at) & (view.item >= 0) & (view.price > 0) & (view.event != refund))
    return _group(view.item[rows].astype(np.int64), view.price[rows], np.ones(len(rows), np.int64))


def merge_prices(parts: Sequence[Seen]) -> Seen:
    """Join the counts of buckets."""
    empty = Seen(np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.int64))
    item, price, count = (
        np.concatenate([getattr(part, name) for part in (empty, *parts)]) for name in ("item", "price", "count")
    )
    return _group(item, price, count)


def _group(item: Ints, price: Floats, count: Ints) -> Seen:
    by = np.lexsort((price, item))
    item, price = item[by], price[by]
    begins = np.ones(len(by), np.bool_)
    begins[1:] = (item[1:] != item[:-1]) | (price[1:] != price[:-1])
    starts = np.flatnonzero(begins)
    summed = np.add.reduceat(count[by], starts) if len(starts) else count
    return Seen(item[starts], price[starts], summed)


def usual_prices(seen: Seen, n_codes: int) -> Floats:
    """Return the median price by item code (n_codes + 1,); NaN where none was seen, and for no item.

    Examples
    --------
    >>> seen = Seen(np.array([0, 0, 2]), np.array([1.0, 4.0, 9.0]), np.array([1, 1, 5]))
    >>> usual_prices(seen, 3).tolist()
    [2.5, nan, 9.0, nan]
    """
    found = np.full(n_codes + 1, np.nan)
    starts = np.flatnonzero(np.diff(seen.item, prepend=-1))
    if not len(starts):
        return found
    until = np.cumsum(seen.count)
    before = np.concatenate([[0], until])[starts]
    n = np.add.reduceat(seen.count, starts)
    low, high = (seen.price[np.searchsorted(until, before + k, side="right")] for k in ((n - 1) // 2, n // 2))
    found[seen.item[starts]] = (low + high) / 2
    return found
