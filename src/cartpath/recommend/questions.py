"""Whom a recommender is asked about in a slice of time, and what the answer was."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cartpath.features import Log, user_of_event
from cartpath.models.next_item import Index
from cartpath.tasks import NextItemRows


def live_rows(log: Log, begin: int, end: int, seed: int = 0) -> NextItemRows:
    """Ask once about each user who touches an item in ``[begin, end)``, after an event drawn among those of then.

    It is what a service is asked: in the middle of things, the latest click included. The truth is every different item
    touched from the next event on, the one touched last before it left out: it is on the screen.

    Parameters
    ----------
    log : Log
    begin, end : int
        Microseconds since 1970 UTC.
    seed : int
        Of the draw.

    Returns
    -------
    NextItemRows
        In the order of users; users whose drawn event has no such item after it are not among them.
    """
    view, users = log.view, user_of_event(log.view)
    inside = (view.ts >= begin) & (view.ts < end)
    last = latest_item(log)
    places = np.flatnonzero(inside & _another_ahead(log, inside))
    drawn = _one_a_user(users[places], places, seed)
    true = np.flatnonzero(inside & (view.item >= 0))
    at = np.full(view.n_users, np.iinfo(np.int64).max)
    at[users[drawn]] = drawn
    true = true[true > at[users[true]]]
    true = true[view.item[true] != last[at[users[true]]]]
    pairs = users[true].astype(np.int64) * 2**32 + view.item[true]
    first = true[np.sort(np.unique(pairs, return_index=True)[1])]
    counts = np.bincount(users[first], minlength=view.n_users)[users[drawn]]
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return NextItemRows(users[drawn].astype(np.int64), drawn + 1, offsets, view.item[first])


def latest_item(log: Log) -> npt.NDArray[np.int32]:
    """Return the item that each event's user touched last, this event included (n_events,); -1 where none was."""
    view = log.view
    place = np.where(view.item >= 0, np.arange(view.n_events), -1)
    starts = view.offsets[user_of_event(view)]
    latest = np.maximum.accumulate(place) if len(place) else place
    return np.where(latest >= starts, view.item[latest], np.int32(-1)).astype(np.int32)


def both(one: NextItemRows, other: NextItemRows) -> NextItemRows:
    """Put rows one after another."""
    return NextItemRows(
        np.concatenate([one.user, other.user]),
        np.concatenate([one.ends, other.ends]),
        np.concatenate([one.truth_offsets, other.truth_offsets[1:] + one.truth_offsets[-1]]),
        np.concatenate([one.truth, other.truth]),
    )


def sampled(rows: NextItemRows, most: int, seed: int) -> NextItemRows:
    """Return at most so many rows, drawn at random and in their order."""
    if len(rows) <= most:
        return rows
    return take(rows, np.sort(np.random.default_rng(seed).choice(len(rows), most, replace=False)))


def take(rows: NextItemRows, places: Index) -> NextItemRows:
    """Return some of the rows."""
    parts = [rows.of(int(place)) for place in places]
    sizes = [len(part) for part in parts]
    return NextItemRows(
        rows.user[places],
        rows.ends[places],
        np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        np.concatenate(parts) if parts else np.zeros(0, np.int32),
    )


def _another_ahead(log: Log, inside: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return after which events the user touches an item of the slice other than the latest (n_events,)."""
    view, users = log.view, user_of_event(log.view)
    at = np.flatnonzero(view.item >= 0)
    item, user = view.item[at], users[at]
    new = np.append(True, (item[1:] != item[:-1]) | (user[1:] != user[:-1]))[: len(at)]
    # Runs of one item, numbered along the log; each event is in the run of the item touched last.
    run = np.zeros(view.n_events, np.int64)
    run[at] = np.cumsum(new)
    final = np.zeros(view.n_users, np.int64)
    np.maximum.at(final, users, np.where(inside, run, 0))
    so_far = np.maximum.accumulate(run) if len(run) else run
    before = np.append(0, so_far)[view.offsets[:-1]]
    mine = np.where(so_far > before[users], so_far, 0)
    ahead: npt.NDArray[np.bool_] = final[users] > mine
    return ahead


def _one_a_user(users: npt.NDArray[np.int32], places: Index, seed: int) -> Index:
    """Draw one place of each user, ascending."""
    order = np.random.default_rng(seed).permutation(len(places))
    _, first = np.unique(users[order], return_index=True)
    drawn: Index = np.sort(places[order[first]]).astype(np.int64)
    return drawn
