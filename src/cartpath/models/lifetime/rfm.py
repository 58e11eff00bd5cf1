"""How often, how lately and for how much each user bought: what lifetime models know of a buyer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cartpath.features import Log
from cartpath.features.profile.past import DAY, Past, ratio

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Rfm:
    """Buyers as of a moment, one a row; a *purchase* is all that a user bought on one day, as in the literature.

    Attributes
    ----------
    user : int64 array (n,)
        Row in the view, ascending.
    frequency : float64 array (n,)
        Purchases after the first.
    recency : float64 array (n,)
        Days from the first purchase to the last; 0 where there is one alone.
    age : float64 array (n,)
        Days from the first purchase to the moment, above 0. Where a log begins later than the shop, the first
        purchase is the first that it shows.
    paid : float64 array (n,)
        Purchases whose amount is known and above 0.
    monetary : float64 array (n,)
        Their mean amount; NaN without any.
    """

    user: Ints
    frequency: Floats
    recency: Floats
    age: Floats
    paid: Floats
    monetary: Floats

    def __len__(self) -> int:
        return len(self.user)

    def take(self, rows: Ints) -> Rfm:
        """Return some of the rows."""
        return Rfm(*(of[rows] for of in vars(self).values()))


def rfm_at(log: Log, at: int, zone: str = "UTC") -> Rfm:
    """Summarise the purchases of each user before a moment.

    Orders and amounts are those of the features (``Past.bought``). Times are exact: of a day's purchase that of its
    first order.

    Parameters
    ----------
    log : Log
    at : int
        Microseconds since 1970 UTC; events at it or after it do not count.
    zone : str
        IANA name of the time zone of days.

    Returns
    -------
    Rfm
        Of users with a purchase.

    Examples
    --------
    Two orders on day 0, one on day 3, asked at the begin of day 5:

    >>> from datetime import datetime, timedelta, UTC
    >>> import pyarrow as pa
    >>> from cartpath.features import log_from_table
    >>> when = [datetime(1970, 1, 1, tzinfo=UTC) + timedelta(hours=hours) for hours in (0, 12, 72)]
    >>> log = log_from_table(pa.table({"user_id": ["u"] * 3, "ts": when, "event": ["purchase"] * 3,
    ...                                "order_id": list("abc"), "price": [1.0, 2.0, 7.0]}))
    >>> found = rfm_at(log, 5 * DAY)
    >>> [of.tolist() for of in (found.frequency, found.recency, found.age, found.paid, found.monetary)]
    [[1.0], [3.0], [5.0], [2.0], [5.0]]
    """
    past = Past(log, at, zone)
    user, day = past.bought.user, past.local[past.bought.at] // DAY
    # Orders of a user lie in the order of time, so those of a day lie together.
    new = np.ones(len(user), np.bool_)
    new[1:] = (user[1:] != user[:-1]) | (day[1:] != day[:-1])
    heads = np.flatnonzero(new)
    if not len(heads):
        return Rfm(np.empty(0, np.int64), *(np.empty(0) for _ in range(5)))
    buyer, ts = user[heads], past.view.ts[past.bought.at[heads]]
    amount = np.add.reduceat(np.nan_to_num(past.bought.amount), heads)
    first = np.flatnonzero(np.concatenate([[True], buyer[1:] != buyer[:-1]]))
    times = np.diff(np.append(first, len(buyer)))
    begun, last = ts[first], ts[first + times - 1]
    paid = np.add.reduceat((amount > 0).astype(np.float64), first)
    monetary = ratio(np.add.reduceat(np.maximum(amount, 0.0), first), paid)
    return Rfm(buyer[first], times - 1.0, (last - begun) / DAY, (at - begun) / DAY, paid, monetary)
