"""Why an item is shown: the part that speaks most for it, and the event of the path that mattered to that part."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from cartpath.models.baselines.als import Als
from cartpath.models.baselines.ease import Ease
from cartpath.models.baselines.item_to_item import ItemToItem
from cartpath.models.next_item import Index, NextItemModel
from cartpath.recommend.parts import KINDS, Parts
from cartpath.recommend.parts.behaviour import Behaviour
from cartpath.recommend.parts.content import Content
from cartpath.store.jit import kernel

Columns = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]
Weights = npt.NDArray[np.float32]
#: Different items of a path, the latest, that a reason is looked for among.
_LOOKED_AT = 20
#: Parts whose reason is no other item.
_OWN = frozenset({"again", "due", "recent", "popular", "sessions"})


@dataclass(frozen=True)
class Reasons:
    """Words for why an item is shown.

    Attributes
    ----------
    parts : Parts
    titles : sequence of str, by column
        What an item is called; its id where the catalogue has no title.
    """

    parts: Parts
    titles: list[str]

    def words(self, part: str, column: int, latest: Columns) -> str:
        """Return the reason of one item.

        Parameters
        ----------
        part : str
            The part of the blend that speaks most for it.
        column : int
        latest : int32 array
            Different items of the path, the latest first; see ``latest_of``.
        """
        said = KINDS[part].words
        if part in _OWN or not len(latest):
            return said
        strength = pulls(self.parts.models[part], column, latest)
        if not (strength > 0).any():
            return said if part == "behaviour" else self._bare(part)
        cause = self.titles[int(latest[int(strength.argmax())])]
        return f"{said}, after {cause}" if part == "behaviour" else f"{said} {cause}"

    @cached_property
    def _without_cause(self) -> dict[str, str]:
        return {name: f"{kind.words} items of this path" for name, kind in KINDS.items()}

    def _bare(self, part: str) -> str:
        return self._without_cause[part]


def pulls(model: NextItemModel, column: int, latest: Columns) -> Floats:
    """Return how much each item of a path speaks for another item, to one part (n_latest,).

    Of linear parts it is what the item adds to the score. Of the behaviour model, which is not linear, it is how alike
    the two items' vectors are (their cosine), less a fifth for each item that came after.

    Parameters
    ----------
    model : NextItemModel
    column : int
    latest : int32 array (n,)
        Different items of the path, the latest first.
    """
    pull, recency = _pull(model, column, latest)
    found: Floats = pull * recency ** np.arange(len(latest))
    return found


def _pull(model: NextItemModel, column: int, latest: Columns) -> tuple[Floats, float]:
    """Return what each item says for another, its age aside, and what counts less for each item since."""
    if isinstance(model, ItemToItem):
        known = model.neighbours
        return _of_neighbours(known.offsets, known.columns, known.weights, column, latest), model.recency
    if isinstance(model, Ease):
        return model.weights[latest, column].astype(np.float64), model.recency
    if isinstance(model, Content):
        words = model.words
        return _of_words(words.offsets, words.columns, words.weights, column, latest), model.recency
    if isinstance(model, Als):
        return _cosines(model.factors, column, latest), model.confidence.recency
    if isinstance(model, Behaviour):
        return _cosines(model.vectors, column, latest), 0.8
    return np.zeros(len(latest)), 1.0


def latest_of(columns: Columns, most: int = _LOOKED_AT) -> Columns:
    """Return the different items of a path (n,), the latest first.

    Examples
    --------
    >>> latest_of(np.array([4, 7, 4, 2], np.int32)).tolist()
    [2, 4, 7]
    """
    found = dict.fromkeys(columns[::-1][: 10 * most].tolist())
    return np.fromiter(list(found)[:most], np.int32)


@kernel
def _of_neighbours(offsets: Index, columns: Columns, weights: Weights, column: int, latest: Columns) -> Floats:
    out = np.zeros(len(latest))
    for place in range(len(latest)):
        for at in range(offsets[latest[place]], offsets[latest[place] + 1]):
            if columns[at] == column:
                out[place] = weights[at]
    return out


@kernel
def _of_words(offsets: Index, words: Columns, weights: Weights, column: int, latest: Columns) -> Floats:
    out = np.zeros(len(latest))
    for place in range(len(latest)):
        for at in range(offsets[latest[place]], offsets[latest[place] + 1]):
            for own in range(offsets[column], offsets[column + 1]):
                if words[own] == words[at]:
                    out[place] += weights[at] * weights[own]
    return out


def _cosines(vectors: npt.NDArray[np.float32], column: int, latest: Columns) -> Floats:
    mine, others = vectors[column].astype(np.float64), vectors[latest].astype(np.float64)
    norms = np.sqrt((others**2).sum(axis=1) * (mine**2).sum())
    found: Floats = np.divide(others @ mine, norms, out=np.zeros(len(latest)), where=norms > 0)
    return found
