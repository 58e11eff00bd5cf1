"""What ``doctor`` counts in a bucket, and how the counts of buckets go together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
import pyarrow as pa

from cartpath.ingest.doctor.kernels import Floats, Ints, paused, rhythm, same_time
from cartpath.schema import CONTEXT, MICROSECONDS, Columns
from cartpath.store import FLAG_BLANKED, FLAG_NEAR_DUPLICATE, NO_QUANTITY, PathView

DAY = 86_400 * MICROSECONDS
#: A session is too long from this time, or this many events, on.
LONG_SESSION = 4 * 3600 * MICROSECONDS
MANY_EVENTS = 500
#: Pauses that deviate from their median by no more than this part of it (median deviation) are a machine's.
REGULAR = 0.1
#: Steps within a minute that no hand makes.
FAST = 60


@dataclass(frozen=True)
class Scope:
    """What a scan has to know of the whole store.

    Attributes
    ----------
    first_day : int
        Days since 1970 of the first event.
    n_days, n_events : int
        Days there are, and names of events.
    gap : int
        The inactivity that ends a session without an id, microseconds.
    """

    first_day: int
    n_days: int
    n_events: int
    gap: int


@dataclass(frozen=True)
class Suspects:
    """Users that behave like machines, one entry a user.

    Attributes
    ----------
    user_id : list of str
    events : list of int
        Of the user.
    pause : list of float
        Median pause between steps of a session, seconds; NaN if there are too few.
    spread : list of float
        Median deviation of the pauses, as a part of ``pause``.
    peak : list of int
        Most steps within a minute.
    """

    user_id: list[str]
    events: list[int]
    pause: list[float]
    spread: list[float]
    peak: list[int]


@dataclass(frozen=True)
class Counts:
    """Counts of a bucket or of a store.

    Attributes
    ----------
    events_of_day, sessions_of_day : int64 array (n_days,)
        Events, and sessions begun.
    missing : mapping of str to int64 array (n_events,)
        Events without a value, by event code.
    context : mapping of str to int
        Sessions without a value.
    ties, ties_apart, blanked, near : int
        Events at the same time as the one before of their user; of these, those of another step; events of which
        a value was blanked; near duplicates.
    events, users, single, sessions, derived : int
        In all; users of one event; sessions made by the inactivity gap.
    long, large, paused : int
        Sessions of at least ``LONG_SESSION``; with at least ``MANY_EVENTS``; by id, with a pause above the gap.
    longest, largest : int
        Microseconds of the longest session, events of the largest.
    regular, fast : int
        Suspects by regularity, and by rate.
    suspects : Suspects
    """

    events_of_day: Ints
    sessions_of_day: Ints
    missing: Mapping[str, Ints]
    context: Mapping[str, int]
    ties: int
    ties_apart: int
    blanked: int
    near: int
    events: int
    users: int
    single: int
    sessions: int
    derived: int
    long: int
    large: int
    paused: int
    longest: int
    largest: int
    regular: int
    fast: int
    suspects: Suspects


def scan(view: PathView, scope: Scope) -> Counts:
    """Count one bucket."""
    sessions = view.sessions
    pause, spread, peak = rhythm(view.offsets, view.ts, view.step, view.session)
    regular, fast = spread <= REGULAR, peak >= FAST
    ties, apart = same_time(view.offsets, view.ts, view.step)
    length = sessions.end - sessions.start
    size = np.bincount(view.session, minlength=len(sessions))
    days = view.ts // DAY - scope.first_day
    return Counts(
        events_of_day=np.bincount(days, minlength=scope.n_days),
        sessions_of_day=np.bincount(sessions.start // DAY - scope.first_day, minlength=scope.n_days),
        missing=_missing(view, scope.n_events),
        context={name: int((sessions.context[name] < 0).sum()) for name in CONTEXT if name in sessions.context},
        ties=ties,
        ties_apart=apart,
        blanked=int(np.count_nonzero(view.flags & FLAG_BLANKED)),
        near=int(np.count_nonzero(view.flags & FLAG_NEAR_DUPLICATE)),
        events=view.n_events,
        users=view.n_users,
        single=int((np.diff(view.offsets) == 1).sum()),
        sessions=len(sessions),
        derived=int((sessions.key == 0).sum()),
        long=int((length >= LONG_SESSION).sum()),
        large=int((size >= MANY_EVENTS).sum()),
        paused=int(np.count_nonzero(paused(view.offsets, view.ts, view.session, scope.gap)[sessions.key != 0])),
        longest=int(length.max(initial=0)),
        largest=int(size.max(initial=0)),
        regular=int(regular.sum()),
        fast=int(fast.sum()),
        suspects=_suspects(view, np.flatnonzero(regular | fast), pause, spread, peak),
    )


def _missing(view: PathView, n_events: int) -> dict[str, Ints]:
    empty = {
        Columns.item_id: view.item < 0,
        Columns.price: np.isnan(view.price),
        Columns.quantity: view.quantity == NO_QUANTITY,
        Columns.order_id: view.order == 0,
        Columns.order_value: np.isnan(view.order_value),
        Columns.page: view.page < 0,
        Columns.query: view.query < 0,
    }
    return {name: np.bincount(view.event[mask], minlength=n_events) for name, mask in empty.items()}


def _suspects(view: PathView, rows: Ints, pause: Floats, spread: Floats, peak: Ints) -> Suspects:
    return Suspects(
        user_id=view.user_id.take(pa.array(rows)).to_pylist(),
        events=np.diff(view.offsets)[rows].tolist(),
        pause=(pause[rows] / MICROSECONDS).tolist(),
        spread=spread[rows].tolist(),
        peak=peak[rows].tolist(),
    )


def merge(parts: Sequence[Counts]) -> Counts:
    """Add the counts of buckets."""
    first = parts[0]
    together: dict[str, object] = {}
    for field in fields(Counts):
        values = [getattr(part, field.name) for part in parts]
        if field.name in ("longest", "largest"):
            together[field.name] = max(values)
        elif field.name in ("missing", "context"):
            together[field.name] = {name: sum(value[name] for value in values) for name in values[0]}
        elif field.name == "suspects":
            names = [item.name for item in fields(Suspects)]
            joined = {name: [x for value in values for x in getattr(value, name)] for name in names}
            together[field.name] = Suspects(**joined)
        else:
            together[field.name] = sum(values[1:], values[0])
    return type(first)(**together)  # type: ignore[arg-type]
