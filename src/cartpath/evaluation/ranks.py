"""Where the one true item stands among all items, and what follows from it: hit rate, NDCG, reciprocal rank."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.store.jit import kernel

Index = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Scores = npt.NDArray[np.float32]
#: Rank of an item that the model cannot rank: beyond every k.
UNRANKED = np.iinfo(np.int64).max


@kernel
def _ahead(score: Any, column: Any, other: Any, other_column: Any) -> bool:
    return bool(other > score or (other == score and other_column < column))


@kernel
def _ranks(scores: Scores, column: Index, rows: Index, columns: Index, out: Index) -> bool:
    wrong = np.int32(0)
    for row in range(len(scores)):
        line, true = scores[row], column[row]
        score = line[true] if true >= 0 else np.float32(0)
        # Plain counts, which the compiler does eight at a time.
        rank, middle = np.int32(1), max(true, np.int64(0))
        for other in range(middle):
            rank += np.int32(line[other] >= score)
            wrong += np.int32(line[other] != line[other])
        for other in range(middle, len(line)):
            rank += np.int32(line[other] > score)
            wrong += np.int32(line[other] != line[other])
        out[row] = rank if true >= 0 else UNRANKED
    if wrong:
        return False
    for pair in range(len(rows)):
        row, other = rows[pair], columns[pair]
        true = column[row]
        if true >= 0 and other != true:
            out[row] -= _ahead(scores[row, true], true, scores[row, other], other)
    return True


def rank_of(scores: Scores, column: Index, hidden: tuple[Index, Index] | None = None) -> Index:
    """Return the place of each row's true item when the row is sorted, stably, from the highest score down (n,).

    Parameters
    ----------
    scores : float32 array (n, m)
    column : int64 array (n,)
        Column of the true item; -1 where the model has none for it.
    hidden : tuple of int64 arrays (p,), optional
        Rows and columns of items that are no candidates, repeats allowed. The true item is one in any case.

    Returns
    -------
    int64 array (n,)
        From 1; ``UNRANKED`` where there is no column. Of equal scores the one in the lower column comes first.

    Raises
    ------
    ValueError
        If a score is not a number.

    Examples
    --------
    >>> scores = np.array([[0.1, 0.5, 0.5], [0.9, 0.5, 0.1]], np.float32)
    >>> rank_of(scores, np.array([2, 1])).tolist()
    [2, 2]
    >>> rank_of(scores, np.array([2, -1]), (np.array([0]), np.array([1])))[0]
    np.int64(1)
    """
    n, width = scores.shape
    pairs = np.zeros(0, np.int64) if hidden is None else np.unique(hidden[0] * np.int64(max(width, 1)) + hidden[1])
    out = np.empty(n, np.int64)
    rows, columns = pairs // max(width, 1), pairs % max(width, 1)
    if not _ranks(np.ascontiguousarray(scores, np.float32), column.astype(np.int64), rows, columns, out):
        raise ValueError("a score is not a number")
    return out


def hit_rate(ranks: Index, k: int) -> Floats:
    """Return 1 for each true item among the first k, else 0 (n,); with one true item, recall is the same.

    Examples
    --------
    >>> hit_rate(np.array([1, 10, 11]), 10).tolist()
    [1.0, 1.0, 0.0]
    """
    return (ranks <= k).astype(np.float64)


def ndcg_at(ranks: Index, k: int) -> Floats:
    """Return ``1 / log2(1 + rank)`` for each true item among the first k, else 0 (n,): the best list has gain 1.

    Examples
    --------
    >>> ndcg_at(np.array([1, 3, 4]), 3).tolist()
    [1.0, 0.5, 0.0]
    """
    return np.where(ranks <= k, 1 / np.log2(1 + np.minimum(ranks, k).astype(np.float64)), 0.0)


def reciprocal(ranks: Index, k: int | None = None) -> Floats:
    """Return ``1 / rank`` for each true item, among the first k if given, else 0 (n,).

    Examples
    --------
    >>> reciprocal(np.array([1, 4, UNRANKED]), 20).tolist()
    [1.0, 0.25, 0.0]
    """
    inside = ranks < UNRANKED if k is None else ranks <= k
    return np.where(inside, 1 / ranks.astype(np.float64), 0.0)
