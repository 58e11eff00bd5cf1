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
    """One window a training session, its history included.

    Attributes
    ----------
    starts, ends, session : int64 array (n,)
    steps : EveryStep
    """

    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    session: npt.NDArray[np.int64]
    steps: EveryStep


def training_windows(encoded: EncodedLog, steps: EveryStep, length: int, least: int = 2) -> Windows:
    """Return a window for each session that is asked about at its ``least``-th step or later.

    A window ends with the last step asked about, so it holds nothing that a label would have to be guessed from.
    """
    view = encoded.log.view
    asked = np.flatnonzero(steps.asked & (encoded.moments.place >= least))
    ends = np.zeros(len(view.sessions), np.int64)
    np.maximum.at(ends, view.session[asked], asked + 1)
    session = np.flatnonzero(ends)
    starts = window_starts(view.offsets, view.sessions.user[session], ends[session], length)
    return Windows(starts, ends[session], session, steps)
