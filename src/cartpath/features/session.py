"""Counts of the session so far and of the history before it: the rows of a classic model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.features.encoder import EncodedLog, PathEncoder
from cartpath.features.moments import by_session
from cartpath.schema import Columns

Array = npt.NDArray[Any]
#: Latest events of the session that are given one by one.
_LATEST = 5


@dataclass(frozen=True)
class FeatureTable:
    """Rows for a classic model.

    Attributes
    ----------
    names : list of str
    values : float32 array (n_rows, n_names)
        Unknown is NaN.
    categorical : list of str
        Names whose values are ids rather than amounts.
    """

    names: list[str]
    values: npt.NDArray[np.float32]
    categorical: list[str]


def session_features(
    encoded: EncodedLog, encoder: PathEncoder, sessions: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]
) -> FeatureTable:
    """Describe sessions at a moment by what has happened until then.

    Parameters
    ----------
    encoded : EncodedLog
    encoder : PathEncoder
        The one it was encoded with.
    sessions : int64 array (n,)
        Row of each session.
    ends : int64 array (n,)
        Place in the path after the last event that may be known.

    Returns
    -------
    FeatureTable (n rows)
    """
    so_far = _SoFar(encoded, sessions, ends)
    columns: dict[str, Array] = {}
    columns |= _event_counts(so_far, encoder)
    columns |= _amounts(so_far)
    latest = _latest(so_far, encoder)
    context = _context(so_far, encoder, sessions)
    amounts = (Columns.visit_number,)
    categorical = [*latest, *(name for name in context if name not in amounts)]
    columns |= {**latest, **context}
    values = np.column_stack([np.asarray(column, np.float32) for column in columns.values()])
    return FeatureTable(list(columns), values.astype(np.float32), categorical)


class _SoFar:
    """Events of a session up to a moment, as a range of the log's session order."""

    def __init__(self, encoded: EncodedLog, sessions: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]) -> None:
        self.encoded, self.view, self.ends = encoded, encoded.log.view, ends
        self.order, starts = by_session(self.view)
        self.begin = starts[sessions]
        # Within a session the order is that of the path, so the events before `ends` are its first ones.
        self.stop = self._first_at_or_after(starts[sessions + 1])
        self.user = self.view.sessions.user[sessions]
        self.user_begin = self.view.offsets[self.user]

    def _first_at_or_after(self, limit: Array) -> npt.NDArray[np.int64]:
        """Find by bisection where in the session order each session's events reach ``ends``."""
        low, high = self.begin.copy(), limit.copy()
        while (low < high).any():
            middle = (low + high) // 2
            reached = self.order[np.minimum(middle, len(self.order) - 1)] >= self.ends
            open_ = low < high
            high = np.where(open_ & reached, middle, high)
            low = np.where(open_ & ~reached, middle + 1, low)
        return low

    def session_sum(self, values: Array) -> Array:
        """Sum a value over the session so far (n,)."""
        ordered = values[self.order]
        if np.issubdtype(values.dtype, np.floating):
            # Not as a difference of running totals: a huge price elsewhere would swallow the digits of this session's.
            bounds = np.column_stack([self.begin, self.stop]).ravel()
            summed: Array = np.add.reduceat(np.append(ordered, 0.0), bounds)[::2]
            return np.where(self.stop > self.begin, summed, 0.0)
        total = np.concatenate([[0], np.cumsum(ordered)])
        summed = total[self.stop] - total[self.begin]
        return summed

    def earlier_sum(self, values: Array) -> Array:
        """Sum a value over the path up to the moment, less the session so far (n,)."""
        total = np.concatenate([[0], np.cumsum(values)])
        summed: Array = total[self.ends] - total[self.user_begin] - self.session_sum(values)
        return summed

    @property
    def last(self) -> npt.NDArray[np.int64]:
        """The latest event of the session (n,)."""
        return self.order[np.maximum(self.stop - 1, 0)]

    def nth_last(self, back: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """The event ``back`` before the latest, and whether there is one."""
        place = self.stop - 1 - back
        return self.order[np.maximum(place, 0)], place >= self.begin


def _event_counts(so_far: _SoFar, encoder: PathEncoder) -> dict[str, Array]:
    columns: dict[str, Array] = {}
    for place, name in enumerate(encoder.events.values):
        marks = so_far.encoded.event_id == 2 + place
        columns[f"n_{name}"] = so_far.session_sum(marks)
        columns[f"before_{name}"] = so_far.earlier_sum(marks)
    return columns


def _amounts(so_far: _SoFar) -> dict[str, Array]:
    view, known = so_far.view, so_far.encoded.moments
    last, every = so_far.last, np.ones(view.n_events, np.int64)
    n = np.maximum(so_far.session_sum(every), 1)
    start = view.sessions.start[view.session[last]]
    price = np.nan_to_num(view.price)
    priced = ~np.isnan(view.price)
    n_priced = so_far.session_sum(priced)
    first_of_session = so_far.order[so_far.begin]
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_price = so_far.session_sum(price) / n_priced
    return {
        "events": n,
        "events_before": so_far.earlier_sum(every),
        "sessions_before": known.visit[last] - 1,
        "since_start": (view.ts[last] - start) / 1e6,
        "last_gap": known.gap[last],
        "since_previous_session": known.gap[first_of_session],
        "items": so_far.session_sum(_first_in_session(so_far, view.item)),
        "pages": so_far.session_sum(_first_in_session(so_far, view.page)),
        "searches": so_far.session_sum(view.query >= 0),
        "mean_price": mean_price,
        "hour": known.hour[last],
        "weekday": known.weekday[last],
    }


def _first_in_session(so_far: _SoFar, codes: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """Mark the first event of each session with each code."""
    view = so_far.view
    marks = np.zeros(view.n_events, np.int64)
    there = np.flatnonzero(codes >= 0)
    if len(there):
        pairs = view.session[there].astype(np.int64) * (int(codes.max()) + 1) + codes[there]
        marks[there[np.unique(pairs, return_index=True)[1]]] = 1
    return marks


def _latest(so_far: _SoFar, encoder: PathEncoder) -> dict[str, Array]:
    fields = encoder.event_fields
    wanted = [name for name in ("page", "section", "category_1", "category_2") if name in fields]
    columns: dict[str, Array] = {}
    for back in range(_LATEST):
        rows, there = so_far.nth_last(back)
        columns[f"event_{back}"] = np.where(there, so_far.encoded.event_id[rows], 0)
    for name in wanted:
        ids = so_far.encoded.events[so_far.last, fields.index(name)]
        columns[f"last_{name}"] = np.maximum(ids - encoder.offsets[name], 0)
    return columns


def _context(so_far: _SoFar, encoder: PathEncoder, sessions: npt.NDArray[np.int64]) -> dict[str, Array]:
    """Return the context of each session as far as it was known at the moment."""
    encoded, of_sessions = so_far.encoded, so_far.view.sessions
    known = so_far.view.ts[so_far.last] >= of_sessions.context_ts[sessions]
    columns: dict[str, Array] = {}
    for place, name in enumerate(encoder.session_fields):
        if name == Columns.visit_number:
            visits = of_sessions.context[name][sessions]
            columns[name] = np.where(known & (visits >= 0), visits, np.nan)
        else:
            ids = np.maximum(encoded.sessions[sessions, place] - encoder.offsets[name], 0)
            columns[name] = np.where(known, ids, 0)
    return columns
