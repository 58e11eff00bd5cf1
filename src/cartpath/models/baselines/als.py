"""ALS: factors of items, and of any path by one least squares solve (Hu, Koren and Volinsky, 2008)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import sparse

from cartpath.features import Log
from cartpath.models.baselines.cooccurrence import Weights
from cartpath.models.baselines.folder import read_model, write_model
from cartpath.models.baselines.histories import Floats, Histories, histories, order_by_popularity
from cartpath.models.extra import need
from cartpath.models.next_item import Index, ItemIndex, Scores

_KIND = "als"
#: Matrices of so many float64 are solved at once.
_CELLS = 4_000_000


@dataclass(frozen=True)
class Confidence:
    """How sure the model is that a path likes its items, and how far factors are held back.

    Attributes
    ----------
    alpha : float
        Confidence in an item on the path; in one that is not, it is 1.
    penalty : float
        Of the squares of the factors.
    recency : float
        When a path is folded in, an item with ``age`` items after it has the confidence ``alpha * recency ** age``;
        1 is what the item factors are learned with.
    """

    alpha: float = 1.0
    penalty: float = 0.1
    recency: float = 1.0


@dataclass(frozen=True)
class Als:
    """Scores items by the product of their factors with the path's, which is solved for when it is asked.

    A path without known items is answered by popularity.

    Attributes
    ----------
    items : ItemIndex
    factors : float32 array (n_items, n_factors)
    popularity : float32 array (n_items,)
        See ``order_by_popularity``.
    confidence : Confidence
    """

    items: ItemIndex
    factors: Weights
    popularity: Weights
    confidence: Confidence = Confidence()

    @cached_property
    def gram(self) -> Floats:
        """The factors' products with each other, summed over all items: worked out once, not for each question."""
        return gram_of(self.factors)

    def score(self, log: Log, user: Index, ends: Index, time: Index | None = None) -> Scores:
        """Return the products of factors (n, n_items); see ``NextItemModel``."""
        paths = histories(log, self.items, user, ends)
        folded = fold_in(self.factors, paths, self.confidence, self.gram)
        out: Scores = folded.astype(np.float32) @ self.factors.T
        out[np.diff(paths.offsets) == 0] = self.popularity
        return out

    def save(self, folder: Path) -> None:
        """Write it into a folder."""
        how = self.confidence
        settings = {"alpha": how.alpha, "penalty": how.penalty, "recency": how.recency}
        write_model(folder, _KIND, self.items, settings, {"factors": self.factors, "popularity": self.popularity})

    @classmethod
    def load(cls, folder: Path) -> Als:
        """Read what ``save`` wrote."""
        items, settings, arrays = read_model(folder, _KIND)
        return cls(items, arrays["factors"], arrays["popularity"], Confidence(**settings))


def fit_als_factors(
    items: ItemIndex, paths: Histories, how: Confidence, factors: int = 64, iterations: int = 15, seed: int = 0
) -> Als:
    """Learn the factors of the items by the library ``implicit``.

    Parameters
    ----------
    items : ItemIndex
    paths : Histories
        What may be learned from.
    how : Confidence
    factors, iterations : int
    seed : int
        Of the factors' first values.

    Returns
    -------
    Als

    Raises
    ------
    MissingExtraError
        If the extra ``baselines`` is not installed.
    """
    als = need("implicit.cpu.als", "the model als", "baselines")
    limits = need("threadpoolctl", "the model als", "baselines").threadpool_limits
    # implicit has threads of its own, a path or an item each; those of the linear algebra would only be in their way.
    with limits(1, "blas"):
        model = als.AlternatingLeastSquares(
            factors=factors,
            regularization=how.penalty,
            alpha=how.alpha,
            iterations=iterations,
            random_state=seed,
        )
        model.fit(counts_of(paths, len(items)), show_progress=False)
    learned: Weights = np.ascontiguousarray(model.item_factors, np.float32)
    return Als(items, learned, order_by_popularity(paths.columns, len(items)), how)


def counts_of(paths: Histories, n_items: int) -> sparse.csr_matrix:
    """Return how often each item comes on each path, sparse float32 (n_paths, n_items)."""
    ones = np.ones(len(paths.columns), np.float32)
    return sparse.csr_matrix((ones, (paths.rows(), paths.columns)), shape=(len(paths), n_items))


def gram_of(factors: Weights) -> Floats:
    """Return ``Y^T Y`` of the factors of all items, float64 (n_factors, n_factors)."""
    exact = factors.astype(np.float64)
    return exact.T @ exact


def fold_in(factors: Weights, paths: Histories, how: Confidence, gram: Floats | None = None) -> Floats:
    r"""Return the factors of paths given those of the items, float64 (n_paths, n_factors); 0 for an empty path.

    With the confidence :math:`c_i` in each item, the path's factors solve
    :math:`(Y^T Y + \lambda I + \sum_i (c_i - 1) y_i y_i^T) x = \sum_i c_i y_i`, the sums over the path's items.

    Parameters
    ----------
    factors : float32 array (n_items, n_factors)
    paths : Histories
    how : Confidence
    gram : float64 array (n_factors, n_factors), optional
        ``gram_of(factors)``, where it is at hand.

    Returns
    -------
    float64 array (n_paths, n_factors)

    Examples
    --------
    One factor, an item that has 1 of it and one that has 2, and a path with the first: ``1 / (1 + 4 + 1)``.

    >>> items, path = np.array([[1], [2]], np.float32), Histories(np.array([0, 1]), np.array([0], np.int32))
    >>> fold_in(items, path, Confidence(alpha=1.0, penalty=1.0)).tolist()
    [[0.16666666666666666]]
    """
    n_factors = factors.shape[1]
    base = (gram_of(factors) if gram is None else gram) + how.penalty * np.eye(n_factors)
    out = np.zeros((len(paths), n_factors))
    confidence = how.alpha * how.recency ** paths.ages().astype(np.float64)
    at_once = max(_CELLS // n_factors**2, 1)
    for start in range(0, len(paths), at_once):
        rows = range(start, min(start + at_once, len(paths)))
        left, right = np.empty((len(rows), n_factors, n_factors)), np.empty((len(rows), n_factors, 1))
        for place, row in enumerate(rows):
            events = slice(paths.offsets[row], paths.offsets[row + 1])
            left[place], right[place, :, 0] = _equation(factors, paths.columns[events], confidence[events])
        out[start : start + len(rows)] = np.linalg.solve(left + base, right)[:, :, 0]
    return out


def _equation(factors: Weights, columns: npt.NDArray[np.int32], confidence: Floats) -> tuple[Floats, Floats]:
    """Return what the items of one path add to both sides; an item that comes again has the sum of its confidences."""
    distinct, of = np.unique(columns, return_inverse=True)
    total = np.bincount(of, confidence, minlength=len(distinct))
    known = factors[distinct].astype(np.float64)
    return known.T @ (known * (total - 1)[:, None]), known.T @ total
