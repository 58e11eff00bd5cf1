"""Where item vectors start: items of the same paths, or of like words, begin near each other.

A network that starts there needs to learn in its passes only what that leaves out.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import sparse

from cartpath.features.factors import leading_factors

Floats = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
#: Items up to this many apart in a path are neighbours, each place counting less than the one before.
_REACH, _FADING = 10, 0.8
#: The exponent of the context's frequency (Levy, Goldberg and Dagan, 2015).
_SMOOTHING = 0.75
#: Nearest items by words that count, and the weight of words beside paths.
_NEAREST, _WORDS_WEIGHT = 20, 0.8
#: Rows of similarities held at once.
_ROWS = 512


def start_vectors(paths: sparse.csr_matrix | None, words: sparse.csr_matrix | None, k: int, seed: int = 0) -> Floats:
    """Return vectors whose products come near how strongly items go together (n, k).

    Parameters
    ----------
    paths : csr matrix (n, n), optional
        ``positive_pmi``.
    words : csr matrix (n, n), optional
        ``like_by_words``.
    k : int
    seed : int

    Returns
    -------
    float64 array (n, k)
        Eigenvectors of the sum, each part of Frobenius norm 1 (times its weight), scaled by the root of the eigenvalue.
        Entries have a standard deviation of one.
    """
    parts = [
        matrix * (weight / norm)
        for matrix, weight in ((paths, 1.0), (words, _WORDS_WEIGHT))
        if matrix is not None and (norm := sparse.linalg.norm(matrix)) > 0
    ]
    n = next(matrix.shape[0] for matrix in (paths, words) if matrix is not None)
    out = np.zeros((n, k))
    if not parts:
        return out
    total = sparse.csr_matrix(sum(parts[1:], parts[0]))
    values, vectors = leading_factors(lambda x: total @ x, n, k, seed)
    out[:, : len(values)] = vectors * np.sqrt(np.maximum(values, 0))
    return out / max(float(out.std()), 1e-12)


def positive_pmi(items: Index, path: Index, n_items: int) -> sparse.csr_matrix:
    """Return the positive pointwise mutual information of items that lie near each other in paths (n_items, n_items).

    Parameters
    ----------
    items : int64 array (n,)
        Items in the order of their paths.
    path : int64 array (n,)
        Which path each is of, ascending.
    n_items : int

    Examples
    --------
    >>> found = positive_pmi(np.array([0, 1, 0, 1, 2, 3]), np.array([0, 0, 1, 1, 2, 2]), 4)
    >>> found.toarray()[0].round(2).tolist()
    [0.0, 1.16, 0.0, 0.0]
    """
    counts = sparse.csr_matrix((n_items, n_items))
    for apart in range(1, _REACH + 1):
        near = path[apart:] == path[:-apart]
        one, other = items[:-apart][near], items[apart:][near]
        weight = np.full(len(one), _FADING ** (apart - 1))
        counts = counts + sparse.coo_matrix((weight, (one, other)), shape=counts.shape).tocsr()
    counts = (counts + counts.T).tocoo()
    often = np.bincount(counts.row, counts.data, n_items)
    smooth = often**_SMOOTHING
    smooth *= often.sum() / max(smooth.sum(), 1e-12)
    pmi = np.log(counts.data * often.sum() / (often[counts.row] * smooth[counts.col]))
    kept = pmi > 0
    return sparse.csr_matrix((pmi[kept], (counts.row[kept], counts.col[kept])), shape=counts.shape)


def like_by_words(weights: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return the cosine of each item with those whose words are likest (n, n), symmetric, without itself.

    Parameters
    ----------
    weights : csr matrix (n, n_words)
        ``ItemWords.weights``.
    """
    n, turned = weights.shape[0], sparse.csr_matrix(weights.T)
    rows, columns, values = [], [], []
    for start in range(0, n, _ROWS):
        likeness = (weights[start : start + _ROWS] @ turned).toarray()
        at = np.arange(len(likeness))
        likeness[at, at + start] = 0
        near = np.argpartition(likeness, -min(_NEAREST, n), axis=1)[:, -_NEAREST:]
        rows.append(np.repeat(at + start, near.shape[1]))
        columns.append(near.ravel())
        values.append(np.take_along_axis(likeness, near, axis=1).ravel())
    found = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    matrix = sparse.csr_matrix(found, shape=(n, n), dtype=np.float64)
    matrix.eliminate_zeros()
    return sparse.csr_matrix(matrix.maximum(matrix.T))
