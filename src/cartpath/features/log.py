"""A log in memory: the paths a model reads, with their dictionaries and catalogue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartpath.schema import CONTEXT, item_schema
from cartpath.store import NEVER_SHAPED, view_from_table
from cartpath.store.path import EVENT_ARRAYS, PathView, Sessions

if TYPE_CHECKING:
    from cartpath.store.codes import Codes

#: Events held in memory at most; a larger log is sampled by whole users.
MAX_EVENTS = 3_000_000

Progress = Callable[[str, float], None]


class Snapshot(Protocol):
    """What is needed of a pinned generation of the store."""

    @property
    def generation(self) -> int: ...  # noqa: D102
    @property
    def n_buckets(self) -> int: ...  # noqa: D102
    @property
    def totals(self) -> Any: ...  # noqa: D102
    @property
    def items(self) -> pa.Table: ...  # noqa: D102
    @property
    def shaped_until(self) -> int: ...  # noqa: D102
    def codes(self, name: str) -> list[str]: ...  # noqa: D102
    def bucket(self, bucket: int) -> PathView: ...  # noqa: D102


@dataclass(frozen=True)
class Log:
    """Paths, the texts of their codes, and the catalogue.

    Attributes
    ----------
    view : PathView
        Whole users.
    codes : callable
        Name of a dictionary to its texts by code.
    items : pyarrow.Table
        Columns of ``schema.item_schema()``, any of them absent.
    generation : int
        Generation of the store it was read from.
    share : float
        Share of the store's events that it holds; below 1 it is a sample of whole users.
    shaped_until : int
        What happened before this moment shaped earlier paths; see ``store.Snapshot.shaped_until``.
    timed : bool
        Whether ``view.ts`` are times. Where only the order of events is known they are places, a second apart, and
        nothing may be concluded from gaps, hours or days.
    """

    view: PathView
    codes: Callable[[str], list[str]]
    items: pa.Table
    generation: int = 0
    share: float = 1.0
    shaped_until: int = NEVER_SHAPED
    timed: bool = True

    @property
    def event_codes(self) -> dict[str, int]:
        """Name of an event type to its code."""
        return {name: code for code, name in enumerate(self.codes("event"))}


def log_of(view: PathView, codes: Codes, items: pa.Table | None = None) -> Log:
    """Make a log of paths in memory.

    Parameters
    ----------
    view : PathView
    codes : Codes
        As ``store.view_from_table`` returns them.
    items : pyarrow.Table, optional
        The catalogue; none by default.
    """
    return Log(view, codes.text, item_schema().empty_table() if items is None else items)


def log_from_table(
    table: pa.Table, items: pa.Table | None = None, *, timed: bool = True, gap_seconds: int = 1800
) -> Log:
    """Make a log of a table of canonical events.

    Parameters
    ----------
    table : pyarrow.Table (n events)
        Any of the columns of ``schema.event_schema()``. Exact duplicates are dropped, as in a store.
    items : pyarrow.Table, optional
        The catalogue; none by default.
    timed : bool
        False if ``ts`` says the order alone; see ``Log.timed``.
    gap_seconds : int
        Inactivity that ends a session without an id.

    Returns
    -------
    Log

    Examples
    --------
    >>> from datetime import datetime, UTC
    >>> when = [datetime(2000, 1, 1, 0, 0, second, tzinfo=UTC) for second in (0, 1)]
    >>> events = {"user_id": ["u", "u"], "ts": when, "event": ["view", "view"], "item_id": ["b", "a"]}
    >>> log = log_from_table(pa.table(events), timed=False)
    >>> [log.codes("item")[code] for code in log.view.item], log.timed
    (['b', 'a'], False)
    """
    view, codes = view_from_table(table, gap_seconds)
    return replace(log_of(view, codes, items), timed=timed)


def read_log(snapshot: Snapshot, max_events: int = MAX_EVENTS) -> Log:
    """Read a snapshot into memory, or a sample of its users where it is larger.

    Buckets are a hash of the user, so the first of them are as good a sample as any and the same every time.

    Parameters
    ----------
    snapshot : Snapshot
        An open ``store.Snapshot``.
    max_events : int
        Events to read at most, cut at whole users.

    Returns
    -------
    Log
    """
    views, left = [], max_events
    for bucket in range(snapshot.n_buckets):
        view = snapshot.bucket(bucket)
        if view.n_events > left:
            users = int(np.searchsorted(view.offsets, left, side="right")) - 1
            view = head(view, users)
        if view.n_events:
            views.append(view)
        left -= view.n_events
        if left <= 0:
            break
    joined = join(views)
    total = max(int(snapshot.totals.events), 1)
    share = min(joined.n_events / total, 1.0)
    return Log(joined, snapshot.codes, snapshot.items, snapshot.generation, share, snapshot.shaped_until)


def join(views: Sequence[PathView]) -> PathView:
    """Put views one after another; arrays are copied.

    Examples
    --------
    >>> join([]).n_events
    0
    """
    events = np.concatenate([[0], np.cumsum([view.n_events for view in views])]).astype(np.int64)
    users = np.concatenate([[0], np.cumsum([view.n_users for view in views])]).astype(np.int64)
    sessions = np.concatenate([[0], np.cumsum([len(view.sessions) for view in views])]).astype(np.int64)
    arrays = {name: _stack([getattr(view, name) for view in views], kind) for name, kind in EVENT_ARRAYS.items()}
    arrays["session"] = _shifted([view.session for view in views], sessions)
    ids = [view.user_id for view in views]
    return PathView(
        offsets=np.concatenate([[0], *(view.offsets[1:] + at for view, at in zip(views, events, strict=False))]).astype(
            np.int64
        ),
        user_id=pa.concat_arrays(ids) if ids else pa.array([], pa.string()),
        sessions=_join_sessions(views, users),
        place=None,
        ties=None,
        **arrays,
    )


def _join_sessions(views: Sequence[PathView], users: npt.NDArray[np.int64]) -> Sessions:
    parts = [view.sessions for view in views]
    return Sessions(
        user=_shifted([part.user for part in parts], users),
        start=_stack([part.start for part in parts], np.int64),
        end=_stack([part.end for part in parts], np.int64),
        key=_stack([part.key for part in parts], np.int64),
        context={name: _stack([part.context[name] for part in parts], np.int32) for name in CONTEXT},
        context_ts=_stack([part.context_ts for part in parts], np.int64),
    )


def _stack(arrays: list[npt.NDArray[Any]], kind: npt.DTypeLike) -> npt.NDArray[Any]:
    return np.concatenate(arrays).astype(kind, copy=False) if arrays else np.zeros(0, kind)


def _shifted(arrays: list[npt.NDArray[Any]], by: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
    moved = [array + np.int32(at) for array, at in zip(arrays, by, strict=False)]
    return np.concatenate(moved).astype(np.int32) if moved else np.zeros(0, np.int32)


def head(view: PathView, users: int) -> PathView:
    """Return the paths of the first ``users`` users, without copying."""
    return stretch(view, 0, users)


def stretch(view: PathView, first: int, last: int) -> PathView:
    """Return the paths of the users ``first`` to ``last - 1``, without copying an event.

    Examples
    --------
    >>> stretch(join([]), 0, 0).n_users
    0
    """
    begin, end = int(view.offsets[first]), int(view.offsets[last])
    s_begin, s_end = (int(np.searchsorted(view.sessions.user, user, side="left")) for user in (first, last))
    part = view.sessions
    sessions = Sessions(
        user=part.user[s_begin:s_end] - np.int32(first),
        start=part.start[s_begin:s_end],
        end=part.end[s_begin:s_end],
        key=part.key[s_begin:s_end],
        context={name: values[s_begin:s_end] for name, values in part.context.items()},
        context_ts=part.context_ts[s_begin:s_end],
    )
    arrays = {name: getattr(view, name)[begin:end] for name in EVENT_ARRAYS}
    arrays["session"] = arrays["session"] - np.int32(s_begin)
    return PathView(
        offsets=view.offsets[first : last + 1] - begin,
        user_id=view.user_id.slice(first, last - first),
        sessions=sessions,
        place=None if view.place is None else replace(view.place, first=view.place.first + begin),
        **arrays,
    )


def earlier(view: PathView, until: int) -> PathView:
    """Return the paths as they were before a moment: no later event, no session that begins later.

    Parameters
    ----------
    view : PathView
    until : int
        Microseconds since 1970 UTC.

    Returns
    -------
    PathView
        Of the same users, some of them now without events; the view itself where nothing is later.
    """
    return only(view, np.flatnonzero(view.ts < until))


def only(view: PathView, keep: npt.NDArray[np.int64]) -> PathView:
    """Return the paths with some of their events, and the sessions that have any of these, with what these show.

    Parameters
    ----------
    view : PathView
    keep : int64 array (n,)
        Places of the events, ascending.

    Returns
    -------
    PathView
        Of the same users; the view itself where nothing is left out.
    """
    if len(keep) == view.n_events:
        return view
    users = np.searchsorted(view.offsets, keep, side="right") - 1
    sizes = np.bincount(users, minlength=view.n_users)
    arrays = {name: getattr(view, name)[keep] for name in EVENT_ARRAYS}
    alive = np.flatnonzero(np.bincount(arrays["session"], minlength=len(view.sessions)))
    number = np.zeros(len(view.sessions), np.int32)
    number[alive] = np.arange(len(alive))
    arrays["session"] = number[arrays["session"]]
    end = np.full(len(alive), -(2**63), np.int64)
    np.maximum.at(end, arrays["session"], arrays["ts"])
    part = view.sessions
    # A context that a later event carried is not known yet.
    shown = part.context_ts[alive] <= end
    sessions = Sessions(
        user=part.user[alive],
        start=part.start[alive],
        end=end,
        key=part.key[alive],
        context={name: np.where(shown, values[alive], np.int32(-1)) for name, values in part.context.items()},
        context_ts=np.where(shown, part.context_ts[alive], -1),
    )
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return PathView(offsets=offsets, user_id=view.user_id, sessions=sessions, place=None, **arrays)
