"""Calibration in two numbers: are probabilities too high or low overall, and are they too far apart or too close?"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from cartpath.evaluation.bootstrap import Interval, user_codes
from cartpath.evaluation.inputs import checked_probabilities, users_or_rows
from cartpath.models.artefact import finite
from cartpath.schema import Z95

Floats = npt.NDArray[np.float64]
_STEPS = 50
_CLOSE = 1e-9
#: Probabilities nearer to 0 or 1 are taken as this far, as log odds need it.
_LEAST = 1e-12


@dataclass(frozen=True)
class Recalibration:
    """What a logistic regression of the labels on the predicted log odds would change.

    Attributes
    ----------
    in_the_large : Interval
        Log odds to add to every prediction so that their mean is the rate: 0 is right, above 0 they are too low.
    slope : Interval
        What to multiply log odds by: 1 is right, below 1 predictions are too extreme, as after overfitting.
    intercept : Interval
        What to add after that.
    predicted, observed : float
        Mean probability, and rate of positives.
    n, positives, users : int
    """

    in_the_large: Interval
    slope: Interval
    intercept: Interval
    predicted: float
    observed: float
    n: int
    positives: int
    users: int

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it, what is not defined as None."""
        content: dict[str, Any] = finite(asdict(self))
        return content


def recalibration(
    labels: npt.NDArray[Any], probabilities: npt.NDArray[Any], users: npt.NDArray[Any] | None = None
) -> Recalibration:
    """Return calibration in the large, slope and intercept, with 95% intervals.

    Slope and intercept maximise the likelihood of ``sigmoid(intercept + slope * logit(p))``; calibration in the large
    is the intercept with the slope held at 1. Intervals are normal, with the variance that allows for several rows a
    user: ``H^-1 (sum over users of score score') H^-1``, times ``users / (users - 1)``.

    Source: Cox, Biometrika 45, 1958; Van Calster and others, Calibration: the Achilles heel of predictive analytics,
    BMC Medicine 17, 2019; Liang and Zeger, Biometrika 73, 1986 (the variance).

    Parameters
    ----------
    labels : array (n,)
        0 or 1.
    probabilities : array (n,)
    users : array (n,), optional
        Whose row each is; without it each row is a user.

    Returns
    -------
    Recalibration
        NaN where it is not defined: one label alone, labels that a threshold tells apart, or, for slope and intercept,
        equal probabilities. Intervals of one user are NaN.

    Examples
    --------
    Predicted 1/2, observed 1/4: the odds are 3 times too high, and ln(1/3) is -1.0986.

    >>> found = recalibration(np.array([0, 0, 0, 1] * 5), np.full(20, 0.5))
    >>> round(found.in_the_large.value, 4), found.slope.value
    (-1.0986, nan)
    """
    positive, p = checked_probabilities(labels, probabilities)
    codes, n_users = user_codes(users_or_rows(users, len(p)))
    odds = logit(np.clip(p, _LEAST, 1 - _LEAST))
    (large,) = _fit(np.ones((len(p), 1)), positive, odds, codes, n_users)
    intercept, slope = _fit(np.column_stack([np.ones(len(p)), odds]), positive, np.zeros(len(p)), codes, n_users)
    means = (float(p.mean()), float(positive.mean())) if len(p) else (float("nan"),) * 2
    return Recalibration(large, slope, intercept, *means, len(p), int(positive.sum()), n_users)


def _fit(columns: Floats, positive: npt.NDArray[np.bool_], offset: Floats, users: Any, n_users: int) -> list[Interval]:
    """Return the weight of each column with its interval."""
    nothing = [Interval(*[float("nan")] * 3) for _ in columns.T]
    if not positive.any() or positive.all() or (columns.shape[1] > 1 and np.ptp(columns[:, -1]) == 0):
        return nothing
    weights = _newton(columns, positive, offset)
    if weights is None:
        return nothing
    p = expit(columns @ weights + offset)
    bread = np.linalg.inv((columns * (p * (1 - p))[:, None]).T @ columns)
    scores = np.column_stack([np.bincount(users, column * (positive - p), n_users) for column in columns.T])
    variance = bread @ (scores.T @ scores) @ bread * (n_users / (n_users - 1) if n_users > 1 else float("nan"))
    half = Z95 * np.sqrt(np.diag(variance))
    return [Interval(float(w), float(w - h), float(w + h)) for w, h in zip(weights, half, strict=True)]


def _newton(columns: Floats, positive: npt.NDArray[np.bool_], offset: Floats) -> Floats | None:
    """Return the weights of highest likelihood; None where there are none."""
    weights: Floats = np.zeros(columns.shape[1])
    for _ in range(_STEPS):
        p = expit(columns @ weights + offset)
        curvature = (columns * (p * (1 - p))[:, None]).T @ columns
        try:
            move = np.linalg.solve(curvature, columns.T @ (positive - p))
        except np.linalg.LinAlgError:
            return None
        weights = weights + np.clip(move, -1, 1)
        if np.abs(move).max() < _CLOSE:
            return weights
    return None
