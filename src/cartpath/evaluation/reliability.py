"""Whether what is predicted with p happens with p."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.schema import Z95

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ReliabilityBin:
    """Rows of about the same predicted probability.

    Attributes
    ----------
    predicted, observed : float
        Mean probability, and rate of positives.
    low, high : float
        95% Wilson interval of the rate.
    n : int
    """

    predicted: float
    observed: float
    low: float
    high: float
    n: int

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return asdict(self)


def wilson(positives: float, n: int) -> tuple[float, float]:
    """Return the 95% Wilson interval of a rate.

    Examples
    --------
    >>> low, high = wilson(0, 10)
    >>> low, round(high, 3)
    (0.0, 0.278)
    """
    rate, spread = positives / n, Z95 * Z95 / n
    middle = (rate + spread / 2) / (1 + spread)
    half = Z95 * np.sqrt(rate * (1 - rate) / n + spread / (4 * n)) / (1 + spread)
    return max(float(middle - half), 0.0) if positives else 0.0, min(float(middle + half), 1.0)


def reliability(labels: npt.NDArray[Any], probabilities: Floats, bins: int = 10) -> list[ReliabilityBin]:
    """Group rows by predicted probability, as many in each group as in any other.

    Parameters
    ----------
    labels : array (n,)
    probabilities : float64 array (n,)
    bins : int
        Groups at most; rows of equal probability stay together.

    Returns
    -------
    list of ReliabilityBin
        By probability.
    """
    if not len(labels):
        return []
    group = bin_of(probabilities, bins)
    out = []
    for number in range(int(group.max()) + 1):
        rows = group == number
        n, positives = int(rows.sum()), float(np.asarray(labels)[rows].sum())
        out.append(ReliabilityBin(float(probabilities[rows].mean()), positives / n, *wilson(positives, n), n))
    return out


def bin_of(probabilities: Floats, bins: int) -> npt.NDArray[np.int64]:
    """Return the bin of each row (n,), from 0 and none of them empty: of about as many rows, equal ones together.

    Examples
    --------
    >>> bin_of(np.array([0.1, 0.2, 0.2, 0.3, 0.4]), 3).tolist()
    [0, 1, 1, 2, 2]
    """
    edges = np.unique(np.quantile(probabilities, np.linspace(0, 1, bins + 1)[1:-1]))
    group: npt.NDArray[np.int64]
    _, group = np.unique(np.searchsorted(edges, probabilities, side="right"), return_inverse=True)
    return group


def expected_calibration_error(labels: npt.NDArray[Any], probabilities: Floats, bins: int = 10) -> float:
    """Return the mean distance of predicted and observed over bins of equal size, weighted by rows.

    Examples
    --------
    One bin: predicted 1/4, observed 1/2.

    >>> expected_calibration_error(np.array([0, 1]), np.array([0.25, 0.25]))
    0.25
    """
    found = reliability(labels, probabilities, bins)
    if not found:
        return float("nan")
    return float(sum(abs(b.predicted - b.observed) * b.n for b in found) / sum(b.n for b in found))
