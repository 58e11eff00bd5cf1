"""How alike two items are: in their category, in columns, in their words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cartpath.config.recommend import TEXT
from cartpath.features import Log, fit_words_of, words_of_items
from cartpath.recommend.rules.columns import ItemColumn, ItemColumns, levels_of
from cartpath.schema import CartpathError, Columns

Codes = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Alike:
    """What likeness is made of, one row an item code, the last that of no item.

    The likeness of two items is the mean of ``parts``: of the category the levels both share over those of the deeper
    one, of a column 1 where both have the same value, of words the cosine, at least 0. What is missing is like nothing.

    Attributes
    ----------
    levels : int32 array (n_items + 1, depth)
        Of the category; -1 below where it ends, depth 0 where it does not count.
    fields : int32 array (n_items + 1, n_fields)
        Codes of values, -1 where there is none.
    vectors : float32 array (n_items + 1, length)
        Of length one, or zero; length 0 where words do not count.
    parts : int
        How many names were asked for.
    """

    levels: Codes
    fields: Codes
    vectors: Floats
    parts: int

    def of(self, items: Ints) -> tuple[Codes, Codes, Floats]:
        """Return the rows of some items."""
        return self.levels[items], self.fields[items], self.vectors[items]


def alike_by(log: Log, columns: ItemColumns, names: Sequence[str]) -> Alike:
    """Prepare the likeness of items.

    Parameters
    ----------
    log : Log
    columns : ItemColumns
    names : sequence of str
        ``category``, ``text``, and other columns or attributes. None of them: nothing is alike.

    Raises
    ------
    CartpathError
        If there is no such column or attribute.
    """
    n = columns.n_items
    levels = np.full((n + 1, 0), -1, np.int32)
    vectors = np.zeros((n + 1, 0), np.float32)
    fields = []
    for name in names:
        if name == TEXT:
            vectors = _vectors(log, n)
        elif name == Columns.category:
            levels = levels_of(_find(columns, name), n)
        else:
            fields.append(_find(columns, name).by_item(n))
    stacked = np.stack(fields, axis=1) if fields else np.full((n + 1, 0), -1, np.int32)
    return Alike(levels, stacked, vectors, max(len(names), 1))


def _find(columns: ItemColumns, name: str) -> ItemColumn:
    try:
        return columns.find(name)
    except CartpathError as error:
        raise CartpathError(f"[recommend] diversity_by: {error.message}", error.hint) from None


def _vectors(log: Log, n_items: int) -> Floats:
    """Return vectors of items by their words, of length one; zeros where the catalogue tells of none."""
    words = fit_words_of(log, log.codes("item"))
    if words is None:
        return np.zeros((n_items + 1, 0), np.float32)
    vectors = words.vectors(words_of_items(log))
    return unit(np.append(vectors, np.zeros((1, words.length), np.float32), axis=0))


def unit(vectors: Floats) -> Floats:
    """Return rows at length one; a row of zeros stays."""
    norms = np.sqrt((vectors * vectors).sum(axis=1, keepdims=True))
    found: Floats = np.divide(vectors, norms, out=np.zeros_like(vectors, np.float32), where=norms > 1e-12)
    return found
