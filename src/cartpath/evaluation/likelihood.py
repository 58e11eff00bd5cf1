"""How likely the outcomes were under the predicted probabilities: log loss and Brier score, both lower is better."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
_LEAST = 1e-15


def log_losses(labels: npt.NDArray[Any], probabilities: Floats) -> Floats:
    """Return each row's ``-ln p(label)`` (n,); probabilities of 0 and 1 are held 1e-15 away from it."""
    held = np.clip(np.asarray(probabilities, np.float64), _LEAST, 1 - _LEAST)
    losses: Floats = -np.where(np.asarray(labels) == 1, np.log(held), np.log1p(-held))
    return losses


def log_loss(labels: npt.NDArray[Any], probabilities: Floats) -> float:
    """Return the mean of ``-ln p(label)``, in nats.

    Parameters
    ----------
    labels : array (n,)
        0 or 1.
    probabilities : float64 array (n,)

    Examples
    --------
    Two rows at one half lose ln 2 each:

    >>> round(log_loss(np.array([0, 1]), np.array([0.5, 0.5])), 6)
    0.693147
    """
    return float(log_losses(labels, probabilities).mean()) if len(labels) else float("nan")


def brier_score(labels: npt.NDArray[Any], probabilities: Floats) -> float:
    """Return the mean squared difference of probability and label.

    Examples
    --------
    (1/4)^2 and (1 - 1/2)^2 average to 5/32:

    >>> brier_score(np.array([0, 1]), np.array([0.25, 0.5])) == 5 / 32
    True
    """
    return float(np.mean((np.asarray(probabilities) - np.asarray(labels)) ** 2)) if len(labels) else float("nan")
