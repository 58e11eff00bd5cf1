"""Intent: at a step of a session, will a purchase follow?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cartpath.features import Log, by_session, count_within
from cartpath.schema import MICROSECONDS, CartpathError, Event
from cartpath.tasks.split import SLICES, TimeSplit, check_unshaped

Index = npt.NDArray[np.int64]
#: Steps at which intent is asked where nobody says otherwise.
STEPS: tuple[int, ...] = (1, 3, 5, 10, 20)
_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class IntentTask:
    """What is asked.

    Attributes
    ----------
    target : str
        The event it is asked about.
    horizon : int, optional
        Microseconds within which it must follow; by default it must follow in the rest of the session.
    """

    target: str = Event.purchase
    horizon: int | None = None

    def __post_init__(self) -> None:
        if self.horizon is not None and self.horizon < MICROSECONDS:
            raise CartpathError("a horizon must be a second or longer", 'give it with its unit: "24h", "7d"')


@dataclass(frozen=True)
class IntentRows:
    """Steps of sessions, each before the session's first target event.

    Attributes
    ----------
    session, user : int64 array (n,)
        Rows in the view.
    step : int64 array (n,)
        Number of the step within its session, from 1; events of one hit are one step.
    ends : int64 array (n,)
        Place in the path after the last event of the step; nothing from there on may be known.
    label : int8 array (n,)
        1 if the target event follows.
    slice : int64 array (n,)
        Place in ``SLICES``; -1 where what is asked about straddles a cut, or would end after the log does.
    """

    session: Index
    user: Index
    step: Index
    ends: Index
    label: npt.NDArray[np.int8]
    slice: Index

    def __len__(self) -> int:
        return len(self.session)

    def of(self, name: str) -> IntentRows:
        """Return the rows of one slice."""
        return self.take(np.flatnonzero(self.slice == SLICES.index(name)))

    def at(self, step: int) -> IntentRows:
        """Return the rows of one step."""
        return self.take(np.flatnonzero(self.step == step))

    def take(self, rows: npt.NDArray[np.int64]) -> IntentRows:
        """Return some of the rows."""
        return IntentRows(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


def intent_rows(
    log: Log,
    split: TimeSplit,
    task: IntentTask | None = None,
    steps: Sequence[int] | None = None,
    *,
    answered: bool = False,
) -> IntentRows:
    """Find the steps that can be asked about, and the answers.

    A session is asked at each step that it reaches without a target event until then, its last one included. It is in
    a slice if all of it is, and with a horizon what the answer is read from, too.

    Parameters
    ----------
    log : Log
    split : TimeSplit
    task : IntentTask, optional
        Purchases in the rest of the session by default.
    steps : sequence of int, optional
        Steps to ask at, from 1; every one by default.
    answered : bool
        The other steps instead: those at or after the session's first target event, at which a further one may follow.

    Returns
    -------
    IntentRows
        In the order of sessions, then of steps; empty where no session is long enough.

    Raises
    ------
    CartpathError
        If what came after the first cut shaped the paths before it.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from cartpath.features import log_from_table
    >>> when = pa.array([0, 1, 2], pa.timestamp("s", tz="UTC"))
    >>> events = {"user_id": ["u"] * 3, "ts": when, "event": ["view", "view", "purchase"]}
    >>> rows = intent_rows(log_from_table(pa.table(events)), TimeSplit((2**62,) * 3))
    >>> rows.step.tolist(), rows.ends.tolist(), rows.label.tolist()
    ([1, 2], [1, 2], [1, 1])
    """
    check_unshaped(log.shaped_until, split)
    task = task or IntentTask()
    view, sessions = log.view, log.view.sessions
    order, starts = by_session(view)
    number = count_within(view.step[order] == 1, starts)
    session = view.session[order].astype(np.int64)
    hits = view.event[order] == log.event_codes.get(task.target, -2)
    first_target, last_target = np.full(len(sessions), _NEVER), np.zeros(len(sessions), np.int64)
    np.minimum.at(first_target, session[hits], number[hits])
    np.maximum.at(last_target, session[hits], number[hits])
    last = np.ones(len(order), np.bool_)
    last[:-1] = (number[1:] != number[:-1]) | (session[1:] != session[:-1])
    asked = last & ((number < first_target[session]) != answered)
    if steps is not None:
        asked &= np.isin(number, np.asarray(steps))
    row, step = session[asked], number[asked]
    ends = order[asked] + 1
    until = view.ts[order[starts[1:] - 1]][row] if len(sessions) else np.zeros(0, np.int64)
    if task.horizon is None:
        label = last_target[row] > step
    else:
        follows = _next_time(log, task.target)[ends - 1]
        until = np.maximum(until, view.ts[ends - 1] + task.horizon)
        label = follows <= view.ts[ends - 1] + task.horizon
    slices = split.slice_of(sessions.start[row], until)
    if task.horizon is not None and view.n_events:
        slices[until > view.ts.max()] = -1
    user = sessions.user[row].astype(np.int64)
    return IntentRows(row, user, step, ends.astype(np.int64), label.astype(np.int8), slices)


def target_seen(log: Log, ends: Index, target: str) -> npt.NDArray[np.bool_]:
    """Tell where the session of the event before each end has had a target event by then (n,).

    Parameters
    ----------
    log : Log
    ends : int64 array (n,)
    target : str

    Examples
    --------
    >>> import pyarrow as pa
    >>> from cartpath.features import log_from_table
    >>> when = pa.array([0, 1, 2], pa.timestamp("s", tz="UTC"))
    >>> events = {"user_id": ["u"] * 3, "ts": when, "event": ["view", "purchase", "view"]}
    >>> target_seen(log_from_table(pa.table(events)), np.array([1, 2, 3]), "purchase").tolist()
    [False, True, True]
    """
    order, starts = by_session(log.view)
    seen = np.zeros(log.view.n_events, np.int64)
    seen[order] = count_within(log.view.event[order] == log.event_codes.get(target, -2), starts)
    return seen[ends - 1] > 0


def _next_time(log: Log, target: str) -> Index:
    """Return when each event's user next has a target event after it (n_events,); never is the largest number."""
    view = log.view
    places = np.flatnonzero(view.event == log.event_codes.get(target, -2))
    after = np.searchsorted(places, np.arange(view.n_events), side="right")
    found = np.append(places, view.n_events)[after]
    user_end = np.repeat(view.offsets[1:], np.diff(view.offsets))
    times: Index = np.where(found < user_end, np.append(view.ts, _NEVER)[found], _NEVER)
    return times
