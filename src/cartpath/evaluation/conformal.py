"""Intervals that hold a new answer as often as they say, whatever the model: split conformal prediction.

Errors are measured on rows that the model did not learn from. Where rows are exchangeable, a new one's error is as
likely to have any rank among them. So an interval as wide as the right one of them holds the answer as often as that
rank says, without an assumption on how errors are distributed. Where behaviour drifts from calibration to use, or rows
are of few users, they are not exchangeable: look at ``coverage``.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.schema import CartpathError

Floats = npt.NDArray[np.float64]
LEVEL = 0.9


def conformal_quantile(errors: Floats, level: float = LEVEL) -> float:
    """Return the ``ceil((n + 1) level)``-th smallest of n errors: at most it a new one is with probability ``level``.

    Exactly between ``level`` and ``level + 1 / (n + 1)`` where no errors are equal; more often where some are.

    Source: Vovk, Gammerman and Shafer, Algorithmic learning in a random world, 2005; Lei, G'Sell, Rinaldo, Tibshirani
    and Wasserman, Distribution-free predictive inference for regression, Journal of the American Statistical
    Association 113, 2018, theorem 2.2.

    Parameters
    ----------
    errors : float64 array (n,)
        Of rows that the model did not learn from; lower is better.
    level : float
        Between 0 and 1.

    Raises
    ------
    CartpathError
        If an error is not a number, the level is not between 0 and 1, or rows are too few for it: then no finite
        interval holds so often.

    Examples
    --------
    Of nine errors the ninth is needed, ``10 * 9 / 10``:

    >>> conformal_quantile(np.array([3.0, 1, 2, 5, 4, 9, 7, 8, 6]), 0.9)
    9.0
    """
    if not 0 < level < 1:
        raise CartpathError(f"the level of an interval is between 0 and 1, not {level}", "such as 0.9")
    if np.isnan(errors).any():
        raise CartpathError(f"{int(np.isnan(errors).sum())} of {len(errors)} errors are not a number", "leave them out")
    # As the level is written: 0.07 * 100 is not 7 in binary.
    share = Fraction(str(float(level)))
    rank = math.ceil((len(errors) + 1) * share)
    if rank > len(errors):
        least = math.ceil(share / (1 - share))
        raise CartpathError(
            f"{len(errors)} rows are too few for intervals of {level:.4g}: {least} are needed",
            "calibrate on a longer period, or ask for a lower level",
        )
    return float(np.partition(errors, rank - 1)[rank - 1])


@dataclass(frozen=True)
class Conformal:
    """How far an interval reaches beyond what is predicted.

    Attributes
    ----------
    reach : float
        Times the spread of a row, where there is one.
    level : float
        How often intervals hold the answer.
    n : int
        Rows that it was fitted on.
    """

    reach: float
    level: float
    n: int

    def around(self, predicted: Floats, spread: Floats | None = None) -> tuple[Floats, Floats]:
        """Return ``predicted - reach * spread`` and ``predicted + reach * spread`` (n,); the spread is 1 by default.

        For what ``fit_conformal`` gave, with a spread where that had one.
        """
        half = self.reach * (np.ones(len(predicted)) if spread is None else _checked_spread(spread, len(predicted)))
        return predicted - half, predicted + half

    def beyond(self, low: Floats, high: Floats) -> tuple[Floats, Floats]:
        """Return ``low - reach`` and ``high + reach`` (n,); where they would cross, their middle.

        For what ``fit_conformal_quantiles`` gave; ``reach`` is below 0 where the quantiles are too far apart.
        """
        middle = (low + high) / 2
        return np.minimum(low - self.reach, middle), np.maximum(high + self.reach, middle)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it; ``Conformal(**found)`` reads it back."""
        return asdict(self)


def fit_conformal(actual: Floats, predicted: Floats, level: float = LEVEL, spread: Floats | None = None) -> Conformal:
    """Fit intervals around a prediction: of one width, or as wide as a row's spread says.

    The error of a row is ``|actual - predicted|``, over its spread where that is given: an estimate of how large the
    error will be, from anything that is known beforehand. A good estimate makes intervals narrow; any holds as often.

    Source: Lei and others, 2018, sections 2.2 and 5.2 (locally weighted).

    Parameters
    ----------
    actual, predicted : float64 array (n,)
        Of rows that neither the model nor the spread was learned from.
    level : float
    spread : float64 array (n,), optional
        Above 0.

    Examples
    --------
    >>> found = fit_conformal(np.array([1.0, 2.0, 4.0]), np.zeros(3), level=0.5)
    >>> found.reach, [side.tolist() for side in found.around(np.array([10.0]))]
    (2.0, [[8.0], [12.0]])
    """
    errors = np.abs(actual - predicted)
    if spread is not None:
        errors = errors / _checked_spread(spread, len(errors))
    return Conformal(conformal_quantile(errors, level), level, len(errors))


def fit_conformal_quantiles(actual: Floats, low: Floats, high: Floats, level: float = LEVEL) -> Conformal:
    """Fit how far intervals reach beyond two predicted quantiles, or stay within them.

    The error of a row is ``max(low - actual, actual - high)``: below 0 where the answer lies within.

    Source: Romano, Patterson and Candès, Conformalized quantile regression, NeurIPS 2019.

    Parameters
    ----------
    actual, low, high : float64 array (n,)
        Of rows that the quantiles were not learned from.
    level : float

    Examples
    --------
    >>> found = fit_conformal_quantiles(np.array([1.0, 5.0, 13.0]), np.zeros(3), np.full(3, 10.0), level=0.75)
    >>> found.reach, [side.tolist() for side in found.beyond(np.array([0.0]), np.array([10.0]))]
    (3.0, [[-3.0], [13.0]])
    """
    errors = np.maximum(low - actual, actual - high)
    return Conformal(conformal_quantile(errors, level), level, len(errors))


def _checked_spread(spread: Floats, n: int) -> Floats:
    if len(spread) != n or not (np.isfinite(spread) & (spread > 0)).all():
        raise CartpathError("the spread of a row is a number above 0, one a row", "hold it at least at a small number")
    return spread
