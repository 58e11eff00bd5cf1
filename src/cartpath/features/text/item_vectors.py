"""Vectors of items by what sessions came to before and after them: item2vec."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.features.log import Progress
from cartpath.features.text.corpus import Corpus
from cartpath.features.text.documents import ITEM, Document
from cartpath.features.text.projection import fit_projection
from cartpath.features.text.word2vec import train_vectors
from cartpath.schema import CartpathError

Floats = npt.NDArray[np.float64]
#: Times that an item must come up.
_LEAST = 2


@dataclass(frozen=True)
class ItemVectors:
    """Known items and their vectors.

    Attributes
    ----------
    items : tuple of str
    table : float64 array (n_items, dims)
    """

    items: tuple[str, ...]
    table: Floats

    @property
    def dims(self) -> int:
        """Length of the vectors."""
        return int(self.table.shape[1])

    @cached_property
    def _place(self) -> dict[str, int]:
        return {item: place for place, item in enumerate(self.items)}

    def vectors(self, documents: Sequence[Document]) -> Floats:
        """Return the vectors of documents (n, dims); NaN for what is no item, or none that is known."""
        places = [self._place.get(one.key, -1) if one.kind == ITEM else -1 for one in documents]
        found: Floats = np.vstack([self.table, np.full((1, self.dims), np.nan)])[np.array(places, np.int64)]
        return found

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return it as arrays, for saving."""
        return {"items": np.frombuffer(json.dumps(list(self.items)).encode(), np.uint8), "table": self.table}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> ItemVectors:
        """Read what ``to_arrays`` returned."""
        return cls(tuple(json.loads(arrays["items"].tobytes())), np.ascontiguousarray(arrays["table"]))


def fit_item2vec(corpus: Corpus, dims: int, seed: int, told: Progress) -> ItemVectors:
    """Learn vectors of items, each session being a sentence: item2vec, skip-gram (Barkan and Koenigstein, 2016).

    Raises
    ------
    CartpathError
        If no item comes up twice in sessions of two items or more.
    MissingExtraError
        If gensim is not installed.
    """
    keys = [one.key for one in corpus.documents]
    sequences = [[keys[place] for place in one] for one in corpus.items if len(one) > 1]
    found = train_vectors(sequences, seed, told, min_count=_LEAST, sg=1, window=10, negative=10, epochs=10)
    if not found:
        raise CartpathError("no item comes up twice in sessions of several items", "item2vec needs longer sessions")
    items = tuple(sorted(found))
    vectors = np.array([found[item] for item in items], np.float64)
    return ItemVectors(items, fit_projection(vectors, dims)(vectors))
