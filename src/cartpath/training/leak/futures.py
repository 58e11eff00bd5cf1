"""Other futures of the same past: changed at random, not come yet, with another catalogue of what is new in them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartpath.features import Log, only, user_of_event
from cartpath.features.catalogue import rows_by_code
from cartpath.schema import MICROSECONDS, Columns
from cartpath.store import NO_CODE, NO_QUANTITY, Sessions

Index = npt.NDArray[np.int64]
#: Codes of events that are changed, and whether there may be none.
_CODED = (("event", False), ("item", True), ("page", True), ("query", True))
_LONGEST_GAP = 3 * 86_400 * MICROSECONDS


def changed_after(log: Log, ends: Index, seed: int = 0, until: int | None = None) -> Log:
    """Change everything from some place of each path on: items, events, times, prices, orders, pages, contexts.

    Parameters
    ----------
    log : Log
    ends : int64 array (n_users,)
        The first place of each user's path that is changed.
    seed : int
    until : int, optional
        Changed events happen at or after it, microseconds since 1970; by default not before the last that stays.

    Returns
    -------
    Log
        Of the same users, with as many events each.
    """
    rng, view = np.random.default_rng(seed), log.view
    after = np.flatnonzero(~_stays(log, ends))
    arrays: dict[str, Any] = {}
    for name, may_be_none in _CODED:
        arrays[name], n = getattr(view, name).copy(), len(log.codes(name))
        arrays[name][after] = (
            rng.integers(NO_CODE if may_be_none or not n else 0, max(n, 1), len(after)) if n else NO_CODE
        )
    for name in ("price", "order_value"):
        arrays[name] = getattr(view, name).copy()
        arrays[name][after] = np.where(rng.random(len(after)) < 0.3, np.nan, rng.uniform(0, 900, len(after)))
    arrays["quantity"] = view.quantity.copy()
    arrays["quantity"][after] = rng.choice(np.array([NO_QUANTITY, 1, 7], np.int32), len(after))
    for name in ("order", "flags"):
        arrays[name] = getattr(view, name).copy()
        arrays[name][after] = rng.permutation(arrays[name][after])
    arrays["ts"] = view.ts.copy()
    arrays["ts"][after] = _later(log, after, ends, rng, until)
    return replace(log, view=replace(view, **arrays, sessions=_sessions(log, arrays["ts"], ends, rng)))


def cut_after(log: Log, ends: Index) -> Log:
    """Leave out everything from some place of each path on, as if it had not come yet.

    Parameters
    ----------
    log : Log
    ends : int64 array (n_users,)

    Returns
    -------
    Log
        Of the same users, with the sessions that have begun.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from cartpath.features import log_from_table
    >>> when = pa.array([0, 5, 9], pa.timestamp("s", tz="UTC"))
    >>> log = log_from_table(pa.table({"user_id": ["u"] * 3, "ts": when, "event": ["view"] * 3}))
    >>> cut_after(log, np.array([2])).view.sessions.end.tolist()
    [5000000]
    """
    return replace(log, view=only(log.view, np.flatnonzero(_stays(log, ends))))


def changed_catalogue(log: Log, ends: Index, seed: int = 0) -> Log:
    """Change what the catalogue says of items that no path shows before its end: what is known of them is known later.

    Parameters
    ----------
    log : Log
    ends : int64 array (n_users,)
        The first place of each user's path that is not known.
    seed : int

    Returns
    -------
    Log
        With the facts of any item in place of an unknown one's, some of them missing, and another price.
    """
    rng, items = np.random.default_rng(seed), log.items
    seen = np.unique(log.view.item[_stays(log, ends)])
    free = np.setdiff1d(np.arange(len(items)), rows_by_code(log)[seen[seen >= 0]])
    take = np.arange(len(items))
    take[free] = rng.integers(0, max(len(items), 1), len(free))
    columns = {}
    for name in items.column_names:
        gone = np.zeros(len(items), np.bool_)
        gone[free] = rng.random(len(free)) < 0.2
        columns[name] = items[name] if name == Columns.item_id else _with(items[name], take, gone)
    if Columns.price in columns:
        prices = columns[Columns.price].cast(pa.float64()).to_numpy().copy()
        prices[free] = rng.uniform(0, 900, len(free))
        columns[Columns.price] = pa.array(prices, from_pandas=True).cast(items[Columns.price].type)
    return replace(log, items=pa.table(columns) if columns else items)


def _with(column: pa.ChunkedArray, take: Index, gone: npt.NDArray[np.bool_]) -> pa.ChunkedArray:
    """Return other rows of a column, some of them missing."""
    return column.take(pa.array(take, mask=gone))


def _stays(log: Log, ends: Index) -> npt.NDArray[np.bool_]:
    """Mark the events before the ends of their paths (n_events,)."""
    stays: npt.NDArray[np.bool_] = np.arange(log.view.n_events) < ends[user_of_event(log.view)]
    return stays


def _later(log: Log, after: Index, ends: Index, rng: np.random.Generator, until: int | None) -> Index:
    """Return new times of the changed events: none before what stays of the path, and in order."""
    view = log.view
    users = user_of_event(view)[after]
    first = np.where(ends > view.offsets[:-1], view.ts[np.maximum(ends - 1, 0)], int(view.ts.min(initial=0)))
    if until is not None:
        first = np.maximum(first, until)
    # Gaps from nothing to days, so that sessions, hours and days all change.
    gaps = (rng.random(len(after)) ** 6 * _LONGEST_GAP).astype(np.int64)
    gone = np.cumsum(gaps)
    starts = np.searchsorted(users, users, side="left")
    return first[users] + gone - gone[starts] + gaps[starts]


def _sessions(log: Log, ts: Index, ends: Index, rng: np.random.Generator) -> Sessions:
    """Return the sessions as they are with other events: ends change, and what no event that stays has shown."""
    view, sessions = log.view, log.view.sessions
    n = len(sessions)
    start, end = np.full(n, np.iinfo(np.int64).max), np.full(n, np.iinfo(np.int64).min)
    np.minimum.at(start, view.session, ts)
    np.maximum.at(end, view.session, ts)
    stays = _stays(log, ends)
    known_until = np.full(n, np.iinfo(np.int64).min)
    np.maximum.at(known_until, view.session[stays], view.ts[stays])
    open_ = np.zeros(n, np.bool_)
    open_[view.session[~stays]] = True
    # What a changed event shows: no context at all, or that of any session, at the session's last event.
    hidden = open_ & ((sessions.context_ts < 0) | (sessions.context_ts > known_until))
    none = hidden & (rng.random(n) < 0.5)
    context = {
        name: np.where(none, -1, np.where(hidden, rng.permutation(values), values)).astype(np.int32)
        for name, values in sessions.context.items()
    }
    # Context is known by its time, so that of events at the moment of the last that stays would be known, too.
    later = np.maximum(end, known_until + 1)
    context_ts = np.where(none, -1, np.where(hidden, later, sessions.context_ts))
    return replace(sessions, start=start, end=end, context=context, context_ts=context_ts)
