"""What a user has touched and bought before a moment, by item."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from cartpath.features import Log
from cartpath.schema import Event

Ints = npt.NDArray[np.int64]


def _none() -> Ints:
    return np.zeros(0, np.int64)


@dataclass(frozen=True)
class Touched:
    """Items that a user had to do with.

    Attributes
    ----------
    item : int64 array (n,)
        Item codes, ascending, each once.
    times : int64 array (n,)
        Different moments.
    first, last : int64 array (n,)
        Microseconds since 1970 UTC.
    """

    item: Ints = field(default_factory=_none)
    times: Ints = field(default_factory=_none)
    first: Ints = field(default_factory=_none)
    last: Ints = field(default_factory=_none)

    def rows(self, items: Ints) -> Ints:
        """Return the row of each of some items (n_asked,), -1 where it is not among them."""
        if not len(self.item):
            return np.full(len(items), -1, np.int64)
        at = np.minimum(np.searchsorted(self.item, items), len(self.item) - 1)
        return np.where(self.item[at] == items, at, -1)


@dataclass(frozen=True)
class History:
    """What rules need to know of a user; of one whom nobody knows it is empty.

    Attributes
    ----------
    seen : Touched
        Items of any event but an impression, which shows a thing and not that it was looked at.
    bought : Touched
        Items of purchases.
    """

    seen: Touched = field(default_factory=Touched)
    bought: Touched = field(default_factory=Touched)

    @classmethod
    def of(cls, log: Log, user: int, end: int) -> History:
        """Read the history of a user.

        Parameters
        ----------
        log : Log
        user : int
            Row of the user in the log.
        end : int
            Place of the first event that is not known yet.

        Examples
        --------
        >>> import pyarrow as pa
        >>> from cartpath.features import log_from_table
        >>> when = pa.array([1, 2, 3, 4], pa.timestamp("s", tz="UTC"))
        >>> log = log_from_table(pa.table({"user_id": ["u"] * 4, "ts": when, "item_id": ["a", "b", "a", "b"],
        ...                                "event": ["view", "view", "purchase", "purchase"]}))
        >>> found = History.of(log, 0, 3)
        >>> found.seen.item.tolist(), found.seen.times.tolist(), found.bought.item.tolist()
        ([0, 1], [2, 1], [0])
        """
        begin = int(log.view.offsets[user])
        items, events, ts = (values[begin:end] for values in (log.view.item, log.view.event, log.view.ts))
        names = log.codes("event")
        shown, purchase = (names.index(name) if name in names else -1 for name in (Event.impression, Event.purchase))
        there = items >= 0
        return cls(
            *(_touched(items[kept], ts[kept]) for kept in (there & (events != shown), there & (events == purchase)))
        )


def _touched(items: npt.NDArray[np.int32], ts: Ints) -> Touched:
    """Gather events, which are in the order of time, by item."""
    if not len(items):
        return Touched()
    order = np.argsort(items, kind="stable")
    item, ts = items[order].astype(np.int64), ts[order]
    new = np.append(True, item[1:] != item[:-1])
    moment = new | np.append(True, ts[1:] != ts[:-1])
    starts = np.flatnonzero(new)
    last = np.append(starts[1:], len(item)) - 1
    passed = np.cumsum(moment)
    return Touched(item[starts], passed[last] - passed[starts] + 1, ts[starts], ts[last])
