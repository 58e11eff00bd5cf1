"""What intent is learned from: rows and answers, and a window for each training session."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cartpath.features import EncodedLog, Log, window_starts
from cartpath.schema import CartpathError
from cartpath.tasks import EveryStep, IntentRows, IntentTask, TimeSplit, intent_rows


@dataclass(frozen=True)
class IntentData:
    """Everything intent is learned from and judged on.

    Attributes
    ----------
    log : Log
    split : TimeSplit
    task : IntentTask
    rows : IntentRows
        Of all slices.
    """

    log: Log
    split: TimeSplit
    task: IntentTask
    rows: IntentRows


def intent_data(log: Log, split: TimeSplit, task: IntentTask) -> IntentData:
    """Find the rows of the task, and refuse a log that gives nothing to learn.

    Raises
    ------
    CartpathError
        If the training slice lacks rows of either answer.
    """
    rows = intent_rows(log, split, task)
    train = rows.of("train")
    positives = int(train.label.sum())
    if not len(train):
        raise CartpathError(
            f"no session of the training slice (before {split.to_dict()['calibration']}) reaches {task.k} steps",
            "ask earlier in the session: --k 2",
        )
    if positives in (0, len(train)):
        raise CartpathError(
            f"of {len(train)} training sessions with {task.k} steps {positives} go on to a {task.target}: "
            "there is nothing to tell apart",
            "intent needs a log with purchases, and with sessions that end without one",
        )
    return IntentData(log, split, task, rows)


@dataclass(frozen=True)
class Windows:
    """A window a training session, its history included; long sessions have a second one, for the k-th step.

    Attributes
    ----------
    starts, ends, session : int64 array (n,)
    ask : int8 array (n,)
        Which steps are asked about: ``ALL``, ``ONLY_KTH`` or ``ALL_BUT_KTH``.
    steps : EveryStep
    """

    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    session: npt.NDArray[np.int64]
    ask: npt.NDArray[np.int8]
    steps: EveryStep

    def asked(self, windows: npt.NDArray[np.int64], at_k: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Mark the places (b, t) of some windows (b,) that are asked about, given which are a k-th step."""
        ask = self.ask[windows][:, None]
        allowed: npt.NDArray[np.bool_] = (ask == ALL) | (at_k == (ask == ONLY_KTH))
        return allowed


ALL, ONLY_KTH, ALL_BUT_KTH = 0, 1, 2


def training_windows(encoded: EncodedLog, steps: EveryStep, length: int, k: int, least: int = 2) -> Windows:
    """Return a window for each session that is asked about at its ``least``-th step or later.

    A window ends with the last step asked about, so it holds nothing that a label would have to be guessed from. Where
    the k-th step would so have less history than a scorer gives it, or none, it is asked about in a window of its own.
    """
    view, place = encoded.log.view, encoded.moments.place
    asked = np.flatnonzero(steps.asked & (place >= least))
    ends = np.zeros(len(view.sessions), np.int64)
    np.maximum.at(ends, view.session[asked], asked + 1)
    session = np.flatnonzero(ends)
    starts = window_starts(view.offsets, view.sessions.user[session], ends[session], length)
    kth = asked[place[asked] == k]
    kth_session = view.session[kth].astype(np.int64)
    kth_starts = window_starts(view.offsets, view.sessions.user[kth_session], kth + 1, length)
    short = starts[np.searchsorted(session, kth_session)] > kth_starts
    ask = np.where(np.isin(session, kth_session[short]), ALL_BUT_KTH, ALL)
    return Windows(
        np.concatenate([starts, kth_starts[short]]),
        np.concatenate([ends[session], kth[short] + 1]),
        np.concatenate([session, kth_session[short]]),
        np.concatenate([ask, np.full(int(short.sum()), ONLY_KTH)]).astype(np.int8),
        steps,
    )
