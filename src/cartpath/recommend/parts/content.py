"""Content: items that are described like those of the path, also items that nobody has touched yet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from cartpath.features import Log, fit_words_of, words_of_items
from cartpath.models.baselines.folder import read_model, write_model
from cartpath.models.baselines.histories import Codes, histories
from cartpath.models.next_item import Index, ItemIndex, Scores
from cartpath.recommend.parts.sources import Sources
from cartpath.store.jit import kernel

Weights = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Table:
    """A sparse matrix, row by row.

    Attributes
    ----------
    offsets : int64 array (n_rows + 1,)
    columns : int32 array
    weights : float32 array
    """

    offsets: Index
    columns: Codes
    weights: Weights


@dataclass(frozen=True)
class Content:
    """Scores each item by the cosine of its words with those of the path's items, the latest counting most.

    Words are those of titles, category paths, brands and attributes, weighted by TF-IDF (Salton and Buckley, 1988).
    Items of the path itself are no answer: that they are like themselves says nothing.

    Attributes
    ----------
    items : ItemIndex
    words : Table
        Of each item its words, of length one.
    having : Table
        Of each word the items that have it.
    recency : float
        An item with ``age`` items after it counts ``recency ** age``.
    last : int
        Items of a path that are looked at.
    """

    kind: ClassVar[str] = "content"
    items: ItemIndex
    words: Table
    having: Table
    recency: float = 0.8
    last: int = 20

    def score(self, log: Log, user: Index, ends: Index, time: Index | None = None) -> Scores:
        """Return how alike each item is to those of the path (n, n_items); see ``NextItemModel``."""
        paths = histories(log, self.items, user, ends, self.last)
        out = np.zeros((len(ends), len(self.items)), np.float32)
        words, having = self.words, self.having
        _add_alike(
            paths.offsets, paths.columns, words.offsets, words.columns, words.weights,
            having.offsets, having.columns, having.weights, np.float32(self.recency), out,
        )  # fmt: skip
        return out

    def vectors(self) -> tuple[Table, int]:
        """Return each item's words and how many words there are, to compare items with each other."""
        return self.words, len(self.having.offsets) - 1

    def save(self, folder: Path) -> None:
        """Write it into a folder."""
        arrays = {
            f"{name}_{field}": getattr(getattr(self, name), field)
            for name in ("words", "having")
            for field in ("offsets", "columns", "weights")
        }
        write_model(folder, self.kind, self.items, {"recency": self.recency, "last": self.last}, arrays)

    @classmethod
    def load(cls, folder: Path) -> Content:
        """Read what ``save`` wrote."""
        items, settings, arrays = read_model(folder, cls.kind)
        words, having = (
            Table(*(arrays[f"{name}_{field}"] for field in ("offsets", "columns", "weights")))
            for name in ("words", "having")
        )
        return cls(items, words, having, **settings)


def fit_content(sources: Sources) -> Content | None:
    """Weigh the words of the catalogue by the items touched so far; None where it tells of no word that two share."""
    touched = np.flatnonzero(sources.axis.touched(sources.until))
    known = fit_words_of(sources.axis.log, [sources.axis.items.texts[column] for column in touched])
    if known is None:
        return None
    rows = known.weights(words_of_items(sources.axis.log))
    columns = rows.tocsc()
    return Content(
        sources.axis.items,
        Table(rows.indptr.astype(np.int64), rows.indices.astype(np.int32), rows.data.astype(np.float32)),
        Table(columns.indptr.astype(np.int64), columns.indices.astype(np.int32), columns.data.astype(np.float32)),
    )


@kernel
def _add_alike(
    paths: Index, items: Codes, offsets: Index, words: Codes, weights: Weights,
    starts: Index, having: Codes, shares: Weights, recency: np.float32, out: Scores,
) -> None:  # fmt: skip
    profile = np.zeros(len(starts) - 1, np.float32)
    touched = np.empty(len(starts) - 1, np.int32)
    for row in range(len(out)):
        n, weight = 0, np.float32(1)
        for place in range(paths[row + 1] - 1, paths[row] - 1, -1):
            item = items[place]
            for at in range(offsets[item], offsets[item + 1]):
                word = words[at]
                if profile[word] == 0:
                    touched[n] = word
                    n += 1
                profile[word] += weight * weights[at]
            weight = max(weight * recency, np.float32(1e-6))
        for k in range(n):
            word = touched[k]
            for at in range(starts[word], starts[word + 1]):
                out[row, having[at]] += profile[word] * shares[at]
            profile[word] = 0
        for place in range(paths[row], paths[row + 1]):
            out[row, items[place]] = 0
