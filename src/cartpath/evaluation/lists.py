"""What lists are like besides right: how much of the catalogue they show, how known, how alike, how popular it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Lists = npt.NDArray[np.int64]


def catalogue_coverage(lists: Lists, n_items: int) -> float:
    """Return the share of items that are on any list.

    Parameters
    ----------
    lists : int64 array (n, k)
        Items; -1 is none.
    n_items : int
        Items that could be.

    Examples
    --------
    >>> catalogue_coverage(np.array([[0, 1], [0, -1]]), 4)
    0.5
    """
    return len(np.unique(lists[lists >= 0])) / max(n_items, 1)


def concentration(lists: Lists, n_items: int) -> float:
    """Return the Gini coefficient of how often items are shown: 0 all alike, near 1 always the same few.

    Examples
    --------
    Of four items one is shown always: ``3/4``.

    >>> concentration(np.array([[0], [0]]), 4)
    0.75
    """
    counts = np.sort(np.bincount(lists[lists >= 0], minlength=n_items)).astype(np.float64)
    total = counts.sum()
    if not total:
        return float("nan")
    place = np.arange(1, len(counts) + 1)
    return float(2 * (place * counts).sum() / (len(counts) * total) - (len(counts) + 1) / len(counts))


def novelty(lists: Lists, shares: Floats) -> Floats:
    """Return how little known the items of each list are (n,): the mean of ``-log2`` of their share of touches.

    Parameters
    ----------
    lists : int64 array (n, k)
    shares : float64 array (n_items,)
        Items without a touch count as the least of those with one.

    Examples
    --------
    >>> novelty(np.array([[0, 1]]), np.array([0.5, 0.125])).tolist()
    [2.0]
    """
    least = shares[shares > 0].min() if (shares > 0).any() else 1.0
    return _mean(lists, -np.log2(np.maximum(shares, least)))


def popularity_lift(lists: Lists, truth: Lists, offsets: Lists, shares: Floats) -> Floats:
    """Return how much more popular what is listed is than what was touched (n,): the mean share of one over the other.

    Parameters
    ----------
    lists : int64 array (n, k)
    truth, offsets : int64 arrays
        True items of row ``i``: ``truth[offsets[i]:offsets[i + 1]]``.
    shares : float64 array (n_items,)

    Examples
    --------
    >>> popularity_lift(np.array([[0, 1]]), np.array([1]), np.array([0, 1]), np.array([0.75, 0.25])).tolist()
    [2.0]
    """
    rows = np.repeat(np.arange(len(lists)), np.diff(offsets))
    touched = np.bincount(rows, shares[truth], len(lists)) / np.maximum(np.diff(offsets), 1)
    listed = _mean(lists, shares)
    lift: Floats = np.divide(listed, touched, out=np.full(len(lists), np.nan), where=touched > 0)
    return lift


def diversity(lists: Lists, vectors: Any) -> Floats:
    """Return how unlike each other the items of each list are (n,): one less their mean cosine, over all pairs.

    Parameters
    ----------
    lists : int64 array (n, k)
    vectors : array or sparse matrix (n_items, n_features)
        Of length one, or zeros where nothing is known; what is not known is unlike everything.

    Returns
    -------
    float64 array (n,)
        NaN for a list of fewer than two.

    Examples
    --------
    >>> diversity(np.array([[0, 1, 2]]), np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])).round(3).tolist()
    [0.667]
    """
    out = np.full(len(lists), np.nan)
    for row, items in enumerate(lists):
        known = items[items >= 0]
        if len(known) > 1:
            mine = vectors[known]
            # The square of a sum of vectors is the sum of all their products.
            total = np.asarray(mine.sum(axis=0)).ravel()
            own = float(np.asarray((mine.multiply(mine) if hasattr(mine, "multiply") else mine * mine).sum()))
            n = len(known)
            out[row] = 1 - (float(total @ total) - own) / (n * (n - 1))
    return out


def _mean(lists: Lists, values: Floats) -> Floats:
    there = lists >= 0
    total = np.where(there, values[np.where(there, lists, 0)], 0.0).sum(axis=1)
    counts = there.sum(axis=1)
    mean: Floats = np.divide(total, counts, out=np.full(len(lists), np.nan), where=counts > 0)
    return mean
