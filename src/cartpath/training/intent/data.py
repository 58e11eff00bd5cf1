"""What intent is learned from, chosen by, calibrated on and judged on: the same rows for every model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cartpath.features import Log
from cartpath.models.intent import Answered
from cartpath.schema import MICROSECONDS, CartpathError
from cartpath.tasks import STEPS, IntentRows, IntentTask, TimeSplit, intent_rows

#: Steps up to here weigh as one another; later ones of long sessions, which are many and alike, weigh less.
_FULL_WEIGHT, _LATER_WEIGHT = 20, 0.25
#: Rows that models on features learn from at most; of a larger log, those of a draw of sessions.
MOST_ROWS = 600_000


@dataclass(frozen=True)
class IntentData:
    """Every question of a log.

    Attributes
    ----------
    log : Log
    split : TimeSplit
    task : IntentTask
    rows : IntentRows
        Every step of every session, of all slices.
    """

    log: Log
    split: TimeSplit
    task: IntentTask
    rows: IntentRows

    def chosen_by(self, name: str = "validation") -> IntentRows:
        """Return the rows of a slice at the steps that models are compared at."""
        rows = self.rows.of(name)
        return rows.take(np.flatnonzero(np.isin(rows.step, STEPS)))

    def learned_from(self, seed: int = 0, most: int = MOST_ROWS) -> IntentRows:
        """Return the rows of the training slice, of so many sessions as do not give too many."""
        rows = self.rows.of("train")
        if len(rows) <= most:
            return rows
        draw = np.random.default_rng(seed).random(len(self.log.view.sessions))
        return rows.take(np.flatnonzero(draw[rows.session] < most / len(rows)))

    def with_validation(self) -> IntentData:
        """Return the same questions with those of validation to learn from, too, and none to choose by.

        Sessions that straddle the first cut are learned from then. Calibration and test stay what they are.
        """
        _, valid, calibrate = self.split.cuts
        split = TimeSplit((valid, valid, calibrate))
        return IntentData(self.log, split, self.task, intent_rows(self.log, split, self.task))


def intent_data(log: Log, split: TimeSplit, task: IntentTask | None = None) -> IntentData:
    """Find the rows of the task, and refuse a log that gives nothing to learn.

    Raises
    ------
    CartpathError
        If the training slice lacks rows of either answer, validation has one answer only, or the horizon is too long.
    """
    task = task or IntentTask()
    _check_horizon(log, task)
    rows = intent_rows(log, split, task)
    train = rows.of("train")
    positives = int(train.label.sum())
    if not len(train):
        raise CartpathError(
            f"the training slice (before {split.to_dict()['validation']}) has no session to ask about",
            "choose a later --train-until" if task.horizon is None else "choose a shorter horizon",
        )
    if positives in (0, len(train)):
        raise CartpathError(
            f"of {len(train):,} steps of training sessions {positives:,} go on to a {task.target}: "
            "there is nothing to tell apart",
            "intent needs a log with purchases, and with sessions that end without one",
        )
    _check_validation(rows.of("validation"), task)
    return IntentData(log, split, task, rows)


def _check_horizon(log: Log, task: IntentTask) -> None:
    """Refuse a horizon that no event of the log has behind it."""
    ts = log.view.ts
    span = int(ts.max() - ts.min()) if len(ts) else 0
    if task.horizon is not None and task.horizon >= span:
        raise CartpathError(
            f"a horizon of {_days(task.horizon)} is longer than the log, which has {_days(span)}",
            "choose a shorter one (--horizon), or ingest more days",
        )


def _check_validation(rows: IntentRows, task: IntentTask) -> None:
    """Refuse a validation slice by which nothing can be chosen."""
    if not len(rows) and task.horizon is not None:
        raise CartpathError(
            f"with a horizon of {_days(task.horizon)} no question of the validation slice is answered within it",
            "choose a shorter --horizon, or longer slices: --valid-until, --calibrate-until",
        )
    positives = int(rows.label.sum())
    if len(rows) and positives in (0, len(rows)):
        raise CartpathError(
            f"of {len(rows):,} steps of validation sessions {positives:,} go on to a {task.target}: nothing can be "
            "chosen by one answer",
            "give validation more days: a later --valid-until, or an earlier --train-until",
        )


def _days(microseconds: int) -> str:
    return f"{microseconds / 86_400 / MICROSECONDS:.3g} days"


def answers_of(data: IntentData) -> Answered | None:
    """Return what is said of sessions that have had their target event: the share of the training period."""
    rows = intent_rows(data.log, data.split, data.task, answered=True).of("train")
    return Answered(data.task.target, float(rows.label.mean()), len(rows)) if len(rows) else None


def weights_of(rows: IntentRows, positive_weight: float = 1.0) -> npt.NDArray[np.float32]:
    """Return how much each row weighs in training (n,).

    Parameters
    ----------
    rows : IntentRows
    positive_weight : float
        Of a positive, against a negative's 1.

    Examples
    --------
    >>> at = np.array([0, 0])
    >>> weights_of(IntentRows(at, at, np.array([20, 21]), at, np.array([1, 0]), at), 3.0).tolist()
    [3.0, 0.25]
    """
    weight = np.where(rows.step <= _FULL_WEIGHT, 1.0, _LATER_WEIGHT)
    return (weight * np.where(rows.label == 1, positive_weight, 1.0)).astype(np.float32)
