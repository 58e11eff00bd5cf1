"""Scores to probabilities that come true: Platt's two numbers, fitted on a later slice of time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
#: With fewer of either label a fit says more of chance than of the scores.
MIN_OF_EACH = 10


@dataclass(frozen=True)
class Platt:
    """``sigmoid(slope * logit + shift)``.

    Source: Platt, Probabilistic outputs for support vector machines, 1999, with its prior-smoothed targets.

    Examples
    --------
    >>> Platt().apply(np.array([0.0])).tolist()
    [0.5]
    """

    slope: float = 1.0
    shift: float = 0.0

    def apply(self, logits: Floats) -> Floats:
        """Return probabilities (n,) of logits (n,)."""
        return sigmoid(self.slope * logits + self.shift)


def sigmoid(logits: Floats) -> Floats:
    """Return ``1 / (1 + exp(-logits))`` without overflow."""
    positive = logits >= 0
    small = np.exp(np.where(positive, -logits, logits))
    return np.where(positive, 1 / (1 + small), small / (1 + small))


def logit(probabilities: Floats) -> Floats:
    """Return the log odds of probabilities, those of 0 and 1 held finite."""
    held = np.clip(probabilities, 1e-7, 1 - 1e-7)
    odds: Floats = np.log(held) - np.log1p(-held)
    return odds


def fit_platt(logits: Floats, labels: npt.NDArray[np.int8], steps: int = 50) -> Platt:
    """Fit slope and shift by Newton's method.

    Parameters
    ----------
    logits : float64 array (n,)
    labels : int8 array (n,)
        0 or 1.
    steps : int
        At most.

    Returns
    -------
    Platt
        The identity where either label occurs fewer than ``MIN_OF_EACH`` times.
    """
    positives = int(labels.sum())
    negatives = len(labels) - positives
    if min(positives, negatives) < MIN_OF_EACH or np.ptp(logits) == 0:
        return Platt()
    target = np.where(labels == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    features = np.column_stack([logits, np.ones(len(logits))])
    weights = np.array([1.0, 0.0])
    for _ in range(steps):
        p = sigmoid(features @ weights)
        gradient = features.T @ (p - target)
        curvature = (features * (p * (1 - p))[:, None]).T @ features + 1e-6 * np.eye(2)
        move = np.linalg.solve(curvature, gradient)
        weights = weights - np.clip(move, -1, 1)
        if np.abs(move).max() < 1e-8:
            break
    # A negative slope would turn the order round: then the slice is too small to say anything.
    return Platt(float(weights[0]), float(weights[1])) if weights[0] > 0 else Platt()
