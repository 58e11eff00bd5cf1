"""Figures with their draws of users, so that any two on the same rows can be compared without drawing anew.

A draw is a weight for each user, scores are sorted once for all draws, and one pass of a compiled loop gives AUC and
average precision: the same numbers, to the last digit, as from the repeated rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.evaluation.bootstrap import DRAWS, Interval, drawn_counts, interval_of, user_codes
from cartpath.evaluation.discrimination import ends_of_ties
from cartpath.evaluation.inputs import checked_scores, users_or_rows
from cartpath.evaluation.paired import Paired
from cartpath.schema import CartpathError
from cartpath.store.jit import kernel

Floats = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Drawn:
    """A figure of all rows, and of each draw of users.

    Attributes
    ----------
    value : float
    draws : float64 array (draws,)
        NaN where a draw has no value.
    seed : int
        Of the draws; those of the same users and seed are the same draws.

    Examples
    --------
    >>> ours, theirs = (Drawn(value, value + np.array([-0.1, 0.1]), 0) for value in (0.8, 0.7))
    >>> round(ours.less(theirs).difference, 6)
    0.1
    """

    value: float
    draws: Floats
    seed: int

    @property
    def interval(self) -> Interval:
        """The 95% percentile interval."""
        return interval_of(self.value, self.draws)

    def less(self, other: Drawn) -> Paired:
        """Return this figure less another of the same rows, with interval and two-sided p.

        ``p`` is twice the share of draws on the other side of 0, or at it: ``2 (1 + beyond) / (1 + draws)``, at most
        1. It is the level at which the percentile interval would begin to hold 0.

        Raises
        ------
        CartpathError
            If the draws are not the same.
        """
        if self.seed != other.seed or len(self.draws) != len(other.draws):
            raise CartpathError("figures of different draws cannot be paired", "draw both with one seed and as often")
        gap = self.value - other.value
        drawn = self.draws - other.draws
        found = interval_of(gap, drawn)
        known = drawn[np.isfinite(drawn)]
        beyond = min(int((known <= 0).sum()), int((known >= 0).sum()))
        p = min(2 * (1 + beyond) / (1 + len(known)), 1.0) if np.isfinite(found.low) else float("nan")
        return Paired(found.value, found.low, found.high, p)


def drawn_discrimination(
    labels: npt.NDArray[Any],
    scores: npt.NDArray[Any],
    users: npt.NDArray[Any] | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> tuple[Drawn, Drawn]:
    """Return AUC and average precision, each with its draws of users.

    Parameters
    ----------
    labels : array (n,)
        0 or 1.
    scores : array (n,)
        Ties as in ``roc_auc`` and ``average_precision``.
    users : array (n,), optional
        Whose row each is; without it each row is a user.
    draws : int
    seed : int
        Models that are to be compared are drawn with one seed.

    Returns
    -------
    auc, average_precision : Drawn
        NaN where a label is missing.

    Examples
    --------
    >>> labels, scores = np.array([0, 0, 1, 1]), np.array([0.1, 0.6, 0.4, 0.9])
    >>> auc, ap = drawn_discrimination(labels, scores, draws=100)
    >>> auc.value, round(ap.value, 6)
    (0.75, 0.833333)
    """
    positive, values = checked_scores(labels, scores)
    codes, n_users = user_codes(users_or_rows(users, len(values)))
    order = np.argsort(-values, kind="stable")
    ranked = (codes[order], positive[order], ends_of_ties(values[order]))
    figures = np.full((draws, 2), np.nan)
    for row, counts in enumerate(drawn_counts(n_users, draws if n_users else 0, seed)):
        figures[row] = _weighted(counts, *ranked)
    auc, ap = _weighted(np.ones(max(n_users, 1), np.int64), *ranked)
    return Drawn(auc, figures[:, 0], seed), Drawn(ap, figures[:, 1], seed)


@kernel
def _weighted(
    weights: Index, users: Index, positive: npt.NDArray[np.bool_], last: npt.NDArray[np.bool_]
) -> tuple[float, float]:
    """Return AUC and average precision of rows by falling score, each row as often as its user's weight says."""
    lost = area = 0.0
    found = above = won_here = lost_here = np.int64(0)
    for row in range(len(users)):
        weight = weights[users[row]]
        if positive[row]:
            won_here += weight
        else:
            lost_here += weight
        if last[row]:
            # Pairs with a negative ahead are lost, those with one of equal score half lost: whole numbers of halves.
            lost += won_here * (above + 0.5 * lost_here)
            found += won_here
            above += lost_here
            if won_here:
                area += found / (found + above) * won_here
            won_here = lost_here = np.int64(0)
    if not found:
        return np.nan, np.nan
    pairs = float(found * above)
    return (pairs - lost) / pairs if above else np.nan, area / found
