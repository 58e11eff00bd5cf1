"""The recommender: four opinions on every item, each a distribution, blended by weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cartpath.features import Log, item_content, lookup
from cartpath.models import Pretrained
from cartpath.recommend.signals import cooccurrence, popularity, recent_items

if TYPE_CHECKING:
    from torch import Tensor

Floats = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
#: Names of the opinions, in the order of ``Opinions``.
OPINIONS: tuple[str, ...] = ("model", "together", "again", "popular")
#: Scores held in memory at once.
_CELLS = 4_000_000


@dataclass(frozen=True)
class Blend:
    """How much each opinion counts.

    Attributes
    ----------
    model : float
        What the behaviour model expects next.
    together : float
        What goes with the user's latest items.
    again : float
        The user's latest items themselves.
    popular : float
        What many users touch, lately.
    half_life_days : float, optional
        Of popularity; all time alike by default.
    exclude_seen : bool
        Leave out items the user has touched, as where nobody returns to one.
    """

    model: float = 1.0
    together: float = 0.5
    again: float = 0.5
    popular: float = 0.1
    half_life_days: float | None = None
    exclude_seen: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return asdict(self)


@dataclass(frozen=True)
class Opinions:
    """Distributions over items, one row a path; a row without an opinion is all zero.

    Attributes
    ----------
    model, together, again : float64 array (n, n_codes)
    popular : float64 array (n_codes,)
    seen : bool array (n, n_codes)
        Items touched before.
    """

    model: Floats
    together: Floats
    again: Floats
    popular: Floats
    seen: npt.NDArray[np.bool_]

    def blended(self, blend: Blend) -> Floats:
        """Return the scores of all items (n, n_codes); minus infinity is no candidate."""
        # In place: with many items, making new arrays takes longer than the sums.
        scores = blend.model * self.model
        scores += blend.together * self.together
        scores += blend.again * self.again
        # Popularity decides among items that nothing else speaks for, and alone where nothing is known.
        scores += max(blend.popular, 1e-6) * self.popular
        scores[self.excluded(blend)] = -np.inf
        return scores

    def excluded(self, blend: Blend) -> npt.NDArray[np.bool_]:
        """Return which items are no candidates (n, n_codes): never touched by anyone, or seen where that is wished."""
        unknown = np.broadcast_to(self.popular <= 0, self.seen.shape)
        return unknown | self.seen if blend.exclude_seen else unknown


class Recommender:
    """Scores items for paths, from what was known before a moment.

    Parameters
    ----------
    pretrained : Pretrained
    log : Log
    until : int
        Popularity and co-occurrence count events before it, microseconds since 1970 UTC. Candidates are the items
        touched by then.
    half_life_days : float, optional
        Of popularity.
    """

    def __init__(self, pretrained: Pretrained, log: Log, until: int, half_life_days: float | None = None) -> None:
        self.pretrained, self.log, self.until = pretrained, log, until
        self.together = cooccurrence(log, until)
        self.popular = popular_shares(log, until, half_life_days)
        self._ids = lookup(pretrained.encoder.items, log.codes("item"))[:-1].astype(np.int64)
        encoder = pretrained.encoder
        content = item_content(log, encoder)[:-1].astype(np.int64)
        offsets = np.array([encoder.offsets[name] for name in encoder.content_fields], np.int64)
        self._content = np.where(content > 0, content + offsets, 0)

    @cached_property
    def _items(self) -> tuple[Tensor, Tensor]:
        """Vectors (n_codes, hidden) and biases (n_codes,) of all items: the same for every batch of users."""
        import torch

        model, ids = self.pretrained.model, torch.from_numpy(self._ids)
        text = torch.from_numpy(self.pretrained.texts(self.log)[:-1]) if self.pretrained.words is not None else None
        with torch.inference_mode():
            return model.item_vectors(ids, torch.from_numpy(self._content), text), model.item_bias[ids]

    def hidden(self, log: Log, users: Index, ends: Index) -> Tensor:
        """Return what the network knows of each path (n, hidden); zeros where there is none."""
        import torch

        out = torch.zeros(len(ends), self.pretrained.model.config.hidden)
        there = np.flatnonzero(ends > log.view.offsets[users])
        if len(there):
            out[torch.from_numpy(there)] = self.pretrained.last_hidden(log, ends[there])
        return out

    def opinions(self, log: Log, users: Index, ends: Index, hidden: Tensor | None = None) -> Opinions:
        """Return what each opinion says of each item after the events before ``ends``.

        Parameters
        ----------
        log : Log
            With the same dictionaries as the one it was made with.
        users, ends : int64 array (n,)
            An end at the beginning of the user's path is a user nobody knows.
        hidden : float tensor (n, hidden), optional
            What ``hidden`` returned for them; computed by default.
        """
        hidden = self.hidden(log, users, ends) if hidden is None else hidden
        recent = recent_items(log, users, ends)
        # A path with history but without items has the model's opinion, one without history only the popular.
        return Opinions(
            model=self._expected(hidden, ends > log.view.offsets[users]),
            together=_rows_to_one((recent @ self.together).toarray()),
            again=_rows_to_one(recent.toarray()),
            popular=self.popular,
            seen=seen_items(log, users, ends, len(self.popular)),
        )

    def batches(
        self, log: Log, users: Index, ends: Index, hidden: Tensor | None = None
    ) -> Iterator[tuple[Index, Opinions]]:
        """Yield rows and their opinions, a few at a time where there are many items; see ``opinions``."""
        size = max(_CELLS // max(len(self.popular), 1), 1)
        for start in range(0, len(users), size):
            rows = np.arange(start, min(start + size, len(users)))
            known = None if hidden is None else hidden[start : start + size]
            yield rows, self.opinions(log, users[rows], ends[rows], known)

    def _expected(self, hidden: Tensor, there: npt.NDArray[np.bool_]) -> Floats:
        import torch

        out = np.zeros((len(there), len(self.popular)))
        if not there.any() or not len(self.popular):
            return out
        hidden = hidden[torch.from_numpy(np.flatnonzero(there))]
        vectors, bias = self._items
        with torch.inference_mode():
            # Type 0 asks for the next different item.
            query = self.pretrained.model.item_query(hidden, torch.zeros(len(hidden), dtype=torch.long))
            logits = query @ vectors.T + bias
            candidates = torch.from_numpy(self.popular > 0)
            logits = logits.masked_fill(~candidates, float("-inf"))
            out[there] = logits.softmax(1).nan_to_num(0.0).double().numpy()
        return out


def seen_items(log: Log, users: Index, ends: Index, n_codes: int) -> npt.NDArray[np.bool_]:
    """Return which items each path touched before its end (n, n_codes)."""
    seen = np.zeros((len(users), n_codes), np.bool_)
    for row, (user, end) in enumerate(zip(users, ends, strict=True)):
        items = log.view.item[int(log.view.offsets[user]) : int(end)]
        seen[row, items[items >= 0]] = True
    return seen


def best(scores: Floats, k: int) -> Index:
    """Return the places of the k best scores of each row (n, k), best first; ties by place; -1 where none is left.

    Only what is at least as good as the k-th of its row is sorted.

    Examples
    --------
    >>> best(np.array([[0.1, 0.3, -np.inf]]), 3).tolist()
    [[1, 0, -1]]
    """
    n, width = scores.shape
    found = np.full((n, k), -1, np.int64)
    if not n or not width:
        return found
    costs = -scores
    costs[~np.isfinite(scores)] = np.inf
    last = min(k, width) - 1
    limit = np.partition(costs, last, axis=1)[:, last, None]
    row, place = np.nonzero((costs <= limit) & (costs < np.inf))
    # Stable: equals stay in the order of their places.
    order = np.lexsort((costs[row, place], row))
    sizes = np.bincount(row, minlength=n)
    rank = np.arange(len(row)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    kept = rank < k
    found[row[kept], rank[kept]] = place[order][kept]
    return found


def popular_shares(log: Log, until: int, half_life_days: float | None = None) -> Floats:
    """Return each item's share of the touches before a moment (n_codes,); see ``popularity``."""
    counts = popularity(log, until, half_life_days)
    total = counts.sum()
    return counts / total if total > 0 else counts


def _rows_to_one(values: Floats) -> Floats:
    sums = values.sum(axis=1, keepdims=True)
    scaled: Floats = values / np.where(sums > 0, sums, 1.0)
    return scaled
