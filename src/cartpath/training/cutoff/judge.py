"""What a fitted model says of the rows it is judged on, and every figure of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cartpath.models.cutoff import LabelScorer, SpendScorer
from cartpath.models.cutoff.scorer import Floats
from cartpath.tasks import SpendRows
from cartpath.training.cutoff.figures import AmountFigures, Amounts, amount_figures, compared_amounts
from cartpath.training.cutoff.job import AnsweredRows, CutoffJob, Fitted
from cartpath.training.cutoff.keep import Scorer, apart
from cartpath.training.intent.figures import StepFigures, compared, figures_at


@dataclass(frozen=True)
class Judged:
    """A model's figures on the rows of a slice.

    Attributes
    ----------
    figures : StepFigures or AmountFigures
    said : float64 array (n,)
        Probabilities, or amounts in currency.
    seconds : float
        That it took to say them.
    """

    figures: StepFigures | AmountFigures
    said: Floats
    seconds: float

    def less(self, name: str, bar: str, other: Judged) -> list[dict[str, Any]]:
        """Return how it compares with another model on the same rows."""
        if isinstance(self.figures, StepFigures) and isinstance(other.figures, StepFigures):
            return compared(name, bar, None, self.figures, other.figures)
        assert isinstance(self.figures, AmountFigures)
        assert isinstance(other.figures, AmountFigures)
        return compared_amounts(name, bar, self.figures, other.figures)


def judged(job: CutoffJob, scorer: Scorer, card: Mapping[str, Any], part: str, seed: int) -> Judged:
    """Judge a model on a slice.

    On the calibration slice what is said of a user comes from a calibration on others; rows are ranked by the model
    itself there, since calibrations of several users' rows are not in one order.

    Parameters
    ----------
    job : CutoffJob
    scorer : LabelScorer or SpendScorer
    card : mapping
        The model's.
    part : str
        ``test`` or ``calibration``.
    seed : int
    """
    rows, began = job.of(part), time.monotonic()
    predicted = scorer.model.predicted(job.log, rows)
    if isinstance(scorer, SpendScorer):
        assert isinstance(rows, SpendRows)
        said = _amounts(job, scorer, predicted, rows, part)
        return Judged(amount_figures(rows, said, scorer.band.level, seed), said.score, time.monotonic() - began)
    weight = float(card.get("positive_weight", 1.0))
    found = _probabilities(job, scorer, predicted, rows, part, weight)
    took = time.monotonic() - began
    assert not isinstance(rows, SpendRows)
    earlier = job.of("validation")
    assert not isinstance(earlier, SpendRows)
    before = scorer.score(job.log, earlier) if len(earlier) else np.zeros(0)
    ranked = scorer.of(predicted) if part == "calibration" else found
    return Judged(figures_at(rows, ranked, found, (earlier, before), seed), found, took)


def _probabilities(
    job: CutoffJob, scorer: LabelScorer, predicted: Floats, rows: AnsweredRows, part: str, weight: float
) -> Floats:
    if part != "calibration":
        return scorer.of(predicted)
    found = np.zeros(len(rows))
    for mine, other in apart(job, Fitted(scorer.model, weight=weight), None, predicted, rows):
        assert isinstance(other, LabelScorer)
        found[mine] = other.of(predicted[mine])
    return found


def _amounts(job: CutoffJob, scorer: SpendScorer, predicted: Floats, rows: SpendRows, part: str) -> Amounts:
    if part != "calibration":
        return Amounts(predicted, scorer.scale.amount(predicted), *scorer.interval(predicted))
    found = np.zeros((3, len(rows)))
    for mine, other in apart(job, Fitted(scorer.model), scorer.band, predicted, rows):
        assert isinstance(other, SpendScorer)
        found[:, mine] = other.scale.amount(predicted[mine]), *other.interval(predicted[mine])
    return Amounts(predicted, *found)
