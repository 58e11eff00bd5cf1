"""A run: events of some users in path order. A bucket is a base run and at most one delta, merged linearly.

``build`` sorts rows into a run and ``merge`` joins two; ``merge(build(x), build(y)) == build(x + y)`` whatever the
split, late events and all. Everything the table holds (sessions, context, steps, flags) is defined so that this is so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartpath.schema import CONTEXT, MICROSECONDS, Columns, CorruptStoreError
from cartpath.store import kernels
from cartpath.store.hashing import HashTable
from cartpath.store.path import EVENT_ARRAYS, FLAG_BLANKED, NO_CODE, NO_QUANTITY, PathView, Place, Sessions
from cartpath.store.prepare import BLANKED, HIT, ORDER, RECEIVED, ROW_HASH, SESSION_KEY, USER_KEY, context_of
from cartpath.store.ties import count_ties

Array = npt.NDArray[Any]

#: Value of an array that the source had no column for, and that is therefore not on disk.
EMPTY: Mapping[str, Any] = {
    "item": NO_CODE,
    "page": NO_CODE,
    "query": NO_CODE,
    "price": np.nan,
    "quantity": NO_QUANTITY,
    ORDER: 0,
    "order_value": np.nan,
    "flags": 0,
    HIT: 0,
    RECEIVED: 0,
}
TYPES: Mapping[str, Any] = {**EVENT_ARRAYS, ROW_HASH: np.int64, HIT: np.int64, RECEIVED: np.int64}


@dataclass
class Run:
    """Users in key order, each with events in time order; see ``PathView`` for the arrays.

    Attributes
    ----------
    user_key : uint64 array (n_users,)
        Ascending.
    user_id : pyarrow.StringArray (n_users,)
    offsets : int64 array (n_users + 1,)
    arrays : dict of arrays (n_events,)
        Those of ``TYPES``; one that is absent is ``EMPTY`` throughout.
    sessions : Sessions
    ties : tuple of int, optional
        As ``PathView.ties``; None in a file of before they were kept.
    """

    user_key: npt.NDArray[np.uint64]
    user_id: pa.StringArray
    offsets: npt.NDArray[np.int64]
    arrays: dict[str, Array]
    sessions: Sessions
    ties: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        # Read-only like what comes from disk: safer, and kernels compile once for both.
        s = self.sessions
        for array in (
            *self.arrays.values(),
            self.offsets,
            s.user,
            s.start,
            s.end,
            s.key,
            s.context_ts,
            *s.context.values(),
        ):
            array.setflags(write=False)

    def __len__(self) -> int:
        return len(self.arrays["ts"])

    def array(self, name: str) -> Array:
        """Return one array, made up where it is absent."""
        found = self.arrays.get(name)
        if found is None:
            found = np.full(len(self), EMPTY[name], TYPES[name])
            found.setflags(write=False)
        return found

    def view(self, place: Place | None = None) -> PathView:
        """Return the run as readers see it."""
        return PathView(
            offsets=self.offsets,
            user_id=self.user_id,
            sessions=self.sessions,
            place=place,
            ties=self.ties,
            **{name: self.array(name) for name in EVENT_ARRAYS},
        )


@cache
def empty_run() -> Run:
    """Return the run of no users, as ``build`` makes it of no rows; Arrow would import pandas to make those."""
    keys = {name: np.empty(0, np.int64) for name in ("start", "end", "key", "context_ts")}
    context = {name: np.empty(0, np.int32) for name in CONTEXT}
    return Run(
        user_key=np.empty(0, np.uint64),
        user_id=pa.nulls(0, pa.string()),
        offsets=np.zeros(1, np.int64),
        arrays={name: np.empty(0, kind) for name, kind in TYPES.items() if name not in EMPTY},
        sessions=Sessions(user=np.empty(0, np.int32), context=context, **keys),
        ties=(0, 0),
    )


@dataclass(frozen=True)
class Loose:
    """A run before its sessions are derived: ``arrays`` has no ``session`` and no ``step``.

    Each event has the key of its session (0 where the source has none) and the context that it carries.
    """

    user_key: npt.NDArray[np.uint64]
    user_id: pa.StringArray
    offsets: npt.NDArray[np.int64]
    arrays: dict[str, Array]
    key: npt.NDArray[np.int64]
    context: dict[str, Array]

    def array(self, name: str) -> Array:
        """Return one array, made up where it is absent."""
        found = self.arrays.get(name)
        return np.full(len(self.key), EMPTY[name], TYPES[name]) if found is None else found

    def carried(self, name: str) -> Array:
        """Return one name of the context, made up where it is absent."""
        found = self.context.get(name)
        return np.full(len(self.key), NO_CODE, np.int32) if found is None else found


def order_rows(rows: pa.Table, chosen: Array | None = None) -> tuple[Array, Array, Array]:
    """Return rows in path order (by user key, time, position), the user keys, and where each user starts.

    Parameters
    ----------
    rows : pyarrow.Table
        As ``prepare`` makes them.
    chosen : int64 array, optional
        Ascending; the rows that count. All by default.
    """
    ts, keys = column(rows, Columns.ts), column(rows, USER_KEY)
    if chosen is not None and len(chosen) == len(rows):
        chosen = None
    if chosen is not None:
        ts, keys = kernels.take(ts, chosen), kernels.take(keys, chosen)
    number, first = HashTable(len(keys)).number(keys)
    unique = keys[first]
    by_key = np.argsort(unique)
    rank = np.empty(len(unique), np.int32)
    rank[by_key] = np.arange(len(unique), dtype=np.int32)
    user = kernels.take(rank, number)
    by_time = None if kernels.is_sorted(ts) else np.argsort(ts, kind="stable")
    order, starts = kernels.group(user if by_time is None else kernels.take(user, by_time), len(unique))
    for earlier in (by_time, chosen):
        order = order if earlier is None else kernels.take(earlier, order)
    return order, unique[by_key], starts


def column(rows: pa.Table, name: str) -> Array:
    """Return a column without nulls as one array."""
    return np.ascontiguousarray(rows[name].to_numpy())


def build(rows: pa.Table, order: Array, user_key: Array, offsets: Array, gap_seconds: int) -> Run:
    """Make a run of rows.

    Parameters
    ----------
    rows : pyarrow.Table
        As ``prepare`` makes them, without duplicates.
    order, user_key, offsets : arrays
        As ``order_rows`` gives them.
    gap_seconds : int
        Inactivity that ends a session without an id.
    """
    names = [name for name in TYPES if name in rows.column_names]
    arrays = {name: kernels.take(column(rows, name), order) for name in names}
    if BLANKED in rows.column_names:
        arrays["flags"] = (kernels.take(column(rows, BLANKED), order) * FLAG_BLANKED).astype(np.uint8)
    user_id = rows[Columns.user_id].combine_chunks().take(pa.array(order[offsets[:-1]]))
    if isinstance(user_id, pa.ChunkedArray):
        user_id = user_id.combine_chunks()
    has_key = SESSION_KEY in rows.column_names
    key = kernels.take(column(rows, SESSION_KEY), order) if has_key else np.zeros(len(order), np.int64)
    context = {name: kernels.take(values, order) for name, values in context_of(rows).items()}
    return finish(Loose(user_key, user_id, offsets, arrays, key, context), gap_seconds)


def finish(loose: Loose, gap_seconds: int) -> Run:
    """Derive sessions, steps and flags, and take each session's context from the event that carries it first."""
    offsets, arrays, key, context = loose.offsets, loose.arrays, loose.key, loose.context
    ts = arrays[Columns.ts]
    carries = np.zeros(len(ts), np.bool_)
    for values in context.values():
        carries |= values >= 0
    session, user, start, end, session_key = kernels.sessions(offsets, ts, key, gap_seconds * MICROSECONDS)
    carrier = kernels.carriers(session, carries, len(user))
    taken = {name: np.where(carrier >= 0, context[name][carrier], NO_CODE) for name in context}
    blank = np.full(len(user), NO_CODE, np.int32)
    full = {name: taken[name].astype(np.int32) if name in taken else blank for name in CONTEXT}
    context_ts = np.where(carrier >= 0, ts[carrier], -1) if len(ts) else np.zeros(0, np.int64)
    run = Run(
        loose.user_key,
        loose.user_id,
        offsets,
        {**arrays, "session": session},
        Sessions(
            user=user.copy(),
            start=start.copy(),
            end=end.copy(),
            key=session_key.copy(),
            context=full,
            context_ts=context_ts,
        ),
    )
    flags = run.array("flags").copy()
    event, item, page, order, hit = (run.array(name) for name in ("event", "item", "page", ORDER, HIT))
    run.arrays["step"] = kernels.steps(offsets, ts, event, item, page, session, order, hit, flags)
    run.arrays.pop("flags", None)
    if flags.any():
        run.arrays["flags"] = flags
    run.__post_init__()
    # Every question says how many there are, and to count them takes as long as many a question.
    ties, users = count_ties(offsets, run.arrays["ts"], run.arrays["event"], run.arrays["step"])
    run.ties = int(ties), int(users)
    return run


def merge(a: Run, b: Run, gap_seconds: int) -> Run:
    """Merge two runs of the same bucket; on equal times the events of ``a`` come first.

    Parameters
    ----------
    a, b : Run
        ``a`` was ingested before ``b``.
    gap_seconds : int
        The gap both were built with.
    """
    return finish(join(loosen(a), loosen(b)), gap_seconds)


def loosen(run: Run) -> Loose:
    """Undo ``finish``: give the context of its session to each event it may have been taken from."""
    session = run.arrays["session"]
    carrier = run.sessions.context_ts[session] == run.arrays["ts"]
    known = {n: values for n, values in run.sessions.context.items() if (values >= 0).any()}
    return Loose(
        run.user_key,
        run.user_id,
        run.offsets,
        {n: values for n, values in run.arrays.items() if n not in ("session", "step")},
        run.sessions.key[session],
        {n: np.where(carrier, values[session], NO_CODE) for n, values in known.items()},
    )


def join(a: Loose, b: Loose) -> Loose:
    """Merge by user and time; on equal times the events of ``a`` come first."""
    offsets, source, user_a, user_b = kernels.merge_order(
        a.user_key, a.offsets, a.arrays["ts"], b.user_key, b.offsets, b.arrays["ts"]
    )
    names = [n for n in TYPES if n in a.arrays or n in b.arrays]
    known = [n for n in CONTEXT if n in a.context or n in b.context]
    return Loose(
        *_joined_users(a, b, user_a, user_b),
        offsets,
        {n: kernels.gather(a.array(n), b.array(n), source) for n in names},
        kernels.gather(a.key, b.key, source),
        {n: kernels.gather(a.carried(n), b.carried(n), source) for n in known},
    )


def _joined_users(a: Loose, b: Loose, user_a: Array, user_b: Array) -> tuple[Array, pa.StringArray]:
    both = (user_a >= 0) & (user_b >= 0)
    left, right = a.user_id.take(pa.array(user_a[both])), b.user_id.take(pa.array(user_b[both]))
    if not left.equals(right):
        raise CorruptStoreError("two user ids have the same 64-bit hash", "rename one of them at the source")
    index = np.where(user_a >= 0, user_a, len(a.user_key) + user_b)
    key = np.concatenate([a.user_key, b.user_key])[index]
    return key, pa.concat_arrays([a.user_id, b.user_id]).take(pa.array(index))


def rows_of(run: Run, user_key: Array) -> Array:
    """Return the rows in ``run`` of those of the users (uint64 keys) that it has."""
    at = np.searchsorted(run.user_key, user_key)
    inside = at < len(run.user_key)
    found: Array = at[inside][run.user_key[at[inside]] == user_key[inside]]
    return found


def select(run: Run, users: Array, gap_seconds: int) -> Run:
    """Return the run of some of its users (rows, ascending)."""
    sizes = np.diff(run.offsets)[users]
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    keep = np.repeat(run.offsets[users] - offsets[:-1], sizes) + np.arange(offsets[-1])
    session = run.arrays["session"]
    carrier = run.sessions.context_ts[session[keep]] == run.arrays["ts"][keep]
    context = {n: np.where(carrier, v[session[keep]], NO_CODE) for n, v in run.sessions.context.items()}
    arrays = {n: v[keep] for n, v in run.arrays.items() if n not in ("session", "step")}
    key = run.sessions.key[session[keep]]
    some = Loose(run.user_key[users], run.user_id.take(pa.array(users)), offsets, arrays, key, context)
    return finish(some, gap_seconds)


def rebuild_run(run: Run, rows: Array, gap_seconds: int, changed: Mapping[str, Array] | None = None) -> Run:
    """Return the run of some of its events, some values changed; sessions, steps and flags are derived anew.

    A session whose context was carried by an event that is left out takes it from its next event.

    Parameters
    ----------
    run : Run
    rows : int64 array (m,)
        Events to keep, in the new path order: users in order, each one's events together and by their new time.
    gap_seconds : int
        Inactivity that ends a session without an id.
    changed : mapping of str to array (n_events,), optional
        Arrays of ``TYPES``, over all events of ``run``, that replace its own.
    """
    owner = np.repeat(np.arange(len(run.user_key)), np.diff(run.offsets))
    users, sizes = np.unique(owner[rows], return_counts=True)
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    session = kernels.take(run.arrays["session"], rows)
    since = kernels.take(run.sessions.context_ts, session)
    known = (since >= 0) & (kernels.take(run.arrays[Columns.ts], rows) >= since)
    there = {n: v for n, v in run.sessions.context.items() if (v >= 0).any()}
    context = {n: np.where(known, kernels.take(v, session), NO_CODE) for n, v in there.items()}
    own = {n: v for n, v in run.arrays.items() if n not in ("session", "step")} | dict(changed or {})
    arrays = {name: kernels.take(values, rows) for name, values in own.items()}
    key = kernels.take(run.sessions.key, session)
    some = Loose(run.user_key[users], run.user_id.take(pa.array(users)), offsets, arrays, key, context)
    return finish(some, gap_seconds)


def drop_duplicates(rows: pa.Table, known: Array, chosen: Array | None = None) -> Array:
    """Mark rows (of those chosen) that are the first with their fingerprint; those in ``known`` are stored already."""
    prints = column(rows, ROW_HASH).view(np.uint64)
    return kernels.first_of_each(prints if chosen is None else kernels.take(prints, chosen), known)
