"""EASE: a linear model of which items a user has, in closed form (Steck, 2019, arXiv:1905.03375)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import sparse
from scipy.linalg import lapack

from cartpath.features import Log
from cartpath.models.baselines.cooccurrence import Weights
from cartpath.models.baselines.folder import read_model, write_model
from cartpath.models.baselines.histories import Codes, Floats, Histories, histories, order_by_popularity
from cartpath.models.next_item import Index, ItemIndex, Scores
from cartpath.schema import CartpathError
from cartpath.store.jit import kernel

_KIND = "ease"
#: Items at most: the inverse of this many takes 3.2 GB and some minutes, and grows with the square and the cube.
MOST_ITEMS = 20_000


@dataclass(frozen=True)
class Ease:
    """Sums each item's row of weights over the items of a path.

    A path without known items is answered by popularity.

    Attributes
    ----------
    items : ItemIndex
    weights : float32 array (n_items, n_items)
        Zero on the diagonal.
    popularity : float32 array (n_items,)
        See ``order_by_popularity``.
    recency : float
        An item with ``age`` items after it counts ``recency ** age``; 1 is the model as published.
    """

    items: ItemIndex
    weights: Weights
    popularity: Weights
    recency: float = 1.0

    @classmethod
    def of(cls, items: ItemIndex, paths: Histories, penalty: float, recency: float = 1.0) -> Ease:
        """Solve for the weights of the paths that may be learned from; see ``ease_weights``."""
        weights = ease_weights(paths, len(items), penalty)
        return cls(items, weights, order_by_popularity(paths.columns, len(items)), recency)

    def score(self, log: Log, user: Index, ends: Index, time: Index | None = None) -> Scores:
        """Return the sums of weights (n, n_items); see ``NextItemModel``."""
        paths = histories(log, self.items, user, ends)
        out = np.zeros((len(ends), len(self.items)), np.float32)
        out[np.diff(paths.offsets) == 0] = self.popularity
        _add_rows(paths.offsets, paths.columns, self.weights, np.float32(self.recency), out)
        return out

    def save(self, folder: Path) -> None:
        """Write it into a folder."""
        arrays = {"weights": self.weights, "popularity": self.popularity}
        write_model(folder, _KIND, self.items, {"recency": self.recency}, arrays)

    @classmethod
    def load(cls, folder: Path) -> Ease:
        """Read what ``save`` wrote."""
        items, settings, arrays = read_model(folder, _KIND)
        return cls(items, arrays["weights"], arrays["popularity"], settings["recency"])


def ease_weights(paths: Histories, n_items: int, penalty: float) -> Weights:
    r"""Return the weights that best tell each item of a path from the others, without an item telling itself.

    With ``X`` the 0/1 matrix of paths and items, :math:`P = (X^T X + \lambda I)^{-1}` and the weights are
    :math:`B_{ij} = -P_{ij} / P_{jj}`, :math:`B_{ii} = 0`.

    Parameters
    ----------
    paths : Histories
    n_items : int
    penalty : float
        The :math:`\lambda`.

    Returns
    -------
    float32 array (n_items, n_items)

    Raises
    ------
    CartpathError
        If there are more than ``MOST_ITEMS`` items, or the penalty is not above 0.

    Examples
    --------
    One path of two items: ``P`` is ``[[2, -1], [-1, 2]] / 3``.

    >>> ease_weights(Histories(np.array([0, 2]), np.array([0, 1], np.int32)), 2, 1.0).tolist()
    [[0.0, 0.5], [0.5, 0.0]]
    """
    check_size(n_items)
    if not penalty > 0:
        raise CartpathError(f"the penalty of ease must be above 0, not {penalty}", "ask for 100, say")
    inverse = _inverse(_pairs(paths, n_items), penalty)
    return _weights(inverse)


def check_size(n_items: int) -> None:
    """Refuse more than ``MOST_ITEMS`` items."""
    if n_items > MOST_ITEMS:
        raise CartpathError(
            f"ease inverts a matrix of {n_items:,} by {n_items:,} items; it is made for {MOST_ITEMS:,} at most",
            "leave it out, --models item-to-item,als for one, or use a file of fewer items",
        )


def _pairs(paths: Histories, n_items: int) -> Floats:
    """Return the number of paths that have both of two items, dense, in the order LAPACK wants."""
    ones = np.ones(len(paths.columns))
    has = sparse.csr_array((ones, (paths.rows(), paths.columns)), shape=(len(paths), n_items))
    has.data[:] = 1
    dense: Floats = (has.T @ has).toarray(order="F")
    return dense


def _inverse(matrix: Floats, penalty: float) -> Floats:
    """Return the lower half of the inverse of a matrix plus a penalty on its diagonal, in the matrix' own memory."""
    matrix[np.diag_indices(len(matrix))] += penalty
    factor, failed = lapack.dpotrf(matrix, lower=1, overwrite_a=1)
    if failed:
        raise CartpathError(f"ease's matrix cannot be inverted with a penalty of {penalty}", "use a larger one")
    inverse: Floats = lapack.dpotri(factor, lower=1, overwrite_c=1)[0]
    return inverse


@kernel
def _weights(inverse: Floats) -> Weights:
    n = len(inverse)
    out = np.empty((n, n), np.float32)
    for i in range(n):
        out[i, i] = 0
        for j in range(i):
            out[i, j] = -inverse[i, j] / inverse[j, j]
            out[j, i] = -inverse[i, j] / inverse[i, i]
    return out


@kernel
def _add_rows(paths: Index, columns: Codes, weights: Weights, recency: np.float32, out: Scores) -> None:
    added = np.full(len(weights), -1, np.int64)
    for path in range(len(out)):
        weight = np.float32(1)
        for place in range(paths[path + 1] - 1, paths[path] - 1, -1):
            item = columns[place]
            # A path has an item or not: what comes again counts once, where it came last.
            if added[item] != path:
                for other in range(len(weights)):
                    out[path, other] += weight * weights[item, other]
                added[item] = path
            weight *= recency
