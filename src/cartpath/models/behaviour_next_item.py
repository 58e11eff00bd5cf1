"""The behaviour model as a next-item model: from any path to a score of every item."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cartpath.features import ItemWords, Log, gather, item_content, length_batches, window_starts, words_of_items
from cartpath.features.vocabulary import UNKNOWN
from cartpath.models.extra import need
from cartpath.models.next_item import Index, ItemIndex, Scores
from cartpath.models.pretrained import SCORE_TOKENS, Pretrained
from cartpath.schema import MICROSECONDS, CartpathError

if TYPE_CHECKING:
    from torch import Tensor

    from cartpath.features import PathEncoder
    from cartpath.models.behaviour import BehaviourModel
    from cartpath.models.query import QueryTime

_PRIOR = "prior.npy"


@dataclass
class BehaviourNextItem:
    """A behaviour model that ranks items.

    Attributes
    ----------
    pretrained : Pretrained
        The network and the encoder of its input.
    items : ItemIndex
        What it ranks: the items it was trained on, or more after ``with_items``.
    prior : float32 array (n_items,)
        Scores where nothing is known of a user.
    """

    pretrained: Pretrained
    items: ItemIndex
    prior: npt.NDArray[np.float32]
    _vectors: tuple[Tensor, Tensor] | None = field(default=None, init=False, repr=False, compare=False)

    def score(self, log: Log, user: Index, ends: Index, time: Index | None = None) -> Scores:
        """Score every item for some paths; see ``NextItemModel``.

        Without ``time`` the question is asked of no time in particular. Where the path is empty the scores are the
        prior.
        """
        import torch

        out = np.empty((len(ends), len(self.items)), np.float32)
        known = ends > log.view.offsets[user]
        out[~known] = self.prior
        rows = np.flatnonzero(known)
        if not len(rows):
            return out
        with torch.inference_mode():
            vectors, bias = self._candidates()
            for part, hidden in self._hidden(log, user[rows], ends[rows]):
                at = rows[part]
                query = self._query(log, hidden, ends[at], None if time is None else time[at])
                out[at] = torch.addmm(bias, query, vectors.T).numpy()
        return out

    def with_items(self, log: Log) -> BehaviourNextItem:
        """Return a model that also ranks the items of a log's catalogue that were not trained on, by their content.

        Parameters
        ----------
        log : Log
            Its catalogue says what the items are; its events are not read.
        """
        import torch

        texts = log.codes("item")
        more = np.flatnonzero(self.items.columns_of(log)[:-1] < 0)
        if not len(more):
            return self
        encoder, model = self.pretrained.encoder, self.pretrained.model
        content = item_content(log, encoder)[more].astype(np.int64)
        offsets = np.array([encoder.offsets[name] for name in encoder.content_fields], np.int64)
        content = np.where(content > 0, content + offsets, 0)
        described = None
        if self.pretrained.words is not None:
            described = torch.from_numpy(self.pretrained.texts(log)[more])
        with torch.inference_mode():
            vectors, bias = self._candidates()
            unknown = torch.full((len(more),), UNKNOWN)
            new = model.item_vectors(unknown, torch.from_numpy(content), described)
        items = ItemIndex((*self.items.texts, *(texts[code] for code in more)))
        wider = replace(self, items=items, prior=np.append(self.prior, np.full(len(more), self.prior.min())))
        # An item never seen is as likely, before the path is looked at, as the rarest of those known.
        low = torch.quantile(bias, 0.05) if len(bias) < 1_000_000 else bias.min()
        wider._vectors = (torch.cat([vectors, new]), torch.cat([bias, low.expand(len(more))]))
        return wider

    def save(self, folder: Path) -> None:
        """Write network, encoder, items and prior into a folder.

        Raises
        ------
        CartpathError
            If it is what ``with_items`` returned: vectors of items that were not trained on are not kept.
        """
        if len(self.items) != len(self.pretrained.encoder.items.values):
            raise CartpathError("a model with items added to it cannot be saved", "save it, load it, then add items")
        self.pretrained.save(folder)
        self.items.save(folder)
        np.save(folder / _PRIOR, self.prior)

    @classmethod
    def load(cls, folder: Path) -> BehaviourNextItem:
        """Read what ``save`` wrote."""
        return cls(Pretrained.load(folder), ItemIndex.load(folder), np.load(folder / _PRIOR))

    def forget_vectors(self) -> None:
        """Work the items' vectors out anew when next asked: the network's weights have changed."""
        self._vectors = None

    def _candidates(self) -> tuple[Tensor, Tensor]:
        """Return vectors and biases of the items, in the order of the columns."""
        if self._vectors is None:
            model = self.pretrained.model
            # Ids of a vocabulary begin after absent and unknown, in the order of its values.
            self._vectors = model.item_vectors()[2:].clone(), model.item_bias[2:].clone()
        return self._vectors

    def _hidden(self, log: Log, user: Index, ends: Index) -> Iterator[tuple[Index, Tensor]]:
        """Yield questions and what the network knows at the last event of each."""
        import torch

        model, encoded = self.pretrained.model, self.pretrained.encoded(log)
        model.train(False)
        starts = window_starts(log.view.offsets, user, ends, model.config.window)
        for rows in length_batches(ends - starts, SCORE_TOKENS):
            batch = gather(encoded, starts[rows], ends[rows])
            inputs = (torch.from_numpy(array) for array in (batch.ids, batch.seconds, batch.session))
            hidden = model(*inputs, text=self.pretrained.text_of(log, batch.rows))
            yield rows, hidden[torch.arange(len(rows)), torch.from_numpy(batch.last)]

    def _query(self, log: Log, hidden: Tensor, ends: Index, time: Index | None) -> Tensor:
        import torch

        from cartpath.models.query import ANY

        when = None if time is None or not log.timed else query_time(time, log.view.ts[ends - 1])
        return self.pretrained.model.item_query(hidden, torch.full((len(hidden),), ANY), when)


def query_time(time: Index, last: Index) -> QueryTime:
    """Return the time of questions in buckets.

    Parameters
    ----------
    time, last : int64 array (n,)
        When the next item is asked for and when the last event was, microseconds since 1970 UTC.
    """
    import torch

    from cartpath.models.query import QueryTime

    gap = torch.from_numpy((time - last) / MICROSECONDS)
    return QueryTime.at(torch.from_numpy(time // MICROSECONDS), gap)


def set_known_items(model: BehaviourModel, log: Log, encoder: PathEncoder, words: ItemWords | None = None) -> None:
    """Tell a network the content of the items of its vocabulary, so that it needs no catalogue for them.

    Parameters
    ----------
    model : BehaviourModel
    log : Log
        Its catalogue says what the items are.
    encoder : PathEncoder
    words : ItemWords, optional
    """
    torch = need("torch")
    known = {item: code for code, item in enumerate(log.codes("item"))}
    codes = np.array([-1, -1, *(known.get(item, -1) for item in encoder.items.values)], np.int64)
    content = item_content(log, encoder)[codes].astype(np.int64)
    offsets = np.array([encoder.offsets[name] for name in encoder.content_fields], np.int64)
    model.content.copy_(torch.from_numpy(np.where(content > 0, content + offsets, 0)))
    if words is not None:
        texts = words_of_items(log, codes[codes >= 0])
        model.text[torch.from_numpy(codes >= 0)] = torch.from_numpy(words.vectors(texts))
