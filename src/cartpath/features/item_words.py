"""What a catalogue says about its items as weighted words, and as short vectors that know which words go together."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from cartpath.features.factors import leading_factors
from cartpath.features.log import Log
from cartpath.schema import Columns

Floats = npt.NDArray[np.float32]
_WORD = re.compile(r"\w+")
#: Words kept, the most widespread first, and the items a word must be of.
_MOST_WORDS, _LEAST_ITEMS = 50_000, 2
#: Length of the vectors.
LENGTH = 128


@dataclass(frozen=True)
class ItemWords:
    """Words with their weights, and the directions that item vectors are made of; fitted on known items alone.

    Attributes
    ----------
    words : tuple of str
    idf : float32 array (n_words,)
        ``log(items / items with the word)``.
    directions : float32 array (n_words, length)
        Latent semantic analysis (Deerwester et al., 1990).
    """

    words: tuple[str, ...]
    idf: Floats
    directions: Floats

    @cached_property
    def _place(self) -> dict[str, int]:
        return {word: column for column, word in enumerate(self.words)}

    @property
    def length(self) -> int:
        """Length of an item's vector."""
        return int(self.directions.shape[1])

    def weights(self, words: Sequence[Sequence[str]]) -> sparse.csr_matrix:
        """Return TF-IDF rows of length one (n, n_words), of zeros where no word is known."""
        place = self._place
        counts = [Counter(place[word] for word in item if word in place) for item in words]
        columns = np.array([column for item in counts for column in item], np.int64)
        tf = np.array([1 + np.log(n) for item in counts for n in item.values()], np.float32)
        offsets = np.cumsum([0, *map(len, counts)])
        rows = sparse.csr_matrix((tf * self.idf[columns], columns, offsets), shape=(len(words), len(place)))
        return _unit_rows(rows)

    def vectors(self, words: Sequence[Sequence[str]]) -> Floats:
        """Return vectors of items by their words (n, length); zeros where no word is known.

        Their mean square is one where there is a word, so that they are on the scale of a network's input.
        """
        out = np.asarray(self.weights(words) @ self.directions, np.float32)
        norms = np.sqrt((out * out).mean(axis=1, keepdims=True))
        found: Floats = np.divide(out, norms, out=np.zeros_like(out), where=norms > 1e-6)
        return found

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return it as arrays, for saving."""
        text = json.dumps(list(self.words)).encode()
        return {"words": np.frombuffer(text, np.uint8), "idf": self.idf, "directions": self.directions}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> ItemWords:
        """Read what ``to_arrays`` returned."""
        return cls(tuple(json.loads(arrays["words"].tobytes())), arrays["idf"], arrays["directions"])


def fit_item_words(words: Sequence[Sequence[str]], length: int = LENGTH, seed: int = 0) -> ItemWords | None:
    """Learn which words there are and which go together.

    Parameters
    ----------
    words : sequence of sequences of str
        Words of each known item.
    length : int
        Of the vectors, at most.
    seed : int

    Returns
    -------
    ItemWords or None
        None where fewer than two items share a word.

    Examples
    --------
    >>> found = fit_item_words([["red", "shoe"], ["red", "hat"], ["hat"]], length=2)
    >>> found.words, [round(float(value), 2) for value in found.idf]
    (('hat', 'red'), [0.41, 0.41])
    """
    spread = Counter(word for item in words for word in set(item))
    # A word of every item tells none apart.
    kept = [word for word, n in spread.items() if _LEAST_ITEMS <= n < len(words)]
    kept = sorted(kept, key=lambda word: (-spread[word], word))[:_MOST_WORDS]
    if not kept:
        return None
    idf = np.log(len(words) / np.array([spread[word] for word in kept], np.float64)).astype(np.float32)
    bare = ItemWords(tuple(kept), idf, np.zeros((len(kept), 0), np.float32))
    rows = bare.weights(words)
    length = min(length, min(rows.shape) - 1) or 1
    _, directions = leading_factors(lambda x: rows.T @ (rows @ x), len(kept), length, seed)
    return ItemWords(bare.words, idf, directions.astype(np.float32))


def fit_words_of(log: Log, items: Sequence[str]) -> ItemWords | None:
    """Learn the words of some items from a log's catalogue; None where it tells of no word that two of them share.

    Parameters
    ----------
    log : Log
    items : sequence of str
        Ids of the items that may be learned from.
    """
    codes = {text: code for code, text in enumerate(log.codes("item"))}
    texts = words_of_items(log, np.array([codes[item] for item in items], np.int64))
    return fit_item_words(texts) if any(texts) else None


def words_of_items(log: Log, codes: npt.NDArray[np.int64] | None = None) -> list[list[str]]:
    """Return the words of item codes: attributes, category path, brand, and words and pairs of words of the title.

    Items that the catalogue does not have, or says nothing about, have none.

    Parameters
    ----------
    log : Log
    codes : int64 array (n,), optional
        All by default.
    """
    every, table = log.codes("item"), log.items
    texts = every if codes is None else [every[code] for code in codes]
    if Columns.item_id not in table.column_names or not len(table):
        return [[] for _ in texts]
    if codes is not None:
        table = table.filter(pc.is_in(table[Columns.item_id], pa.array(texts, table[Columns.item_id].type)))
    columns = (Columns.title, Columns.category, Columns.brand, Columns.attributes)
    rows = zip(*(_column(table, name) for name in columns), strict=True)
    known = {item: list(_words(*row)) for item, row in zip(table[Columns.item_id].to_pylist(), rows, strict=True)}
    return [known.get(text, []) for text in texts]


def _column(table: Any, name: str) -> list[str | None]:
    return table[name].to_pylist() if name in table.column_names else [None] * len(table)


def _words(title: str | None, category: str | None, brand: str | None, attributes: str | None) -> Iterable[str]:
    found = _WORD.findall((title or "").lower())
    yield from found
    yield from (f"{one} {other}" for one, other in pairwise(found))
    parts = [part.strip() for part in (category or "").split(">")]
    yield from (f"category={' > '.join(parts[: n + 1])}" for n, part in enumerate(parts) if part)
    if brand:
        yield f"brand={brand}"
    yield from (f"attribute={value}" for value in _attributes(attributes))


def _attributes(text: str | None) -> Iterable[str]:
    """Return attributes one by one; those of a mapping with their names."""
    if not text:
        return []
    try:
        raw = json.loads(text)
    except ValueError:
        return [text]
    if isinstance(raw, dict):
        pairs = ((name, value) for name, values in raw.items() for value in (_many(values)))
        return [f"{name}:{value}" for name, value in pairs if value is not None]
    return [str(value) for value in _many(raw) if value is not None]


def _many(values: Any) -> Sequence[Any]:
    return values if isinstance(values, list) else [values]


def _unit_rows(rows: sparse.csr_matrix) -> sparse.csr_matrix:
    norms = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    scale = np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0)
    return sparse.csr_matrix(sparse.diags(scale) @ rows, dtype=np.float32)
