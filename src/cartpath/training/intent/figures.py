"""Every figure of a model at a step, with intervals over draws of users, and models compared on the same draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from cartpath.evaluation import (
    CalibrationError,
    calibration_error,
    drawn_discrimination,
    f1_threshold,
    precision_recall_f1,
)
from cartpath.evaluation.bootstrap import DRAWS, drawn_sums
from cartpath.evaluation.drawn import Drawn
from cartpath.evaluation.likelihood import log_losses

Floats = npt.NDArray[np.float64]
#: Figures that models are compared by.
COMPARED: tuple[str, ...] = ("auc", "ap", "log_loss")


@dataclass(frozen=True)
class StepFigures:
    """What is measured of a model at a step.

    Attributes
    ----------
    n, positives : int
    drawn : dict of str to Drawn
        ``auc``, ``ap`` and ``log_loss``.
    calibration : CalibrationError
    threshold : float
        From which a session is called one that buys: the best F1 on validation.
    precision, recall, f1, accuracy : float
        At the threshold; NaN where they have no denominator.
    """

    n: int
    positives: int
    drawn: dict[str, Drawn]
    calibration: CalibrationError
    threshold: float
    precision: float
    recall: float
    f1: float
    accuracy: float

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as a row of JSON."""
        found: dict[str, Any] = {"n": self.n, "positives": self.positives}
        for name, drawn in self.drawn.items():
            interval = drawn.interval
            found |= {name: interval.value, f"{name}_ci": [interval.low, interval.high]}
        error = self.calibration
        found |= {"ece": error.value, "ece_debiased": error.debiased, "ece_ci": [error.low, error.high]}
        names = ("threshold", "precision", "recall", "f1", "accuracy")
        return found | {name: getattr(self, name) for name in names}


class Labelled(Protocol):
    """Rows with an answer of 0 or 1."""

    @property
    def label(self) -> npt.NDArray[np.int8]: ...  # noqa: D102
    @property
    def user(self) -> npt.NDArray[np.int64]: ...  # noqa: D102
    def __len__(self) -> int: ...


def figures_at(
    rows: Labelled,
    scores: Floats,
    probabilities: Floats,
    chosen_by: tuple[Labelled, Floats],
    seed: int,
    draws: int = DRAWS,
) -> StepFigures:
    """Measure what a model says of rows: those of one step, or all there are.

    Parameters
    ----------
    rows : Labelled (n)
    scores : float64 array (n,)
        What rows are ranked by: probabilities of one calibration. Those of several, each of its own users, are not in
        one order.
    probabilities : float64 array (n,)
    chosen_by : tuple
        Rows of validation (of the same step) and their probabilities: the threshold comes from them.
    seed : int
    draws : int
    """
    auc, ap = drawn_discrimination(rows.label, scores, rows.user, draws, seed)
    losses = log_losses(rows.label, probabilities)
    sums = drawn_sums(np.column_stack([losses, np.ones(len(losses))]), rows.user, draws, seed)
    loss = Drawn(float(losses.mean()), sums[:, 0] / sums[:, 1], seed)
    earlier, known = chosen_by
    threshold = f1_threshold(earlier.label, known) if earlier.label.any() else 0.5
    at = precision_recall_f1(rows.label, probabilities, threshold)
    return StepFigures(
        len(rows),
        int(rows.label.sum()),
        {"auc": auc, "ap": ap, "log_loss": loss},
        calibration_error(rows.label, probabilities, rows.user, draws=draws, seed=seed),
        threshold,
        at.precision,
        at.recall,
        at.f1,
        at.accuracy,
    )


def compared(a: str, b: str, step: int | None, ours: StepFigures, theirs: StepFigures) -> list[dict[str, Any]]:
    """Compare two models at a step: the difference, its interval and p, over the same draws of users."""
    found = []
    for metric in COMPARED:
        pair = ours.drawn[metric].less(theirs.drawn[metric])
        about = {"a": a, "b": b, "k": step, "metric": metric}
        found.append({**about, "difference": pair.difference, "ci": [pair.low, pair.high], "p": pair.p})
    return found
