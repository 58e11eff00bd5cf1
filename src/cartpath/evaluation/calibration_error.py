"""How far predicted probabilities are from what happens, and how sure that is.

The mean of ``|observed - predicted|`` over bins is above 0 by chance alone, and drawing users again adds to it once
more: the plain bootstrap's interval lies too high and need not hold the figure itself. So there are several figures.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from cartpath.evaluation.bootstrap import DRAWS, drawn_sums
from cartpath.evaluation.inputs import checked_probabilities, users_or_rows
from cartpath.evaluation.reliability import bin_of
from cartpath.models.artefact import finite

Floats = npt.NDArray[np.float64]
_NAN = float("nan")


@dataclass(frozen=True)
class CalibrationError:
    """The expected calibration error (ECE) of bins with about as many rows each.

    Attributes
    ----------
    value : float
        What is mostly reported: the mean over rows of a bin's ``|observed - predicted|``. Chance only adds to it.
    debiased : float
        ``value`` less what chance is estimated to add, at least 0: the figure to compare models or slices by.
    low, high : float
        95% interval of the error that these bins would have without chance: 0 where none is shown. NaN for one user.
    chance : float
        What ``value`` would be on average for probabilities that are right, with as many rows and users.
    bins, n, users : int
    """

    value: float
    debiased: float
    low: float
    high: float
    chance: float
    bins: int
    n: int
    users: int

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it, what is not defined as None."""
        content: dict[str, Any] = finite(asdict(self))
        return content


def calibration_error(
    labels: npt.NDArray[Any],
    probabilities: npt.NDArray[Any],
    users: npt.NDArray[Any] | None = None,
    bins: int = 10,
    draws: int = DRAWS,
    seed: int = 0,
) -> CalibrationError:
    """Return the expected calibration error with what chance adds to it, and an interval that holds 0 where it can be.

    A bin adds ``|gap|``, the gap being its ``sum(label - probability) / n``. Users are drawn again for how gaps spread,
    bins kept as they are. ``debiased`` takes off ``E|N(gap, sd)| - |gap|`` a bin: the correction of Kumar and others,
    with the mean of the folded normal distribution in place of draws.

    The interval rests on the error being the greatest of all ``sum(sign * gap)``. So it is at most ``value`` and what
    one such sum is off by, with the signs seen; and at least ``value`` less what that sum is off by, with absolute
    values for bins whose sign is not sure (``|gap| < sd sqrt(2 ln ln n)``). A bin whose labels vary less than its
    probabilities say, as without a positive, is given the spread that they say. Rows of equal probability are in one
    bin; within a bin, errors of either sign cancel, so more bins find more.

    Source: Kumar, Liang and Ma, Verified uncertainty calibration, NeurIPS 2019 (bias, and its correction); Roelofs and
    others, Mitigating bias in calibration error estimation, AISTATS 2022 (bins of equal count); Fang and Santos,
    Review of Economic Studies 86, 2019 (why the plain bootstrap fails here); Chernozhukov, Lee and Rosen, Econometrica
    81, 2013 (intervals of a greatest value), and Andrews and Soares, Econometrica 78, 2010 (which signs are sure).

    Parameters
    ----------
    labels : array (n,)
        0 or 1.
    probabilities : array (n,)
    users : array (n,), optional
        Whose row each is; without it each row is a user.
    bins : int
        At most.
    draws : int
    seed : int

    Returns
    -------
    CalibrationError

    Examples
    --------
    Predicted 1/4 and 1/2, observed 1/4 and 3/4: the mean distance is 1/8, which eight rows cannot tell from chance.

    >>> labels = np.array([0, 0, 0, 1, 1, 1, 0, 1])
    >>> found = calibration_error(labels, np.repeat([0.25, 0.5], 4), bins=2)
    >>> found.value, found.low, found.debiased < found.value < found.high
    (0.125, 0.0, True)
    """
    positive, p = checked_probabilities(labels, probabilities)
    whose, n = users_or_rows(users, len(p)), len(p)
    if not n:
        return CalibrationError(_NAN, _NAN, _NAN, _NAN, _NAN, bins=0, n=0, users=0)
    n_users, bin_ = len(np.unique(whose)), bin_of(p, bins)
    inside = np.eye(int(bin_.max()) + 1)[bin_]
    errors = inside * (positive - p)[:, None]
    gaps = errors.sum(axis=0) / n
    value, width = float(np.abs(gaps).sum()), len(gaps)
    if n_users < 2 or draws < 2:
        return CalibrationError(value, _NAN, _NAN, _NAN, _NAN, width, n, n_users)
    moves = _moves(errors, whose, gaps, draws, seed)
    moves = _widened(moves, np.sqrt((inside * (p * (1 - p))[:, None]).sum(axis=0)) / n, seed)
    spread = moves.std(axis=0)
    added = np.array([folded_mean(gap, sd) - abs(gap) for gap, sd in zip(gaps, spread, strict=True)])
    low, high = _bounds(gaps, moves, spread, n)
    chance = float(np.abs(moves).sum(axis=1).mean())
    return CalibrationError(value, max(value - float(added.sum()), 0.0), low, high, chance, width, n, n_users)


def folded_mean(mean: float, sd: float) -> float:
    """Return the mean of ``|x|`` for normal x.

    Examples
    --------
    >>> round(folded_mean(0, 1), 4), folded_mean(-2, 0)  # the first is the root of 2 / pi
    (0.7979, 2.0)
    """
    if sd <= 0:
        return float(abs(mean))
    z = mean / sd
    return float(sd * np.sqrt(2 / np.pi) * np.exp(-z * z / 2) + mean * (1 - 2 * ndtr(-z)))


def _moves(errors: Floats, users: npt.NDArray[Any], gaps: Floats, draws: int, seed: int) -> Floats:
    """Return how far each draw of users moves the gap of each bin (draws, bins)."""
    sums = drawn_sums(np.column_stack([errors, np.ones(len(errors))]), users, draws, seed)
    moves: Floats = sums[:, :-1] / sums[:, -1:] - gaps
    return moves


def _widened(moves: Floats, least: Floats, seed: int) -> Floats:
    """Add noise to the bins that vary less than ``least`` (bins,), which rows alone would by their probabilities."""
    short = np.sqrt(np.maximum(least**2 - moves.var(axis=0), 0))
    more: Floats = moves + short * np.random.default_rng(seed).standard_normal(moves.shape)
    return more


def _bounds(gaps: Floats, moves: Floats, spread: Floats, n: int) -> tuple[float, float]:
    signed = moves * np.where(gaps < 0, -1, 1)
    sure = np.abs(gaps) > spread * np.sqrt(2 * np.log(max(np.log(max(n, 3)), 1)))
    too_high = np.where(sure, signed, np.abs(moves)).sum(axis=1)
    value = float(np.abs(gaps).sum())
    low = value - float(np.quantile(too_high, 0.975))
    high = value - float(np.quantile(signed.sum(axis=1), 0.025))
    return max(low, 0.0), max(high, value)
