"""What is known of a user and a thing that the user has bought: how often, when last, and whether others buy it again.

A thing is an item, or what items have in common (a category, a brand): ``place`` says which by item code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cartpath.features.moments import user_of_event
from cartpath.features.profile.column import Column
from cartpath.schema import MICROSECONDS
from cartpath.store.path import PathView

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int32]
_PAIR = 2**32
_DAY = 86_400
#: Columns of a pair of a user and a thing.
PAIR_COLUMNS: tuple[Column, ...] = (
    Column("pair_purchases", "purchases", "Different moments at which the user bought it.", whole=True),
    Column("pair_days_since", "days", "Since the user bought it last."),
    Column("pair_days_since_first", "days", "Since the user bought it first."),
    Column("pair_interval", "days", "From the first purchase of it to the last, over purchases after the first."),
    Column("pair_due", "intervals", "`pair_days_since` over `pair_interval`, or over `thing_interval` if bought once."),
    Column("pair_share", "share of purchases", "`pair_purchases` over those of all things of the user."),
    Column("pair_events_since", "events", "Other events of the user with it since it was bought last.", whole=True),
    Column("thing_buyers", "users", "Users who have bought it.", whole=True),
    Column("thing_again", "share of users", "Of `thing_buyers` those who bought it at two moments or more."),
    Column("thing_interval", "days", "Mean time between two purchases of it by one user."),
)


@dataclass(frozen=True)
class Pairs:
    """Pairs of a user and a thing bought before a moment, by user, then by thing.

    Attributes
    ----------
    code : int64 array (n,)
        ``user row * 2**32 + place of the thing``.
    times : int64 array (n,)
        Different moments of purchases.
    first, last : int64 array (n,)
        Microseconds since 1970 UTC.
    """

    code: Ints
    times: Ints
    first: Ints
    last: Ints


@dataclass(frozen=True)
class Repurchase:
    """What all users did with each thing before a moment; counts, which add up over buckets.

    Attributes
    ----------
    buyers, again : int64 array (n_things,)
        Users who bought it, and those who did at two moments or more.
    gaps, waited : int64 array (n_things,)
        Times between two purchases by one user: how many, and their sum in seconds.
    """

    buyers: Ints
    again: Ints
    gaps: Ints
    waited: Ints


def pairs_before(view: PathView, at: int, purchase: int, place: Places) -> Pairs:
    """Find what users bought before a moment.

    Parameters
    ----------
    view : PathView
    at : int
        Microseconds since 1970 UTC.
    purchase : int
        Code of the event.
    place : int32 array (n_item_codes + 1,)
        Of the thing that an item is, by item code; -1 of none, the last of no item.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from cartpath.features import log_from_table
    >>> when = pa.array([0, 5, 9, 20], pa.timestamp("s", tz="UTC"))
    >>> log = log_from_table(pa.table({"user_id": ["u"] * 4, "ts": when, "event": ["purchase"] * 4,
    ...                                "item_id": ["a", "b", "a", "a"]}))
    >>> found = pairs_before(log.view, 10_000_000, 0, np.array([0, 1, -1], np.int32))
    >>> found.code.tolist(), found.times.tolist(), (found.last // 1_000_000).tolist()
    ([0, 1], [2, 1], [9, 5])
    """
    thing = np.where((view.event == purchase) & (view.ts < at), place[view.item], -1)
    rows = np.flatnonzero(thing >= 0)
    code, ts = user_of_event(view)[rows].astype(np.int64) * _PAIR + thing[rows], view.ts[rows]
    order = np.lexsort((ts, code))
    code, ts = code[order], ts[order]
    new = np.append(True, code[1:] != code[:-1])[: len(code)]
    moment = new | np.append(True, ts[1:] != ts[:-1])[: len(code)]
    starts = np.flatnonzero(new)
    ends = np.append(starts[1:], len(code))[: len(starts)]
    passed = np.append(0, np.cumsum(moment))
    return Pairs(code[starts], passed[ends] - passed[starts], ts[starts], ts[ends - 1])


def scan_repurchase(view: PathView, at: int, purchase: int, place: Places, n_things: int) -> Repurchase:
    """Count what users of some paths did with each thing before a moment; arguments as of ``pairs_before``."""
    found = pairs_before(view, at, purchase, place)
    thing, gaps = found.code % _PAIR, found.times - 1
    # Whole seconds: a sum of them is the same in whatever order buckets come.
    waited = (found.last - found.first) // MICROSECONDS

    def of(values: Ints) -> Ints:
        total = np.zeros(n_things, np.int64)
        np.add.at(total, thing, values)
        return total

    return Repurchase(of(np.ones_like(thing)), of((gaps > 0).astype(np.int64)), of(gaps), of(waited))


def merge_repurchase(parts: Sequence[Repurchase]) -> Repurchase:
    """Add up the counts of several paths, at least one."""

    def total(name: str) -> Ints:
        found: Ints = np.stack([getattr(part, name) for part in parts]).sum(axis=0).astype(np.int64)
        return found

    return Repurchase(total("buyers"), total("again"), total("gaps"), total("waited"))


def pair_features(
    view: PathView, at: int, purchase: int, place: Places, known: Repurchase, user: Ints, thing: Ints
) -> Floats:
    """Describe pairs of a user and a thing bought before a moment (n, n_columns); see ``PAIR_COLUMNS``.

    Parameters
    ----------
    view, at, purchase, place
        As of ``pairs_before``.
    known : Repurchase
        Of all users, before the same moment.
    user, thing : int64 array (n,)
        Each a pair that ``pairs_before`` finds.
    """
    found = pairs_before(view, at, purchase, place)
    row = np.searchsorted(found.code, user * _PAIR + thing)
    times, last, first = found.times[row], found.last[row], found.first[row]
    since, since_first = (at - last) / MICROSECONDS / _DAY, (at - first) / MICROSECONDS / _DAY
    interval = _over(since_first - since, times - 1)
    usual = _over(known.waited[thing] / _DAY, known.gaps[thing])
    whole = np.bincount(found.code // _PAIR, found.times, view.n_users)[user]
    columns = (
        times,
        since,
        since_first,
        interval,
        _over(since, np.where(times > 1, interval, usual)),
        times / whole,
        _others_since(view, at, purchase, place, found)[row],
        known.buyers[thing],
        _over(known.again[thing], known.buyers[thing]),
        usual,
    )
    return np.column_stack(columns).astype(np.float64)


def _over(amount: npt.NDArray[np.generic], by: npt.NDArray[np.generic]) -> Floats:
    """Divide; NaN where there is nothing to divide by."""
    found: Floats = np.divide(amount, by, out=np.full(len(amount), np.nan), where=by > 0)  # type: ignore[operator]
    return found


def _others_since(view: PathView, at: int, purchase: int, place: Places, found: Pairs) -> Ints:
    """Return how many events of another kind each pair has after its last purchase (n_pairs,)."""
    thing = np.where((view.event != purchase) & (view.ts < at), place[view.item], -1)
    rows = np.flatnonzero(thing >= 0)
    code = user_of_event(view)[rows].astype(np.int64) * _PAIR + thing[rows]
    if not len(found.code):
        return np.zeros(0, np.int64)
    row = np.minimum(np.searchsorted(found.code, code), len(found.code) - 1)
    later = (found.code[row] == code) & (view.ts[rows] > found.last[row])
    return np.bincount(row[later], minlength=len(found.code)).astype(np.int64)
