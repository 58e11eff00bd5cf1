"""Temperature: how sure a model is, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.models.calibration.checks import Floats, checked, smoothed, too_few
from cartpath.models.calibration.logistic import newton, sigmoid


@dataclass(frozen=True)
class Temperature:
    """``sigmoid(logit / temperature)``: above 1 nearer to one half, below 1 further from it.

    Source: Guo, Pleiss, Sun and Weinberger, On calibration of modern neural networks, ICML 2017.

    Examples
    --------
    >>> Temperature(2.0).apply(np.array([2 * np.log(3.0)])).round(6).tolist()
    [0.75]
    >>> Temperature.from_dict(Temperature(2.0).to_dict())
    Temperature(temperature=2.0)
    """

    temperature: float = 1.0

    def apply(self, logits: Floats) -> Floats:
        """Return probabilities (n,) of logits (n,)."""
        return sigmoid(logits / self.temperature)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {"kind": "temperature", "temperature": self.temperature}

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> Temperature:
        """Read what ``to_dict`` gave."""
        return cls(float(raw["temperature"]))


def fit_temperature(logits: Floats, labels: npt.NDArray[np.int8]) -> Temperature:
    """Fit the temperature by Newton's method, to Platt's targets, so that it is above 0 however well labels are told.

    Parameters
    ----------
    logits : float64 array (n,)
    labels : int8 array (n,)
        0 or 1.

    Returns
    -------
    Temperature
        1, the identity, where either label occurs fewer than ``MIN_OF_EACH`` times, or where the best slope would turn
        the order round.

    Examples
    --------
    >>> odds = np.repeat([-2.0, 2.0], 1000)
    >>> labels = np.tile(np.repeat([0, 1], [3, 1]), 250), np.tile(np.repeat([0, 1], [1, 3]), 250)
    >>> round(fit_temperature(odds, np.concatenate(labels).astype(np.int8)).temperature, 2)  # 2 / ln 3
    1.82
    """
    logits, labels = checked(logits, labels)
    if too_few(labels) or not logits.any():
        return Temperature()
    (slope,) = newton(logits[:, None], smoothed(labels), np.ones(1))
    return Temperature(1 / float(slope)) if slope > 0 else Temperature()
