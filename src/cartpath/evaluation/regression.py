"""How far predicted amounts are off, with the draws of users from which intervals and paired tests come."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.evaluation.bootstrap import DRAWS, drawn_sums
from cartpath.evaluation.discrimination import mid_ranks
from cartpath.evaluation.drawn import Drawn
from cartpath.evaluation.inputs import users_or_rows

Floats = npt.NDArray[np.float64]


def drawn_mean(values: Floats, users: npt.NDArray[Any] | None = None, draws: int = DRAWS, seed: int = 0) -> Drawn:
    """Return a mean over rows, with its draws of users.

    Parameters
    ----------
    values : float64 array (n,)
    users : array (n,), optional
        Whose row each is; without it each row is a user.
    draws, seed : int

    Examples
    --------
    >>> drawn_mean(np.array([1.0, 2.0]), draws=10).value
    1.5
    """
    sums = drawn_sums(np.column_stack([values, np.ones(len(values))]), users_or_rows(users, len(values)), draws, seed)
    return Drawn(float(np.mean(values)), sums[:, 0] / sums[:, 1], seed)


def drawn_errors(
    target: Floats, predicted: Floats, users: npt.NDArray[Any] | None = None, draws: int = DRAWS, seed: int = 0
) -> dict[str, Drawn]:
    """Return the mean squared error ``mse``, its root ``rmse``, and ``r2``, each with its draws of users.

    r2 is one less the sum of squared errors over that about the rows' mean: the share of the variance that is told; it
    is below 0 where the rows' mean would have done better, and NaN where all targets are one.

    Parameters
    ----------
    target, predicted : float64 array (n,)
    users : array (n,), optional
    draws, seed : int
        Models that are to be compared are drawn with one seed.

    Examples
    --------
    Errors of 0, 0, 1 and 1 about answers with a sum of squares of 5:

    >>> found = drawn_errors(np.array([0.0, 1.0, 2.0, 3.0]), np.array([0.0, 1.0, 3.0, 4.0]), draws=10)
    >>> found["mse"].value, round(found["rmse"].value, 6), found["r2"].value
    (0.5, 0.707107, 0.6)
    """
    target, error = np.asarray(target, np.float64), np.asarray(predicted, np.float64) - target
    # About the mean, so that the sums of a draw do not lose their digits.
    about = target - target.mean()
    columns = np.column_stack([error**2, about, about**2, np.ones(len(target))])
    whole = columns.sum(axis=0)[None]
    parts = drawn_sums(columns, users_or_rows(users, len(target)), draws, seed)
    mse = [sums[:, 0] / sums[:, 3] for sums in (whole, parts)]
    r2 = [_told(sums) for sums in (whole, parts)]
    return {
        "mse": Drawn(float(mse[0][0]), mse[1], seed),
        "rmse": Drawn(float(np.sqrt(mse[0][0])), np.sqrt(mse[1]), seed),
        "r2": Drawn(float(r2[0][0]), r2[1], seed),
    }


def _told(sums: Floats) -> Floats:
    total = sums[:, 2] - sums[:, 1] ** 2 / sums[:, 3]
    told: Floats = 1 - np.divide(sums[:, 0], total, out=np.full(len(sums), np.nan), where=total > 0)
    return told


def spearman(target: Floats, predicted: Floats) -> float:
    """Return Spearman's rank correlation: that of mid-ranks; NaN where either side is one value.

    Examples
    --------
    >>> round(spearman(np.array([1.0, 2.0, 3.0]), np.array([10.0, 30.0, 20.0])), 6)
    0.5
    """
    ours, theirs = (mid_ranks(np.asarray(values, np.float64)) for values in (target, predicted))
    ours, theirs = ours - ours.mean(), theirs - theirs.mean()
    spread = float(np.sqrt((ours**2).sum() * (theirs**2).sum()))
    return float((ours * theirs).sum() / spread) if spread > 0 else float("nan")
