"""What is known at each event from the path so far: gaps, places, counts. Nothing here looks ahead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.schema import MICROSECONDS
from cartpath.store.path import PathView

Array = npt.NDArray[Any]
_HOUR = 3600 * MICROSECONDS
_DAY = 24 * _HOUR


@dataclass(frozen=True)
class Moments:
    """Arrays (n_events,) of what is known at each event, itself included.

    Attributes
    ----------
    user : int32
        Row of the user.
    gap : float64
        Seconds since the user's previous event; -1 at the first.
    place : int64
        Number of the event's step within its session, from 1.
    since : float64
        Seconds since the session's first event.
    visit : int64
        Number of the session among the user's, from 1.
    is_start : bool
        First event of its session.
    hour, weekday : int64
        0 to 23 and 0 (Monday) to 6, UTC.
    """

    user: npt.NDArray[np.int32]
    gap: npt.NDArray[np.float64]
    place: npt.NDArray[np.int64]
    since: npt.NDArray[np.float64]
    visit: npt.NDArray[np.int64]
    is_start: npt.NDArray[np.bool_]
    hour: npt.NDArray[np.int64]
    weekday: npt.NDArray[np.int64]


def moments(view: PathView) -> Moments:
    """Work out what is known at each event of a view.

    Examples
    --------
    >>> from datetime import datetime, UTC
    >>> import pyarrow as pa
    >>> from cartpath.store import view_from_table
    >>> when = [datetime(2024, 1, 1, 5, minute, tzinfo=UTC) for minute in (0, 2, 55)]
    >>> view, _ = view_from_table(pa.table({"user_id": ["u"] * 3, "ts": when, "event": ["view"] * 3}))
    >>> found = moments(view)
    >>> found.gap.tolist(), found.place.tolist(), found.visit.tolist()
    ([-1.0, 120.0, 3180.0], [1, 2, 1], [1, 1, 2])
    """
    user = user_of_event(view)
    gap = np.full(view.n_events, -1.0)
    if view.n_events > 1:
        same = user[1:] == user[:-1]
        gap[1:][same] = np.diff(view.ts)[same] / MICROSECONDS
    order, starts = by_session(view)
    place = np.empty(view.n_events, np.int64)
    is_start = np.zeros(view.n_events, np.bool_)
    if view.n_events:
        place[order] = count_within(view.step[order] == 1, starts)
        is_start[order[starts[:-1]]] = True
    since = (view.ts - view.sessions.start[view.session]) / MICROSECONDS
    days, hours = view.ts // _DAY, view.ts // _HOUR
    # 1970-01-01 was a Thursday.
    return Moments(user, gap, place, since, _visit(view), is_start, hours % 24, (days + 3) % 7)


def user_of_event(view: PathView) -> npt.NDArray[np.int32]:
    """Return the user's row of each event (n_events,)."""
    return np.repeat(np.arange(view.n_users, dtype=np.int32), np.diff(view.offsets))


def by_session(view: PathView) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return events in session order (n_events,) and where each session starts in it (n_sessions + 1,).

    Sessions of one user may overlap in time (two devices), so a session need not be one stretch of the path.
    """
    order = np.argsort(view.session, kind="stable").astype(np.int64)
    sizes = np.bincount(view.session, minlength=len(view.sessions))
    return order, np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def count_within(marks: npt.NDArray[np.bool_], starts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Count marks up to and including each place, anew in each group.

    Examples
    --------
    >>> count_within(np.array([1, 1, 0, 1], bool), np.array([0, 2, 4])).tolist()
    [1, 2, 0, 1]
    """
    total = np.concatenate([[0], np.cumsum(marks)])
    before = np.repeat(total[starts[:-1]], np.diff(starts))
    counted: npt.NDArray[np.int64] = total[1:] - before
    return counted


def _visit(view: PathView) -> npt.NDArray[np.int64]:
    users = view.sessions.user
    first = np.searchsorted(users, users, side="left")
    ordinal = np.arange(len(users)) - first + 1
    visit: npt.NDArray[np.int64] = ordinal[view.session]
    return visit


def log_bucket(values: npt.NDArray[Any], per_doubling: int, buckets: int) -> npt.NDArray[np.int32]:
    """Put values on a logarithmic scale: 1 for below 1, then ``per_doubling`` buckets a doubling; 0 for below 0.

    Examples
    --------
    >>> log_bucket(np.array([-1, 0, 1, 2, 5000]), 1, 8).tolist()
    [0, 1, 2, 3, 7]
    """
    positive = np.maximum(np.nan_to_num(values.astype(np.float64), nan=-1.0), 0.0)
    scale = np.where(positive < 1, 1, 2 + np.floor(per_doubling * np.log2(np.maximum(positive, 1.0))))
    clipped = np.minimum(scale, buckets - 1)
    return np.where(np.nan_to_num(values.astype(np.float64), nan=-1.0) < 0, 0, clipped).astype(np.int32)
