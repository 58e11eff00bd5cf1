"""Looked at before: the items of the path itself, the latest first."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from cartpath.features import Log
from cartpath.models.baselines.folder import read_model, write_model
from cartpath.models.baselines.histories import Codes, histories
from cartpath.models.next_item import Index, ItemIndex, Scores
from cartpath.recommend.parts.sources import Sources
from cartpath.store.jit import kernel


@dataclass(frozen=True)
class Again:
    """Scores an item of the path by ``recency ** r``, ``r`` different items coming after its last time; others by 0.

    Attributes
    ----------
    items : ItemIndex
    recency : float
    last : int
        Items of a path that are looked at, those that come again counted each time.
    """

    kind: ClassVar[str] = "again"
    items: ItemIndex
    recency: float = 0.8
    last: int = 100

    def score(self, log: Log, user: Index, ends: Index, time: Index | None = None) -> Scores:
        """Return the score of each item of the paths (n, n_items); see ``NextItemModel``."""
        paths = histories(log, self.items, user, ends, self.last)
        out = np.zeros((len(ends), len(self.items)), np.float32)
        _add(paths.offsets, paths.columns, np.float32(self.recency), out)
        return out

    def save(self, folder: Path) -> None:
        """Write it into a folder."""
        write_model(folder, self.kind, self.items, {"recency": self.recency, "last": self.last}, {})

    @classmethod
    def load(cls, folder: Path) -> Again:
        """Read what ``save`` wrote."""
        items, settings, _ = read_model(folder, cls.kind)
        return cls(items, **settings)


def fit_again(sources: Sources) -> Again:
    """Nothing is learned: it is all on the path."""
    return Again(sources.axis.items)


@kernel
def _add(paths: Index, columns: Codes, recency: np.float32, out: Scores) -> None:
    for row in range(len(out)):
        weight = np.float32(1)
        for place in range(paths[row + 1] - 1, paths[row] - 1, -1):
            if out[row, columns[place]] == 0:
                out[row, columns[place]] = weight
                weight = max(weight * recency, np.float32(1e-12))
