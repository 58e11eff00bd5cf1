"""What a model says of the rows of a slice, and how good that is."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.models.intent import IntentScorer, held_out_probabilities
from cartpath.tasks import IntentRows
from cartpath.training.intent.figures import StepFigures, figures_at
from cartpath.training.intent.job import Job
from cartpath.training.kept import Ready

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Judged:
    """What a model says of the rows.

    Attributes
    ----------
    scores, probabilities : float64 array (n,)
        What rows are ranked by, and what is said of them; see ``scored``.
    at : dict of int to StepFigures
        By step.
    seconds : float
        That it took.
    """

    scores: Floats
    probabilities: Floats
    at: dict[int, StepFigures]
    seconds: float


def measured(
    job: Job, ready: Ready[IntentScorer], name: str, rows: IntentRows, part: str, steps: Sequence[int], seed: int
) -> Judged:
    """Score the rows of a slice by a model, and measure it at each step."""
    scorer, earlier = ready.scorers[name], job.data.rows.of("validation")
    earlier = earlier.take(np.flatnonzero(np.isin(earlier.step, steps)))
    began = time.monotonic()
    scores, found = scored(job, scorer, ready.cards[name], rows, part, seed)
    seconds, before = time.monotonic() - began, job.scores_of(name, earlier)
    at = {}
    for step in steps:
        mine, theirs = np.flatnonzero(rows.step == step), np.flatnonzero(earlier.step == step)
        if len(mine):
            chosen_by = earlier.take(theirs), before[theirs]
            at[step] = figures_at(rows.take(mine), scores[mine], found[mine], chosen_by, seed)
    return Judged(scores, found, at, seconds)


def scored(
    job: Job, scorer: IntentScorer, card: Mapping[str, Any], rows: IntentRows, part: str, seed: int
) -> tuple[Floats, Floats]:
    """Return what rows are ranked by, and their probabilities: the same but on the slice of the calibration.

    There the model's own calibration ranks, and the probability of a user's row comes from one on other users.
    """
    if part != "calibration":
        found = scorer.score(job.data.log, rows.ends)
        return found, found
    every = job.data.rows.of(part)
    logits = scorer.model.logits(job.data.log, every.ends)
    weight = float(card.get("positive_weight", 1.0))
    apart = held_out_probabilities(logits, every.label, every.step, every.user, seed, weight)
    asked = np.isin(every.step, np.unique(rows.step))
    return scorer.calibration.apply(logits, every.step)[asked], apart[asked]
