"""What is right and wrong where probabilities at or above a threshold are called positive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.evaluation.discrimination import ends_of_ties
from cartpath.evaluation.inputs import checked_scores
from cartpath.models.artefact import finite

Floats = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]


@dataclass(frozen=True)
class AtThreshold:
    """The four counts at a threshold, and what follows from them.

    Attributes
    ----------
    threshold : float
    true_positives, false_positives, false_negatives, true_negatives : int

    Examples
    --------
    >>> found = AtThreshold(0.5, 2, 1, 2, 5)
    >>> found.precision == 2 / 3, found.recall == 2 / 4, found.f1 == 4 / 7, found.accuracy == 7 / 10
    (True, True, True, True)
    """

    threshold: float
    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int

    @property
    def n(self) -> int:
        """Rows: the denominator of accuracy."""
        return self.predicted + self.false_negatives + self.true_negatives

    @property
    def positives(self) -> int:
        """Positive rows: the denominator of recall."""
        return self.true_positives + self.false_negatives

    @property
    def predicted(self) -> int:
        """Rows called positive: the denominator of precision."""
        return self.true_positives + self.false_positives

    @property
    def precision(self) -> float:
        """The share of rows called positive that are; NaN where none is called so."""
        return _share(self.true_positives, self.predicted)

    @property
    def recall(self) -> float:
        """The share of positive rows called so; NaN where there is none."""
        return _share(self.true_positives, self.positives)

    @property
    def f1(self) -> float:
        """``2 TP / (2 TP + FP + FN)``: 0 if none is found, NaN if none is there or called."""
        return _share(2 * self.true_positives, self.predicted + self.positives)

    @property
    def accuracy(self) -> float:
        """The share of rows called right; NaN without rows."""
        return _share(self.true_positives + self.true_negatives, self.n)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it, what is not defined as None."""
        names = ("threshold", "precision", "recall", "f1", "accuracy", "n", "positives", "predicted", "true_positives")
        return {name: finite(getattr(self, name)) for name in names}


def precision_recall_f1(labels: npt.NDArray[Any], scores: npt.NDArray[Any], threshold: float) -> AtThreshold:
    """Count what a threshold gets right and wrong; a score equal to it is called positive.

    A share without a denominator is NaN, not 0: a model that calls nobody positive has no precision.

    Parameters
    ----------
    labels : array (n,)
        0 or 1.
    scores : array (n,)
    threshold : float

    Returns
    -------
    AtThreshold

    Examples
    --------
    >>> found = precision_recall_f1(np.array([1, 0, 1, 0]), np.array([0.9, 0.5, 0.2, 0.1]), 0.5)
    >>> found.precision, found.recall, found.accuracy
    (0.5, 0.5, 0.5)
    """
    positive, values = checked_scores(labels, scores)
    called = values >= threshold
    found = int((positive & called).sum())
    rest = int(called.sum()) - found, int(positive.sum()) - found
    return AtThreshold(float(threshold), found, *rest, len(values) - found - sum(rest))


def f1_threshold(labels: npt.NDArray[Any], scores: npt.NDArray[Any]) -> float:
    """Return the score that as a threshold has the highest F1; of several the highest. To be used on later rows.

    Returns
    -------
    float
        NaN without positives.

    Examples
    --------
    >>> f1_threshold(np.array([0, 1, 0, 1]), np.array([0.1, 0.2, 0.3, 0.4]))  # 2/3, 1/2, 4/5, 2/3
    0.2
    """
    positive, values = checked_scores(labels, scores)
    if not positive.any():
        return float("nan")
    thresholds, called, found = counts_at(positive, values)
    return float(thresholds[np.argmax(2 * found / (called + positive.sum()))])


def counts_at(positive: npt.NDArray[np.bool_], scores: Floats) -> tuple[Floats, Index, Index]:
    """Return each distinct score from the highest, and how many rows, and positive ones, are at or above it.

    Examples
    --------
    >>> [part.tolist() for part in counts_at(np.array([False, True, True]), np.array([0.2, 0.7, 0.2]))]
    [[0.7, 0.2], [1, 3], [1, 2]]
    """
    order = np.argsort(-scores, kind="stable")
    last = np.flatnonzero(ends_of_ties(scores[order]))
    return scores[order][last], (last + 1).astype(np.int64), np.cumsum(positive[order], dtype=np.int64)[last]


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
