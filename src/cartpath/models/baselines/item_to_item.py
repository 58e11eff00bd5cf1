"""Item to item: what comes with the last items of the path comes next."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from cartpath.features import Log
from cartpath.models.baselines.cooccurrence import Neighbours, Together, Weights, neighbours
from cartpath.models.baselines.folder import read_model, write_model
from cartpath.models.baselines.histories import Codes, Histories, histories, order_by_popularity
from cartpath.models.next_item import Index, ItemIndex, Scores
from cartpath.store.jit import kernel


@dataclass(frozen=True)
class ItemToItem:
    """Sums what the items of a path are followed by, the latest item counting most.

    Items that come with none of the path are ranked after all others, by popularity.

    Attributes
    ----------
    items : ItemIndex
    neighbours : Neighbours
    popularity : float32 array (n_items,)
        See ``order_by_popularity``.
    recency : float
        An item with ``age`` items after it counts ``recency ** age``.
    last : int
        Items of a path that are looked at.
    """

    kind: ClassVar[str] = "item-to-item"
    items: ItemIndex
    neighbours: Neighbours
    popularity: Weights
    recency: float = 0.6
    last: int = 50

    @classmethod
    def of(cls, items: ItemIndex, paths: Histories, how: Together, recency: float = 0.6, last: int = 50) -> ItemToItem:
        """Count the pairs of the paths that may be learned from."""
        popularity = order_by_popularity(paths.columns, len(items))
        return cls(items, neighbours(paths, len(items), how), popularity, recency, last)

    def score(self, log: Log, user: Index, ends: Index, time: Index | None = None) -> Scores:
        """Return how strongly each item comes with those of the path (n, n_items); see ``NextItemModel``."""
        paths = histories(log, self.items, user, ends, self.last)
        out = np.repeat(self.popularity[None], len(ends), axis=0)
        known = self.neighbours
        _add_neighbours(
            paths.offsets, paths.columns, known.offsets, known.columns, known.weights, np.float32(self.recency), out
        )
        return out

    def save(self, folder: Path) -> None:
        """Write it into a folder."""
        known = self.neighbours
        arrays: dict[str, npt.NDArray[Any]] = {
            "offsets": known.offsets,
            "columns": known.columns,
            "weights": known.weights,
            "popularity": self.popularity,
        }
        write_model(folder, self.kind, self.items, {"recency": self.recency, "last": self.last}, arrays)

    @classmethod
    def load(cls, folder: Path) -> ItemToItem:
        """Read what ``save`` wrote."""
        items, settings, arrays = read_model(folder, cls.kind)
        known = Neighbours(arrays["offsets"], arrays["columns"], arrays["weights"])
        return cls(items, known, arrays["popularity"], settings["recency"], settings["last"])


@kernel
def _add_neighbours(
    paths: Index,
    columns: Codes,
    offsets: Index,
    others: Codes,
    weights: Weights,
    recency: np.float32,
    out: Scores,
) -> None:
    for path in range(len(out)):
        weight = np.float32(1)
        for place in range(paths[path + 1] - 1, paths[path] - 1, -1):
            item = columns[place]
            for k in range(offsets[item], offsets[item + 1]):
                # Below 0 is the place by popularity: nothing on the path spoke for the item yet.
                before = max(out[path, others[k]], np.float32(0))
                out[path, others[k]] = before + weight * weights[k]
            weight *= recency
