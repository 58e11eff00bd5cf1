"""Popularity: the same items for everyone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cartpath.features import Log
from cartpath.models.next_item import Index, ItemIndex, Scores

_WEIGHTS = "popularity.npy"


@dataclass(frozen=True)
class Popularity:
    """Scores each item by how often it was touched, whatever the path.

    Attributes
    ----------
    items : ItemIndex
    weights : float32 array (n_items,)

    Examples
    --------
    >>> Popularity.of(ItemIndex(("a", "b")), np.array([1, 1, 0]), np.ones(3)).weights.tolist()
    [1.0, 2.0]
    """

    items: ItemIndex
    weights: npt.NDArray[np.float32]

    @classmethod
    def of(cls, items: ItemIndex, columns: Iterable[int], weights: npt.NDArray[np.float64]) -> Popularity:
        """Sum the weight of each event by the column of its item."""
        total = np.bincount(np.asarray(columns, np.int64), weights, minlength=len(items))
        return cls(items, total.astype(np.float32))

    def score(self, log: Log, user: Index, ends: Index, time: Index | None = None) -> Scores:
        """Return the same weights for every path (n, n_items)."""
        scores = np.empty((len(ends), len(self.items)), np.float32)
        scores[:] = self.weights
        return scores

    def save(self, folder: Path) -> None:
        """Write it into a folder."""
        self.items.save(folder)
        np.save(folder / _WEIGHTS, self.weights)

    @classmethod
    def load(cls, folder: Path) -> Popularity:
        """Read what ``save`` wrote."""
        return cls(ItemIndex.load(folder), np.load(folder / _WEIGHTS))
