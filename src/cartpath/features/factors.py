"""The leading eigenvectors of large symmetric matrices that are only ever multiplied with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
_MORE, _ROUNDS = 10, 4


def leading_factors(times: Callable[[Any], Any], n: int, k: int, seed: int = 0) -> tuple[Floats, Floats]:
    """Return the largest eigenvalues of a symmetric matrix and their eigenvectors, by randomised subspace iteration.

    Halko, Martinsson and Tropp (2011), "Finding structure with randomness", algorithm 5.3.

    Parameters
    ----------
    times : callable
        Multiplies the matrix (n, n) with a matrix (n, m).
    n : int
    k : int
        Eigenvectors wanted, at most n.
    seed : int

    Returns
    -------
    tuple of float64 arrays (k,) and (n, k)
        Values descending; each vector's largest entry is positive, so that the same matrix gives the same vectors.

    Examples
    --------
    >>> values, vectors = leading_factors(lambda x: np.diag([1.0, 3.0, 2.0]) @ x, 3, 2)
    >>> values.round(6).tolist(), vectors.round(6).T.tolist() == [[0, 1, 0], [0, 0, 1]]
    ([3.0, 2.0], True)
    """
    basis = np.random.default_rng(seed).standard_normal((n, min(k + _MORE, n)))
    for _ in range(_ROUNDS):
        basis, _ = np.linalg.qr(np.asarray(times(basis), np.float64))
    small = basis.T @ np.asarray(times(basis), np.float64)
    values, rotation = np.linalg.eigh((small + small.T) / 2)
    order = np.argsort(-values)[: min(k, n)]
    vectors = basis @ rotation[:, order]
    signs = np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(vectors.shape[1])])
    return values[order], vectors * np.where(signs == 0, 1, signs)
