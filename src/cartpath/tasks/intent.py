"""Intent: at the k-th step of a session, will it still contain a purchase?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cartpath.features import Log, by_session, count_within
from cartpath.schema import Event
from cartpath.tasks.split import SLICES, TimeSplit, check_unshaped


@dataclass(frozen=True)
class IntentTask:
    """What is asked.

    Attributes
    ----------
    k : int
        Step of the session after which it is asked, from 1. Events of one hit are one step.
    target : str
        The event it is asked about.
    """

    k: int = 5
    target: str = Event.purchase


@dataclass(frozen=True)
class IntentRows:
    """Sessions that reached the k-th step without the target event until then.

    Attributes
    ----------
    session, user : int64 array (n,)
        Rows in the view.
    ends : int64 array (n,)
        Place in the path after the last event of the k-th step; nothing from there on may be known.
    label : int8 array (n,)
        1 if the target event follows within the session.
    slice : int64 array (n,)
        Place in ``SLICES``, by the session's start; -1 where the session straddles a cut.
    """

    session: npt.NDArray[np.int64]
    user: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    label: npt.NDArray[np.int8]
    slice: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.session)

    def of(self, name: str) -> IntentRows:
        """Return the rows of one slice."""
        return self.take(np.flatnonzero(self.slice == SLICES.index(name)))

    def take(self, rows: npt.NDArray[np.int64]) -> IntentRows:
        """Return some of the rows."""
        return IntentRows(self.session[rows], self.user[rows], self.ends[rows], self.label[rows], self.slice[rows])


def intent_rows(log: Log, split: TimeSplit, task: IntentTask | None = None) -> IntentRows:
    """Find the sessions that can be asked about, and the answers.

    Parameters
    ----------
    log : Log
    split : TimeSplit
    task : IntentTask, optional
        The 5th step and purchases by default.

    Returns
    -------
    IntentRows
        In the order of sessions; empty where no session is long enough.

    Raises
    ------
    CartpathError
        If what came after the first cut shaped the paths before it.
    """
    check_unshaped(log.shaped_until, split)
    task = task or IntentTask()
    view, sessions = log.view, log.view.sessions
    steps = _Steps(log, task.target)
    asked = np.flatnonzero((steps.n_steps >= task.k) & (steps.first_target > task.k))
    return IntentRows(
        session=asked,
        user=sessions.user[asked].astype(np.int64),
        ends=steps.end_of_step(task.k)[asked],
        label=(steps.first_target[asked] <= steps.n_steps[asked]).astype(np.int8),
        slice=split.slice_of(sessions.start[asked], _end(view.ts, steps)[asked]),
    )


def _end(ts: npt.NDArray[np.int64], steps: _Steps) -> npt.NDArray[np.int64]:
    ends: npt.NDArray[np.int64] = ts[steps.order[steps.starts[1:] - 1]]
    return ends


class _Steps:
    """Steps of every session, in session order."""

    def __init__(self, log: Log, target: str) -> None:
        view = log.view
        self.order, self.starts = by_session(view)
        self.number = count_within(view.step[self.order] == 1, self.starts)
        self.n_steps = np.zeros(len(view.sessions), np.int64)
        session = view.session[self.order]
        np.maximum.at(self.n_steps, session, self.number)
        #: Step of the first target event; beyond all steps where there is none.
        self.first_target = np.full(len(view.sessions), np.iinfo(np.int64).max)
        hits = view.event[self.order] == log.event_codes.get(target, -2)
        np.minimum.at(self.first_target, session[hits], self.number[hits])

    def end_of_step(self, k: int) -> npt.NDArray[np.int64]:
        """Return the place in the path after the last event of each session's k-th step (n_sessions,)."""
        ends = np.zeros(len(self.n_steps), np.int64)
        within = self.number <= k
        session = np.repeat(np.arange(len(self.n_steps)), np.diff(self.starts))
        np.maximum.at(ends, session[within], self.order[within] + 1)
        return ends


@dataclass(frozen=True)
class EveryStep:
    """The same question at every step, for training.

    Attributes
    ----------
    label : int8 array (n_events,)
        1 if the target event follows within the session.
    asked : bool array (n_events,)
        Last events of steps in sessions of the slice, before the first target event.
    """

    label: npt.NDArray[np.int8]
    asked: npt.NDArray[np.bool_]


def every_step(log: Log, split: TimeSplit, name: str, task: IntentTask | None = None) -> EveryStep:
    """Ask at every step of the sessions that lie wholly within one slice.

    Parameters
    ----------
    log : Log
    split : TimeSplit
    name : str
        One of ``SLICES``.
    task : IntentTask, optional
    """
    task = task or IntentTask()
    view, sessions = log.view, log.view.sessions
    steps = _Steps(log, task.target)
    session = view.session[steps.order]
    inside = split.slice_of(sessions.start, _end(view.ts, steps)) == SLICES.index(name)
    last = np.ones(len(steps.order), np.bool_)
    last[:-1] = (steps.number[1:] != steps.number[:-1]) | (session[1:] != session[:-1])
    asked, label = np.zeros(view.n_events, np.bool_), np.zeros(view.n_events, np.int8)
    asked[steps.order] = last & inside[session] & (steps.number < steps.first_target[session])
    label[steps.order] = steps.first_target[session] <= steps.n_steps[session]
    return EveryStep(label, asked)
