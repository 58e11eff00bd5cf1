"""How high the true items stand in a ranked list: recall, NDCG and reciprocal rank, each per row."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Hits = npt.NDArray[np.bool_]


def recall(hits: Hits, truths: npt.NDArray[np.int64]) -> Floats:
    """Return the share of each row's true items that were found (n,).

    Parameters
    ----------
    hits : bool array (n, k)
        Whether the item at each place of the list is true.
    truths : int64 array (n,)
        True items of each row, at least 1.

    Returns
    -------
    float64 array (n,)
        Found over the number of true items, or over k where there are more than a list of k could hold.

    Examples
    --------
    >>> recall(np.array([[True, False], [True, True]]), np.array([2, 5])).tolist()
    [0.5, 1.0]
    """
    shares: Floats = hits.sum(axis=1) / np.minimum(truths, hits.shape[1])
    return shares


def ndcg(hits: Hits, truths: npt.NDArray[np.int64]) -> Floats:
    """Return the discounted gain of each row over that of the best list (n,); place i gains 1/log2(1 + i).

    Examples
    --------
    One true item at the third place: 1/log2(4) = 1/2.

    >>> ndcg(np.array([[False, False, True]]), np.array([1])).tolist()
    [0.5]
    """
    gain = 1 / np.log2(np.arange(2, hits.shape[1] + 2))
    best = np.concatenate([[0], np.cumsum(gain)])[np.minimum(truths, hits.shape[1])]
    scores: Floats = (hits * gain).sum(axis=1) / best
    return scores


def mrr(hits: Hits, truths: npt.NDArray[np.int64]) -> Floats:
    """Return one over the place of each row's first true item (n,); 0 where none was found.

    Examples
    --------
    >>> mrr(np.array([[False, True], [False, False]]), np.array([1, 1])).tolist()
    [0.5, 0.0]
    """
    first = hits.argmax(axis=1)
    scores: Floats = np.where(hits.any(axis=1), 1 / (first + 1), 0.0)
    return scores
