"""Which items go with one item, by any part that knows of items and items."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cartpath.models.baselines.als import Als
from cartpath.models.baselines.ease import Ease
from cartpath.models.baselines.item_to_item import ItemToItem
from cartpath.models.next_item import NextItemModel
from cartpath.recommend.parts.behaviour import Behaviour
from cartpath.recommend.parts.content import Content

Floats = npt.NDArray[np.float32]
#: Parts that can be asked, in the order in which they are: the first that has an answer gives it.
ALIKE: tuple[str, ...] = ("together", "bought", "ease", "als", "content", "behaviour")


def alike(model: NextItemModel, column: int) -> Floats:
    """Return how strongly each item goes with one (n_items,); 0 where it does not, and for the item itself.

    Parameters
    ----------
    model : NextItemModel
        Of a part named in ``ALIKE``; others know of no two items.
    column : int
    """
    out = np.zeros(len(model.items), np.float32)
    if isinstance(model, ItemToItem):
        known = model.neighbours
        row = slice(known.offsets[column], known.offsets[column + 1])
        out[known.columns[row]] = known.weights[row]
    elif isinstance(model, Ease):
        out[:] = np.maximum(model.weights[column], 0)
    elif isinstance(model, Als):
        out[:] = _cosines(model.factors, column)
    elif isinstance(model, Behaviour):
        out[:] = _cosines(model.vectors, column)
    elif isinstance(model, Content):
        _add_words(model, column, out)
    out[column] = 0
    return out


def _cosines(vectors: Floats, column: int) -> Floats:
    norms = np.sqrt((vectors**2).sum(axis=1) * (vectors[column] ** 2).sum())
    found: Floats = np.divide(vectors @ vectors[column], norms, out=np.zeros(len(vectors), np.float32), where=norms > 0)
    np.maximum(found, 0, out=found)
    return found


def _add_words(model: Content, column: int, out: Floats) -> None:
    words, having = model.words, model.having
    for at in range(words.offsets[column], words.offsets[column + 1]):
        row = slice(having.offsets[words.columns[at]], having.offsets[words.columns[at] + 1])
        out[having.columns[row]] += words.weights[at] * having.weights[row]
