"""How well scores tell positives from negatives, whatever their scale: AUC and average precision."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def mid_ranks(scores: Floats) -> Floats:
    """Return ranks from 1, equal scores sharing their mean rank.

    Examples
    --------
    >>> mid_ranks(np.array([0.1, 0.4, 0.4, 0.2])).tolist()
    [1.0, 3.5, 3.5, 2.0]
    """
    _, group, counts = np.unique(scores, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: Floats = (last - (counts - 1) / 2)[group]
    return ranks


def ends_of_ties(ordered: Floats) -> npt.NDArray[np.bool_]:
    """Mark the last row of each run of equal scores (n,), given scores in order.

    Examples
    --------
    >>> ends_of_ties(np.array([3.0, 2.0, 2.0])).tolist()
    [True, False, True]
    """
    last = np.ones(len(ordered), bool)
    last[:-1] = ordered[1:] != ordered[:-1]
    return last


def roc_auc(labels: npt.NDArray[Any], scores: Floats) -> float:
    """Return the chance that a random positive scores above a random negative; ties count one half.

    Parameters
    ----------
    labels : array (n,)
        0 or 1.
    scores : float64 array (n,)

    Returns
    -------
    float
        NaN where either label is missing.

    Examples
    --------
    Of the pairs (0.4, 0.1), (0.4, 0.4) one is won and one is tied: 3/4.

    >>> roc_auc(np.array([0, 0, 1]), np.array([0.1, 0.4, 0.4]))
    0.75
    """
    positive = np.asarray(labels) == 1
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    if not n_positive or not n_negative:
        return float("nan")
    total = mid_ranks(np.asarray(scores, np.float64))[positive].sum()
    return float((total - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))


def average_precision(labels: npt.NDArray[Any], scores: Floats) -> float:
    """Return the sum over thresholds of precision times the recall gained; equal scores are one threshold.

    Returns
    -------
    float
        NaN without positives.

    Examples
    --------
    Positives at places 1 and 3: (1/1 + 2/3) / 2 = 5/6.

    >>> round(average_precision(np.array([1, 0, 1]), np.array([0.9, 0.8, 0.7])), 6)
    0.833333
    """
    labels, scores = np.asarray(labels) == 1, np.asarray(scores, np.float64)
    if not labels.any():
        return float("nan")
    order = np.argsort(-scores, kind="stable")
    found = np.cumsum(labels[order])
    last = np.flatnonzero(ends_of_ties(scores[order]))
    precision = found[last] / (last + 1)
    gained = np.diff(np.concatenate([[0], found[last]]))
    # Added in order, as the draws of ``drawn_discrimination`` add: equal to the last digit.
    return float(np.cumsum(precision * gained)[-1] / labels.sum())
