"""Intervals of means over users, and whether two models differ on the same questions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.evaluation.bootstrap import Interval

Floats = npt.NDArray[np.float64]
DRAWS, FLIPS = 2000, 9999
#: Numbers drawn at once.
_CELLS = 4_000_000


@dataclass(frozen=True)
class Paired:
    """The mean difference of two models on the same questions.

    Attributes
    ----------
    difference, low, high : float
        Ours less theirs, and its 95% bootstrap interval over users.
    p : float
        Two-sided, of the sign-flip test: how often a difference as large comes about when each user's difference is
        as likely to have the other sign.
    """

    difference: float
    low: float
    high: float
    p: float


def mean_interval(values: Floats, users: npt.NDArray[Any], draws: int = DRAWS, seed: int = 0) -> Interval:
    """Return a mean with its 95% percentile interval over draws of users, each with all its rows.

    The same figure as ``bootstrap`` of a mean, from the sums of users rather than their rows.

    Parameters
    ----------
    values : float64 array (n,)
    users : array (n,)
        Whose row each is.
    draws : int
    seed : int

    Examples
    --------
    >>> mean_interval(np.array([1.0, 1.0, 1.0]), np.array([0, 0, 1]))
    Interval(value=1.0, low=1.0, high=1.0)
    """
    if not len(values):
        return Interval(float("nan"), float("nan"), float("nan"))
    sums, sizes = _by_user(values, users)
    rng = np.random.default_rng(seed)
    means = np.concatenate([_means(sums, sizes, rng, n) for n in _pieces(draws, len(sums))])
    low, high = np.quantile(means, [0.025, 0.975])
    return Interval(float(values.mean()), float(low), float(high))


def paired_test(ours: Floats, theirs: Floats, users: npt.NDArray[Any], seed: int = 0) -> Paired:
    """Compare two models by a figure of each question.

    Parameters
    ----------
    ours, theirs : float64 array (n,)
        Of the same questions in the same order.
    users : array (n,)
        Whose question each is; signs are flipped, and rows drawn, by users.
    seed : int

    Returns
    -------
    Paired

    Examples
    --------
    Of two users both are better by 1; of the four ways to give signs, two lead as far: p = 1/2.

    >>> found = paired_test(np.ones(2), np.zeros(2), np.arange(2))
    >>> found.difference, 0.48 < found.p < 0.52
    (1.0, True)
    """
    difference = ours - theirs
    interval = mean_interval(difference, users, seed=seed)
    return Paired(interval.value, interval.low, interval.high, sign_flip(difference, users, seed=seed))


def sign_flip(difference: Floats, users: npt.NDArray[Any], flips: int = FLIPS, seed: int = 0) -> float:
    """Return the two-sided p of a mean difference over random signs of users: ``(1 + as far) / (1 + flips)``.

    Examples
    --------
    >>> sign_flip(np.zeros(5), np.arange(5))
    1.0
    """
    sums, _ = _by_user(difference, users)
    sums = sums[sums != 0]
    if not len(sums):
        return 1.0
    # Sums of the same numbers in another order differ in the last digits, and those are no difference.
    observed = abs(float(sums.sum())) * (1 - 1e-12)
    rng, far = np.random.default_rng(seed), 0
    for n in _pieces(flips, len(sums)):
        signs = rng.integers(0, 2, (n, len(sums)), dtype=np.int8).astype(np.float64)
        far += int((np.abs(2 * (signs @ sums) - sums.sum()) >= observed).sum())
    return (1 + far) / (1 + flips)


def _by_user(values: Floats, users: npt.NDArray[Any]) -> tuple[Floats, Floats]:
    """Return each user's sum and number of rows."""
    _, group = np.unique(users, return_inverse=True)
    return np.bincount(group, values).astype(np.float64), np.bincount(group).astype(np.float64)


def _means(sums: Floats, sizes: Floats, rng: np.random.Generator, draws: int) -> Floats:
    chosen = rng.integers(0, len(sums), (draws, len(sums)))
    means: Floats = sums[chosen].sum(axis=1) / sizes[chosen].sum(axis=1)
    return means


def _pieces(total: int, width: int) -> Iterator[int]:
    """Cut a number of draws so that each piece fits into memory."""
    size = max(_CELLS // max(width, 1), 1)
    while total > 0:
        yield min(size, total)
        total -= size
