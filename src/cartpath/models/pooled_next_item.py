"""The behaviour model and what was seen to follow what, as one next-item model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cartpath.features import Log
from cartpath.models.artefact import read_json, write_json
from cartpath.models.baselines.folder import kind_of
from cartpath.models.baselines.histories import histories
from cartpath.models.baselines.item_to_item import ItemToItem
from cartpath.models.baselines.session_knn import SessionKnn
from cartpath.models.next_item import Index, ItemIndex, Scores
from cartpath.schema import CartpathError

if TYPE_CHECKING:
    from cartpath.models.behaviour_next_item import BehaviourNextItem

_POOL, _NETWORK, _FOLLOWS = "pool.json", "network", "follows"
_NUMBERS = ("weight", "floor", "last", "earlier")


@dataclass(frozen=True)
class PooledNextItem:
    """A network's scores, raised for items that were seen to come with those of the path.

    ``score = network + weight * log(1 + share / floor)``, where ``share`` is an item's part of what counts (item to
    item, or the sessions most like the path) give to all items. With the network's softmax this is a logarithmic
    opinion pool (Genest and Zidek, 1986; a product of experts):
    ``p(item) ~ p_network(item) * (floor + share(item)) ** weight``. A network generalises, counts remember;
    ``floor`` says how much is left to an item that counts say nothing of.

    Attributes
    ----------
    network : BehaviourNextItem
    follows : ItemToItem or SessionKnn
    weight : float
        0 is the network alone.
    floor : float
    last, earlier : float
        What is added to the item that the path ends with, and to its other items: whether one comes back differs from
        shop to shop, and neither part is asked about it alone.
    """

    network: BehaviourNextItem
    follows: ItemToItem | SessionKnn
    weight: float
    floor: float
    last: float = 0.0
    earlier: float = 0.0

    @property
    def items(self) -> ItemIndex:
        """What the columns stand for: the items of the network."""
        return self.network.items

    def score(self, log: Log, user: Index, ends: Index, time: Index | None = None) -> Scores:
        """Score every item for some paths; see ``NextItemModel``."""
        scores = self.network.score(log, user, ends, time)
        if self.weight:
            scores = scores + np.float32(self.weight) * lifted(self.shares(log, user, ends), self.floor)
        if self.last or self.earlier:
            row, column, ends_it = path_items(self.items, log, user, ends)
            scores[row, column] += np.where(ends_it, self.last, self.earlier).astype(np.float32)
        return scores

    def shares(self, log: Log, user: Index, ends: Index) -> Scores:
        """Return the part of each item in what counts give to all (n, n_items); zeros where they give nothing."""
        found = np.maximum(self.follows.score(log, user, ends), 0)
        found /= np.maximum(found.sum(1, keepdims=True), np.finfo(np.float32).tiny)
        # One more column, for items that were not counted.
        return np.concatenate([found, np.zeros((len(found), 1), np.float32)], 1)[:, self._columns]

    @cached_property
    def _columns(self) -> Index:
        """Where each item is among those counted; -1 for one that was not."""
        columns = {text: column for column, text in enumerate(self.follows.items.texts)}
        return np.array([columns.get(text, -1) for text in self.items.texts], np.int64)

    def with_items(self, log: Log) -> PooledNextItem:
        """Return a model that also ranks items that were not trained on; see ``BehaviourNextItem.with_items``."""
        return replace(self, network=self.network.with_items(log))

    def save(self, folder: Path) -> None:
        """Write both parts and how they are pooled into a folder."""
        for name, part in ((_NETWORK, self.network), (_FOLLOWS, self.follows)):
            (folder / name).mkdir(exist_ok=True)
            part.save(folder / name)
        write_json(folder / _POOL, {name: getattr(self, name) for name in _NUMBERS})

    @classmethod
    def load(cls, folder: Path) -> PooledNextItem:
        """Read what ``save`` wrote.

        Raises
        ------
        CartpathError
            If the folder holds no such model.
        """
        from cartpath.models.behaviour_next_item import BehaviourNextItem

        pool = read_json(folder / _POOL)
        if pool is None:
            raise CartpathError(f"{folder} holds no pooled next-item model (no {_POOL})", "fit and save one there")
        counts = SessionKnn if kind_of(folder / _FOLLOWS) == SessionKnn.kind else ItemToItem
        follows: ItemToItem | SessionKnn = counts.load(folder / _FOLLOWS)
        network = BehaviourNextItem.load(folder / _NETWORK)
        return cls(network, follows, **{name: pool[name] for name in _NUMBERS if name in pool})


def path_items(items: ItemIndex, log: Log, user: Index, ends: Index) -> tuple[Index, Index, npt.NDArray[np.bool_]]:
    """Return row and column of each item of some paths, once, and whether the path ends with it.

    Events without an item, or with one that is not ranked, are passed over.
    """
    path = histories(log, items, user, ends)
    cells = path.rows() * max(len(items), 1) + path.columns
    # Backwards, so that of an item that comes again the last place is what is found.
    there, first = np.unique(cells[::-1], return_index=True)
    return there // max(len(items), 1), there % max(len(items), 1), path.ages()[::-1][first] == 0


def lifted(shares: Scores, floor: float) -> Scores:
    """Return ``log(1 + shares / floor)``.

    Examples
    --------
    >>> lifted(np.array([[0.0, 1.0]], np.float32), 1.0).round(3).tolist()
    [[0.0, 0.6930000185966492]]
    """
    found: Scores = np.log1p(shares / np.float32(floor))
    return found
