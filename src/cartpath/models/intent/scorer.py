"""Intent scorers behind one interface, and the calibration that turns what they say into probabilities."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from cartpath.features import Log, by_session, count_within
from cartpath.models.artefact import write_json
from cartpath.models.calibration import Calibrator, Platt, calibrator_from_dict, choose_calibrator
from cartpath.tasks import target_seen

Floats = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
SCORER, CALIBRATION = "scorer.json", "calibration.json"
#: First steps of the groups of steps that are calibrated apart, where the slice has enough of each.
GROUPS: tuple[int, ...] = (1, 2, 3, 5, 10, 20)
#: Parts of the users, each calibrated on the others, where the calibration slice itself is judged.
_FOLDS = 5


class Intent(Protocol):
    """From paths to log odds that a purchase follows."""

    def logits(self, log: Log, ends: Index) -> Floats:
        """Return the log odds, not calibrated, at the places ``ends`` of paths (n,); nothing from there on is read."""

    def save(self, folder: Path) -> None:
        """Write it into a folder."""


@dataclass(frozen=True)
class StepCalibration:
    """A calibration for each group of steps; those with too few answers share one that is fitted on all.

    Attributes
    ----------
    whole : Calibrator
    parts : dict of int to Calibrator
        By the group's first step.

    Examples
    --------
    >>> StepCalibration().apply(np.array([0.0, 0.0]), np.array([1, 7])).tolist()
    [0.5, 0.5]
    """

    whole: Calibrator = field(default_factory=Platt)
    parts: dict[int, Calibrator] = field(default_factory=dict)

    def apply(self, logits: Floats, steps: Index) -> Floats:
        """Return probabilities (n,) of logits at steps."""
        found = np.asarray(self.whole.apply(logits), np.float64)
        group = group_of(steps)
        for first, part in self.parts.items():
            mine = group == first
            if mine.any():
                found[mine] = part.apply(logits[mine])
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        parts = {str(first): part.to_dict() for first, part in self.parts.items()}
        return {"whole": self.whole.to_dict(), "parts": parts}

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> StepCalibration:
        """Read what ``to_dict`` gave."""
        parts = {int(first): calibrator_from_dict(part) for first, part in raw["parts"].items()}
        return cls(calibrator_from_dict(raw["whole"]), parts)


def group_of(steps: Index) -> Index:
    """Return the first step of each step's group.

    Examples
    --------
    >>> group_of(np.array([1, 4, 5, 300])).tolist()
    [1, 3, 5, 20]
    """
    return np.asarray(GROUPS)[np.searchsorted(GROUPS, steps, side="right") - 1]


def fit_step_calibration(
    logits: Floats, labels: npt.NDArray[np.int8], steps: Index, users: Index, seed: int = 0, weight: float = 1.0
) -> StepCalibration:
    """Choose a calibration for each group of steps on the calibration slice; see ``choose_calibrator``.

    Parameters
    ----------
    logits : float64 array (n,)
    labels : int8 array (n,)
    steps, users : int64 array (n,)
    seed : int
    weight : float
        What the loss of a positive was multiplied by in training.
    """
    if not len(labels):
        return StepCalibration()
    whole = choose_calibrator(logits, labels, users, seed, weight)
    group, parts = group_of(steps), {}
    for first in GROUPS:
        mine = group == first
        chosen = choose_calibrator(logits[mine], labels[mine], users[mine], seed, weight) if mine.any() else None
        if chosen is not None and chosen.folds:
            parts[first] = chosen.calibrator
    return StepCalibration(whole.calibrator, parts)


def held_out_probabilities(
    logits: Floats, labels: npt.NDArray[np.int8], steps: Index, users: Index, seed: int = 0, weight: float = 1.0
) -> Floats:
    """Return the probabilities of the rows of a calibration slice, each from a calibration on other users (n,).

    Parameters as of ``fit_step_calibration``.
    """
    found = np.zeros(len(logits))
    known, code = np.unique(users, return_inverse=True)
    fold = (np.random.default_rng(seed).permutation(len(known)) % _FOLDS)[code] if len(known) else code
    for number in range(_FOLDS):
        mine = fold == number
        others = ~mine
        part = fit_step_calibration(logits[others], labels[others], steps[others], users[others], seed, weight)
        found[mine] = part.apply(logits[mine], steps[mine])
    return found


@dataclass(frozen=True)
class Answered:
    """What is said where the session has had its target event already: no model is asked about a further one.

    Attributes
    ----------
    target : str
    rate : float
        The share of such steps of the training period that a further one followed.
    n : int
        Of so many.
    """

    target: str
    rate: float
    n: int


@dataclass
class IntentScorer:
    """A model and its calibration: what evaluation, prediction and the service call.

    Attributes
    ----------
    model : Intent
    calibration : StepCalibration
    answers : Answered, optional
        None where training had no session with a target event to take the share from: then the model's word stands.
    """

    model: Intent
    calibration: StepCalibration = field(default_factory=StepCalibration)
    answers: Answered | None = None

    def score(self, log: Log, ends: Index) -> Floats:
        """Return the probability that a purchase follows, at the places ``ends`` of paths (n,).

        Parameters
        ----------
        log : Log
        ends : int64 array (n,)
            Each after the last event that may be known; the session asked about is that event's.
        """
        if not len(ends):
            return np.zeros(0)
        found = self.calibration.apply(self.model.logits(log, ends), steps_at(log, ends))
        if self.answers is not None:
            found[self.answered(log, ends)] = self.answers.rate
        return found

    def answered(self, log: Log, ends: Index) -> npt.NDArray[np.bool_]:
        """Tell where the session has had its target event by an end, so that no model is asked (n,)."""
        if self.answers is None:
            return np.zeros(len(ends), np.bool_)
        return target_seen(log, ends, self.answers.target)

    def save(self, folder: Path) -> None:
        """Write model and calibration into a folder; ``load_intent`` reads them."""
        self.model.save(folder)
        answers = None if self.answers is None else asdict(self.answers)
        write_json(folder / CALIBRATION, {**self.calibration.to_dict(), "answered": answers})


def steps_at(log: Log, ends: Index) -> Index:
    """Return the number, within its session, of the step of the event before each end (n,)."""
    order, starts = by_session(log.view)
    place = np.empty(log.view.n_events, np.int64)
    place[order] = count_within(log.view.step[order] == 1, starts)
    return place[ends - 1]
