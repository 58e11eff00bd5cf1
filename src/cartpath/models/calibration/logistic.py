"""Calibration that is a straight line in log odds: Platt's two numbers, the shift alone, and that of a loss weight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.models.calibration.checks import Floats, checked, smoothed, too_few
from cartpath.schema import CartpathError


@dataclass(frozen=True)
class Platt:
    """``sigmoid(slope * logit + shift)``; the identity as it stands, a prior shift with slope 1.

    Source: Platt, Probabilistic outputs for support vector machines, 1999, with its prior-smoothed targets.

    Examples
    --------
    >>> Platt().apply(np.array([0.0])).tolist()
    [0.5]
    >>> Platt.from_dict(Platt(2.0, -1.0).to_dict())
    Platt(slope=2.0, shift=-1.0)
    """

    slope: float = 1.0
    shift: float = 0.0

    def apply(self, logits: Floats) -> Floats:
        """Return probabilities (n,) of logits (n,)."""
        return sigmoid(self.slope * logits + self.shift)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {"kind": "platt", "slope": self.slope, "shift": self.shift}

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> Platt:
        """Read what ``to_dict`` gave."""
        return cls(float(raw["slope"]), float(raw["shift"]))


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
    logits, labels = checked(logits, labels)
    if too_few(labels) or np.ptp(logits) == 0:
        return Platt()
    columns = np.column_stack([logits, np.ones(len(logits))])
    slope, shift = newton(columns, smoothed(labels), np.array([1.0, 0.0]), steps=steps)
    # A negative slope would turn the order round: then the slice is too small to say anything.
    return Platt(float(slope), float(shift)) if slope > 0 else Platt()


def fit_shift(logits: Floats, labels: npt.NDArray[np.int8]) -> Platt:
    """Fit the shift alone, so that probabilities average to the rate of the slice: one number where two are too many.

    Returns
    -------
    Platt
        Of slope 1; the identity where either label occurs fewer than ``MIN_OF_EACH`` times.

    Examples
    --------
    >>> found = fit_shift(np.zeros(40), np.repeat([0, 1], [30, 10]).astype(np.int8))
    >>> found.slope, round(float(found.apply(np.zeros(1))[0]), 2)
    (1.0, 0.25)
    """
    logits, labels = checked(logits, labels)
    if too_few(labels):
        return Platt()
    (shift,) = newton(np.ones((len(logits), 1)), smoothed(labels), np.zeros(1), logits)
    return Platt(1.0, float(shift))


def weight_shift(weight: float) -> Platt:
    """Return the calibration that undoes a weight on the loss of positives.

    To count each positive ``weight`` times multiplies the odds that fit best by ``weight``, whatever the features, so
    ``logit(p) = logit(p_weighted) - ln(weight)``. Where positives were instead drawn more often, or negatives less,
    ``weight`` is the ratio of the two rates of drawing.

    Source: Elkan, The foundations of cost-sensitive learning, IJCAI 2001, theorem 2; King and Zeng, Logistic
    regression in rare events data, Political Analysis 9, 2001 (prior correction).

    Parameters
    ----------
    weight : float
        Of a positive's loss over a negative's, above 0.

    Raises
    ------
    CartpathError
        If the weight is not a number above 0.

    Examples
    --------
    Odds of 1 to 1 under a weight of 4 are 1 to 4:

    >>> round(float(weight_shift(4).apply(np.zeros(1))[0]), 12)
    0.2
    """
    if not (np.isfinite(weight) and weight > 0):
        raise CartpathError(f"the weight of positives is above 0, not {weight}", "1 is no weight")
    return Platt(1.0, -float(np.log(weight)))


def unweighted(logits: Floats, weight: float) -> Floats:
    """Return the logits (n,) that training without a weight on positives would aim at; see ``weight_shift``.

    Examples
    --------
    >>> unweighted(np.array([np.log(6.0)]), 3).round(6).tolist() == [round(float(np.log(2)), 6)]
    True
    """
    return logits + weight_shift(weight).shift


def newton(columns: Floats, target: Floats, start: Floats, offset: Floats | float = 0.0, steps: int = 50) -> Floats:
    """Fit ``sigmoid(columns @ weights + offset)`` to targets by the cross-entropy; return the weights.

    A step is at most 1 in each weight, and the curvature is never 0: far from the optimum Newton's method overshoots.
    """
    weights = start
    for _ in range(steps):
        p = sigmoid(columns @ weights + offset)
        gradient = columns.T @ (p - target)
        curvature = (columns * (p * (1 - p))[:, None]).T @ columns + 1e-6 * np.eye(len(weights))
        move = np.linalg.solve(curvature, gradient)
        weights = weights - np.clip(move, -1, 1)
        if np.abs(move).max() < 1e-8:
            break
    return weights
