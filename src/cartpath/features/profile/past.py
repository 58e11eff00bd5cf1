"""The paths of users before a moment, and what several features are measured on: events by kind, sessions, orders."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.features.log import Log, earlier
from cartpath.features.moments import user_of_event
from cartpath.features.times import local_times
from cartpath.paths.attribution.conversions import conversions_of
from cartpath.paths.counted import Counted, Paths
from cartpath.paths.repurchase_scan import purchases_of
from cartpath.schema import MICROSECONDS, Event
from cartpath.store import PathView

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
DAY = 86_400 * MICROSECONDS


@dataclass(frozen=True)
class Bought:
    """Orders of users, and steps with purchases that have no order id: ``docs/counting.md`` calls them occasions.

    Attributes
    ----------
    user : int64 array (n,)
        Row of the user; the orders of one lie together, in path order.
    at : int64 array (n,)
        The event with the first line.
    amount : float64 array (n,)
        The largest order value of its lines, else the sum of price x quantity; NaN where neither is known.
    """

    user: Ints
    at: Ints
    amount: Floats


class Past:
    """Paths up to a moment; an array of one value a user has one for users without an event, too.

    Parameters
    ----------
    log : Log
    at : int
        Microseconds since 1970 UTC; events at it or after it do not count.
    zone : str
        IANA name of the time zone of days, hours and weekdays.
    """

    def __init__(self, log: Log, at: int, zone: str) -> None:
        self.view: PathView = earlier(log.view, at)
        self.codes, self.at, self.zone = log.event_codes, at, zone

    @property
    def n_users(self) -> int:
        """Number of users."""
        return self.view.n_users

    @cached_property
    def user(self) -> npt.NDArray[np.int32]:
        """The user's row of each event."""
        return user_of_event(self.view)

    @cached_property
    def local(self) -> Ints:
        """What the clock shows at each event, microseconds since it showed 1970."""
        return local_times(self.view.ts, self.zone)

    @cached_property
    def local_at(self) -> int:
        """What the clock shows at the moment."""
        return int(local_times(np.array([self.at], np.int64), self.zone)[0])

    def code(self, name: str) -> int:
        """Return the code of an event, -1 where it was never seen."""
        return self.codes.get(name, -1)

    def is_(self, name: str) -> Bools:
        """Mark the events of a kind."""
        found: Bools = self.view.event == self.code(name)
        return found

    def count(self, rows: Array) -> Floats:
        """Count events (marks or places) by user (n_users,)."""
        return np.bincount(self.user[rows], minlength=self.n_users).astype(np.float64)

    def sum(self, user: Array, values: Floats) -> Floats:
        """Sum values by user (n_users,), each user's in their order."""
        return np.bincount(user, values, minlength=self.n_users).astype(np.float64)

    def last(self, rows: Bools) -> Floats:
        """Days since each user's last event that is marked (n_users,); NaN where there is none."""
        at = np.flatnonzero(rows)
        found = np.full(self.n_users, np.nan)
        found[self.user[at]] = (self.at - self.view.ts[at]) / DAY  # of several the last one stays
        return found

    @cached_property
    def visits(self) -> Ints:
        """Where each user's sessions begin (n_users + 1,)."""
        return np.searchsorted(self.view.sessions.user, np.arange(self.n_users + 1)).astype(np.int64)

    @cached_property
    def starts(self) -> Ints:
        """When each session began: sessions of a user are in this order."""
        return np.array(self.view.sessions.start, np.int64)

    def sessions_with(self, rows: Bools) -> Bools:
        """Mark the sessions that have an event that is marked (n_sessions,)."""
        found = np.zeros(len(self.view.sessions), np.bool_)
        found[self.view.session[rows]] = True
        return found

    def count_sessions(self, marks: Bools) -> Floats:
        """Count sessions by user (n_users,)."""
        return np.bincount(self.view.sessions.user[marks], minlength=self.n_users).astype(np.float64)

    @cached_property
    def _paths(self) -> tuple[Counted, Paths]:
        counted = Counted(self.view)
        return counted, counted.paths("users")

    @cached_property
    def bought(self) -> Bought:
        """The orders, counted and valued as attribution does."""
        counted, paths = self._paths
        found = conversions_of(self.view, paths, self.is_(Event.purchase), counted.step, self.code(Event.purchase))
        amount = np.where(np.isnan(found.value), found.lines, found.value)
        return Bought(self.user[found.place].astype(np.int64), found.place, amount)

    @cached_property
    def bought_items(self) -> tuple[Ints, Ints, Ints]:
        """User, item and number of orders of each pair of a user and an item bought, as repurchase counts them."""
        counted, paths = self._paths
        found = purchases_of(counted, paths, self.code(Event.purchase), self.view.item)
        user = paths.user[found.path].astype(np.int64)
        return tally(user, found.part)


def tally(user: Array, code: Array) -> tuple[Ints, Ints, Ints]:
    """Return each pair of a user and a code, by user, then code, and how often it is there; codes below 0 are left out.

    Examples
    --------
    >>> [found.tolist() for found in tally(np.array([0, 0, 1, 0]), np.array([7, 2, -1, 7]))]
    [[0, 0], [2, 7], [1, 2]]
    """
    there = code >= 0
    user, code = user[there].astype(np.int64), code[there].astype(np.int64)
    span = int(code.max(initial=0)) + 1
    pairs, count = np.unique(user * span + code, return_counts=True)
    return pairs // span, pairs % span, count.astype(np.int64)


def ratio(above: Floats, below: Floats) -> Floats:
    """Divide; NaN where there is nothing to divide by.

    Examples
    --------
    >>> ratio(np.array([1.0, 0.0]), np.array([4.0, 0.0])).tolist()
    [0.25, nan]
    """
    found: Floats = np.divide(above, below, out=np.full(len(above), np.nan), where=below != 0)
    return found
