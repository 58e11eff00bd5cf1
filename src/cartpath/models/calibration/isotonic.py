"""Isotonic calibration: any curve that does not fall."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import isotonic_regression

from cartpath.models.calibration.checks import Floats, checked, smoothed, too_few
from cartpath.models.calibration.logistic import Platt, logit, sigmoid

#: Log odds that a unit of logit adds to the curve: within a level scores keep their order, and so AUC and average
#: precision stay what they were, while no probability moves by more than one part in 2,500.
_TILT = 1e-5
#: Logits beyond are taken as this.
_FURTHEST = 40.0


@dataclass(frozen=True)
class Isotonic:
    """A curve through knots, straight between them and level beyond, tilted by 1e-5 so that no order is lost.

    Attributes
    ----------
    logits : tuple of float
        Where the knots are, rising.
    probabilities : tuple of float
        Their heights, not falling, strictly between 0 and 1.

    Examples
    --------
    >>> curve = Isotonic((-1.0, 1.0), (0.2, 0.4))
    >>> curve.apply(np.array([-5.0, 0.0, 3.0])).round(3).tolist()
    [0.2, 0.3, 0.4]
    >>> Isotonic.from_dict(curve.to_dict()) == curve
    True
    """

    logits: tuple[float, ...]
    probabilities: tuple[float, ...]

    def apply(self, logits: Floats) -> Floats:
        """Return probabilities (n,) of logits (n,)."""
        held = np.clip(np.asarray(logits, np.float64), -_FURTHEST, _FURTHEST)
        return sigmoid(logit(np.interp(held, self.logits, self.probabilities)) + _TILT * held)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {"kind": "isotonic", "logits": list(self.logits), "probabilities": list(self.probabilities)}

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> Isotonic:
        """Read what ``to_dict`` gave."""
        return cls(tuple(map(float, raw["logits"])), tuple(map(float, raw["probabilities"])))


def fit_isotonic(logits: Floats, labels: npt.NDArray[np.int8]) -> Isotonic | Platt:
    """Fit the curve that does not fall and is nearest to the labels, by pooling adjacent violators.

    Rows of equal logits are one point with the mean of their labels. The labels are Platt's targets, so the height of a
    level is ``low + (high - low) * share of positives``, from ``low = 1 / (N0 + 2)`` to ``high = (N1 + 1) / (N1 + 2)``
    for N0 negatives and N1 positives in all: never 0 or 1, and the log loss of any later row is finite.

    Source: Zadrozny and Elkan, Transforming classifier scores into accurate multiclass probability estimates, KDD 2002;
    pooling as in Ayer and others, Annals of Mathematical Statistics 26, 1955.

    Parameters
    ----------
    logits : float64 array (n,)
    labels : int8 array (n,)
        0 or 1.

    Returns
    -------
    Isotonic or Platt
        The identity, ``Platt()``, where either label occurs fewer than ``MIN_OF_EACH`` times.

    Examples
    --------
    >>> labels = np.concatenate([np.arange(20) < 2, np.arange(20) < 10]).astype(np.int8)
    >>> curve = fit_isotonic(np.repeat([-1.0, 1.0], 20), labels)  # 1/30 + (13/14 - 1/30) * 1/10, and * 1/2
    >>> [round(height, 4) for height in curve.probabilities]
    [0.1229, 0.481]
    """
    logits, labels = checked(logits, labels)
    if too_few(labels):
        return Platt()
    points, group, counts = np.unique(np.clip(logits, -_FURTHEST, _FURTHEST), return_inverse=True, return_counts=True)
    means = np.bincount(group, smoothed(labels)) / counts
    heights = isotonic_regression(means, weights=counts).x
    # Of a level its two ends are enough.
    changes = np.diff(heights) > 0
    ends = np.concatenate([[True], changes]) | np.concatenate([changes, [True]])
    return Isotonic(tuple(points[ends].tolist()), tuple(heights[ends].tolist()))
