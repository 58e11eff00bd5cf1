"""Intervals by drawing users again: rows of one user are not independent, so users are what is drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Index = npt.NDArray[np.int64]
#: A figure of some rows (with repeats); NaN where it is not defined for them.
Statistic = Callable[[Index], float]
DRAWS = 500


@dataclass(frozen=True)
class Interval:
    """A figure and its 95% interval.

    Attributes
    ----------
    value : float
    low, high : float
        NaN where too few draws had a value.
    """

    value: float
    low: float
    high: float


def bootstrap(statistic: Statistic, users: npt.NDArray[Any], draws: int = DRAWS, seed: int = 0) -> Interval:
    """Return a figure with its percentile interval over draws of users.

    Parameters
    ----------
    statistic : callable
        Rows to a figure.
    users : array (n,)
        Whose row each is.
    draws : int
    seed : int

    Returns
    -------
    Interval

    Examples
    --------
    >>> values = np.array([0.0, 0.0, 1.0, 1.0])
    >>> bootstrap(lambda rows: float(values[rows].mean()), np.arange(4)).value
    0.5
    """
    n = len(users)
    if not n:
        return Interval(float("nan"), float("nan"), float("nan"))
    drawn = np.array([statistic(rows) for rows in resamples(users, draws, seed)])
    return _interval(statistic(np.arange(n)), drawn)


def paired_bootstrap(
    ours: Statistic, theirs: Statistic, users: npt.NDArray[Any], draws: int = DRAWS, seed: int = 0
) -> Interval:
    """Return the difference of two figures on the same rows, ``ours - theirs``, with its interval.

    An interval that does not hold 0 is a difference that chance alone would rarely make.
    """
    return bootstrap(lambda rows: ours(rows) - theirs(rows), users, draws, seed)


def resamples(users: npt.NDArray[Any], draws: int, seed: int) -> Any:
    """Yield the rows of each draw: as many users as there are, with replacement, each with all its rows."""
    rng = np.random.default_rng(seed)
    _, group = np.unique(users, return_inverse=True)
    order = np.argsort(group, kind="stable")
    sizes = np.bincount(group)
    starts = np.cumsum(sizes) - sizes
    for _ in range(draws):
        chosen = rng.integers(0, len(sizes), len(sizes))
        counts = sizes[chosen]
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        yield order[np.repeat(starts[chosen], counts) + within]


def _interval(value: float, drawn: npt.NDArray[np.float64]) -> Interval:
    known = drawn[np.isfinite(drawn)]
    if len(known) < max(len(drawn) // 2, 2):
        return Interval(value, float("nan"), float("nan"))
    low, high = np.quantile(known, [0.025, 0.975])
    return Interval(value, float(low), float(high))
