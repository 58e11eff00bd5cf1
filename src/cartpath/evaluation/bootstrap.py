"""Intervals by drawing users again: rows of one user are not independent, so users are what is drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
    return interval_of(statistic(np.arange(n)), drawn)


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


def user_codes(users: npt.NDArray[Any]) -> tuple[Index, int]:
    """Return each row's user as a number from 0 (n,), and how many users there are."""
    known, codes = np.unique(users, return_inverse=True)
    return codes.astype(np.int64), len(known)


def drawn_counts(n_users: int, draws: int, seed: int) -> Iterator[Index]:
    """Yield how often each draw has each user (n_users,): the very draws of ``resamples``, as weights.

    A figure that can be had from weights needs no rows to be copied, nor sorted, for a draw.

    Examples
    --------
    >>> [int(counts.sum()) for counts in drawn_counts(4, 2, seed=0)]
    [4, 4]
    """
    rng = np.random.default_rng(seed)
    for _ in range(draws):
        yield np.bincount(rng.integers(0, n_users, n_users), minlength=n_users)


def drawn_sums(columns: npt.NDArray[np.float64], users: npt.NDArray[Any], draws: int, seed: int) -> Any:
    """Return the sum of each column (n, k) over the rows of each draw (draws, k).

    Examples
    --------
    >>> drawn_sums(np.array([[1.0], [2.0]]), np.array(["a", "a"]), 2, seed=0).tolist()
    [[3.0], [3.0]]
    """
    codes, n_users = user_codes(users)
    by_user = np.column_stack([np.bincount(codes, column, n_users) for column in columns.T])
    out = np.empty((draws, columns.shape[1]))
    for row, counts in enumerate(drawn_counts(n_users, draws, seed)):
        out[row] = counts @ by_user
    return out


def interval_of(value: float, drawn: npt.NDArray[np.float64]) -> Interval:
    """Return a figure with the 95% percentile interval of its draws; NaN where half of them had no value."""
    known = drawn[np.isfinite(drawn)]
    if len(known) < max(len(drawn) // 2, 2):
        return Interval(value, float("nan"), float("nan"))
    low, high = np.quantile(known, [0.025, 0.975])
    return Interval(value, float(low), float(high))
