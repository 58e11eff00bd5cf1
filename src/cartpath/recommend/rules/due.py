"""When what was bought is due again: after the usual time between two purchases of it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cartpath.features import Log
from cartpath.features.repurchase import scan_repurchase
from cartpath.recommend.rules.columns import ItemColumns
from cartpath.recommend.rules.history import Touched
from cartpath.schema import MICROSECONDS, CartpathError, Columns, Event

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
#: Times between two purchases that must have been seen before their mean is called usual.
LEAST_GAPS = 3
#: Purchases from which on a user's own rhythm counts for more than that of all users.
_OWN = 3


def usual_gaps(log: Log, columns: ItemColumns, until: int) -> Floats:
    """Return the usual time between two purchases of each item by one user.

    Parameters
    ----------
    log : Log
    columns : ItemColumns
    until : int
        What happens from this moment on is not known (microseconds since 1970 UTC).

    Returns
    -------
    float64 array (n_items + 1,)
        Seconds: the mean over all users of the item; of an item with fewer than ``LEAST_GAPS`` times that of its
        category (two purchases of the very category by one user); NaN where that has too few as well.
    """
    own = np.append(np.arange(columns.n_items, dtype=np.int32), np.int32(-1))
    found = _means(log, own, columns.n_items, until)
    try:
        category = columns.find(Columns.category)
    except CartpathError:
        return found
    place = category.by_item(columns.n_items)
    of_category = np.append(_means(log, place, len(category.labels), until)[:-1], np.nan)
    return np.where(np.isnan(found), of_category[place], found)


def waits(touched: Touched, rows: Ints, usual: Floats) -> Floats:
    """Return how long after the last purchase each thing is due.

    Parameters
    ----------
    touched : Touched
        What the user bought.
    rows : int64 array (n,)
        Rows in it.
    usual : float64 array (n,)
        Seconds; see ``usual_gaps``.

    Returns
    -------
    float64 array (n,)
        Seconds: the user's own mean time between purchases from three on, else the usual one, else the user's own
        from two; NaN where nothing is known.

    Examples
    --------
    >>> one = np.array([0])
    >>> bought = Touched(item=one, times=np.array([3]), first=np.array([0]), last=np.array([8_000_000]))
    >>> waits(bought, one, np.array([9.0])).tolist()
    [4.0]
    """
    times = touched.times[rows]
    between = (touched.last[rows] - touched.first[rows]) / MICROSECONDS / np.maximum(times - 1, 1)
    own = np.where(times > 1, between, np.nan)
    return np.where((times >= _OWN) | np.isnan(usual), own, usual)


def _means(log: Log, place: npt.NDArray[np.int32], n_things: int, until: int) -> Floats:
    """Return the mean time between two purchases of each thing (n_things + 1,), seconds; NaN for too few."""
    found = np.full(n_things + 1, np.nan)
    purchase = log.event_codes.get(Event.purchase, -1)
    known = scan_repurchase(log.view, until, purchase, place, n_things)
    enough = np.flatnonzero(known.gaps >= LEAST_GAPS)
    found[enough] = known.waited[enough] / known.gaps[enough]
    return found
