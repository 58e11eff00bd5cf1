"""The behaviour model as a part: what it expects to be the next different item, over all items of the shop."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cartpath.features import Log, item_content, lookup
from cartpath.models import Pretrained
from cartpath.models.baselines.folder import read_model, write_model
from cartpath.models.next_item import Index, ItemIndex, Scores
from cartpath.recommend.parts.sources import Sources
from cartpath.schema import CartpathError

Floats = npt.NDArray[np.float32]
_KIND = "behaviour-items"
#: Items whose scores are worked out one by one; an index of near vectors would be needed beyond.
MOST_ITEMS = 1_000_000


@dataclass(frozen=True)
class Behaviour:
    """Scores every item by the behaviour model; items it never saw by their content.

    Attributes
    ----------
    pretrained : Pretrained
    items : ItemIndex
    vectors : float32 array (n_items, hidden)
    bias : float32 array (n_items,)
    """

    pretrained: Pretrained
    items: ItemIndex
    vectors: Floats
    bias: Floats

    def score(self, log: Log, user: Index, ends: Index, time: Index | None = None) -> Scores:
        """Return logits of the items (n, n_items), minus infinity where a path is empty; see ``NextItemModel``.

        The question is asked of no time in particular.
        """
        there = np.flatnonzero(ends > log.view.offsets[user])
        if len(there) < len(ends):
            out = np.full((len(ends), len(self.items)), -np.inf, np.float32)
            if len(there):
                out[there] = self.score(log, user[there], ends[there])
            return out
        out = self.queries(log, ends) @ self.vectors.T
        out += self.bias
        return out

    def queries(self, log: Log, ends: Index) -> Floats:
        """Return what items are compared with before each end (n, hidden), none of them a path's beginning."""
        import torch

        from cartpath.models.query import DIFFERENT

        with torch.inference_mode():
            hidden = self.pretrained.last_hidden(log, ends)
            asked = torch.full((len(hidden),), DIFFERENT, dtype=torch.long)
            query: Floats = self.pretrained.model.item_query(hidden, asked).numpy()
        return query

    def save(self, folder: Path) -> None:
        """Write the vectors of the items; the network itself is a model of its own."""
        write_model(folder, _KIND, self.items, {}, {"vectors": self.vectors, "bias": self.bias})

    @classmethod
    def load(cls, folder: Path, pretrained: Pretrained) -> Behaviour:
        """Read what ``save`` wrote, of the network that it was written of."""
        items, _, arrays = read_model(folder, _KIND)
        return cls(pretrained, items, arrays["vectors"], arrays["bias"])


def fit_behaviour(sources: Sources) -> Behaviour:
    """Work out the vectors of all items: those of training, and others by category, brand and words.

    Raises
    ------
    CartpathError
        If there are more than ``MOST_ITEMS`` items.
    """
    import torch

    pretrained, log = sources.pretrained, sources.axis.log
    if sources.n_items > MOST_ITEMS:
        raise CartpathError(
            f"{sources.n_items:,} items are more than can be scored one by one ({MOST_ITEMS:,})",
            "leave items out of the catalogue that are not sold any more",
        )
    encoder, model = pretrained.encoder, pretrained.model
    ids = torch.from_numpy(lookup(encoder.items, log.codes("item"))[:-1].astype(np.int64))
    content = item_content(log, encoder)[:-1].astype(np.int64)
    offsets = np.array([encoder.offsets[name] for name in encoder.content_fields], np.int64)
    content = np.where(content > 0, content + offsets, 0)
    text = torch.from_numpy(pretrained.texts(log)[:-1]) if pretrained.words is not None else None
    with torch.inference_mode():
        vectors = model.item_vectors(ids, torch.from_numpy(content), text).numpy()
        bias = model.item_bias[ids].numpy()
    return Behaviour(pretrained, sources.axis.items, np.ascontiguousarray(vectors), bias.copy())
