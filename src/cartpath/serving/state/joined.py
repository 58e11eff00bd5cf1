"""One user's path out of its parts: what the store has, and the live events.

It does for one user what ``store.run.merge`` does for a bucket, and gives the same arrays; a test holds them equal.
A user's path is short, so that what counts is the number of operations on arrays, not the length of these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartpath.schema import CONTEXT, MICROSECONDS
from cartpath.serving.state.base import Place
from cartpath.serving.state.rows import Row
from cartpath.store import kernels
from cartpath.store.path import EVENT_ARRAYS, NO_CODE, PathView, Sessions
from cartpath.store.prepare import HIT, ORDER, ROW_HASH, SESSION_KEY
from cartpath.store.run import EMPTY, TYPES, Loose

Array = npt.NDArray[Any]
_HELD = tuple(name for name in EVENT_ARRAYS if name not in ("session", "step"))


@dataclass(frozen=True)
class Stretch:
    """Some events of one user in time order, with what they carry, as ``store.run.Loose`` has it.

    Attributes
    ----------
    arrays : dict of arrays (n,)
        Those of ``store.run.TYPES`` that are not ``EMPTY`` throughout.
    key : int64 array (n,)
        Of the session; 0 where it is derived.
    context : int32 array (15, m)
    carried : int64 array (n,)
        The column of ``context`` that the event carries, -1 if none.
    """

    arrays: dict[str, Array]
    key: Array
    context: Array
    carried: Array

    def __len__(self) -> int:
        return len(self.key)

    def array(self, name: str) -> Array:
        """Return one array, made up where it is absent."""
        found = self.arrays.get(name)
        return np.full(len(self.key), EMPTY[name], TYPES[name]) if found is None else found


def stored(place: Place) -> Stretch:
    """Return a user's events in a run."""
    run, row = place
    lo, hi = int(run.offsets[row]), int(run.offsets[row + 1])
    arrays = {name: values[lo:hi] for name, values in run.arrays.items() if name not in ("session", "step")}
    own, sessions = run.arrays["session"][lo:hi], run.sessions
    first, last = int(own.min()), int(own.max()) + 1  # a user's sessions lie together
    own = own - first
    context = np.empty((len(CONTEXT), last - first), np.int32)
    for at, name in enumerate(CONTEXT):
        context[at] = sessions.context[name][first:last]
    carries = sessions.context_ts[first:last][own] == arrays["ts"]
    return Stretch(arrays, sessions.key[first:last][own], context, np.where(carries, own, -1))


def lived(rows: Row) -> Stretch:
    """Return live rows (n,), in the order of the log, as events."""
    ts = rows["ts"]
    if len(ts) > 1 and (ts[1:] < ts[:-1]).any():
        rows = rows[np.argsort(ts, kind="stable")]
    arrays = {name: rows[name] for name in (*_HELD, ROW_HASH)}
    carries = (rows["context"] >= 0).any(axis=1)
    return Stretch(arrays, rows[SESSION_KEY], rows["context"].T, np.where(carries, np.arange(len(rows)), -1))


def together(parts: Sequence[Stretch]) -> Stretch:
    """Merge by time; on equal times the events of an earlier part come first."""
    if len(parts) == 1:
        return parts[0]
    ts = np.concatenate([part.arrays["ts"] for part in parts])
    order = None if (ts[1:] >= ts[:-1]).all() else np.argsort(ts, kind="stable")
    names = dict.fromkeys(name for part in parts for name in part.arrays)
    shift = np.cumsum([0, *(part.context.shape[1] for part in parts)])
    carried = [np.where(part.carried >= 0, part.carried + by, -1) for part, by in zip(parts, shift, strict=False)]
    return Stretch(
        {name: _put(np.concatenate([part.array(name) for part in parts]), order) for name in names},
        _put(np.concatenate([part.key for part in parts]), order),
        np.concatenate([part.context for part in parts], axis=1),
        _put(np.concatenate(carried), order),
    )


def _put(values: Array, order: Array | None) -> Array:
    return values if order is None else values[order]


def finished(user_id: str, whole: Stretch, gap_seconds: int) -> PathView:
    """Derive sessions, steps and flags: the path of one user.

    Parameters
    ----------
    user_id : str
    whole : Stretch
        All of the user's events.
    gap_seconds : int
        Inactivity that ends a session without an id.
    """
    n = len(whole)
    offsets = np.array([0, n], np.int64)
    arrays: dict[str, Any] = {name: _own(whole.array(name)) for name in _HELD}
    ts, hit = arrays["ts"], whole.arrays.get(HIT)
    found = kernels.sessions(offsets, ts, _own(whole.key), gap_seconds * MICROSECONDS)
    session, user, start, end, key = found
    carrier = kernels.carriers(session, whole.carried >= 0, len(user))
    known = carrier >= 0
    context = np.where(known, whole.context[:, whole.carried[carrier]], NO_CODE)
    flags = arrays["flags"]
    hits = np.zeros(n, np.int64) if hit is None else _own(hit)
    step = kernels.steps(
        offsets, ts, arrays["event"], arrays["item"], arrays["page"], session, arrays[ORDER], hits, flags
    )
    sessions = Sessions(
        user=user,
        start=start,
        end=end,
        key=key,
        context=dict(zip(CONTEXT, context, strict=True)),
        context_ts=np.where(known, ts[carrier], -1),
    )
    return PathView(
        offsets=offsets,
        user_id=pa.array([user_id], pa.string()),
        sessions=sessions,
        session=session,
        step=step,
        **arrays,
    )


def _own(values: Array) -> Array:
    """Copy: kernels are compiled for one layout, and what is on disk cannot be written to."""
    return np.array(values, copy=True, order="C")


def loose(user_id: str, key: int, whole: Stretch) -> Loose:
    """Return a user's events as ``store.run.finish`` takes them."""
    names = [name for name in TYPES if name in whole.arrays and name not in ("session", "step")]
    arrays = {name: _own(whole.arrays[name]) for name in names}
    carried = {
        name: np.where(whole.carried >= 0, values[whole.carried], NO_CODE).astype(np.int32)
        for name, values in zip(CONTEXT, whole.context, strict=True)
        if (values >= 0).any()
    }
    return Loose(
        np.array([key], np.uint64),
        pa.array([user_id], pa.string()),
        np.array([0, len(whole)], np.int64),
        arrays,
        _own(whole.key),
        carried,
    )


def nothing(user_id: str) -> PathView:
    """Return the path of a user whom nobody knows: no event."""
    blank: dict[str, Any] = {name: np.zeros(0, kind) for name, kind in EVENT_ARRAYS.items()}
    none = np.zeros(0, np.int64)
    context = {name: np.zeros(0, np.int32) for name in CONTEXT}
    sessions = Sessions(user=np.zeros(0, np.int32), start=none, end=none, key=none, context=context, context_ts=none)
    return PathView(offsets=np.zeros(2, np.int64), user_id=pa.array([user_id], pa.string()), sessions=sessions, **blank)
