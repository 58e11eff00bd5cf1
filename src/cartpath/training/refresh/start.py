"""A pretrained network for a grown vocabulary: what it knew keeps its vectors, what is new starts from those."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cartpath.features import Log, PathEncoder
from cartpath.features.vocabulary import UNKNOWN, Vocabulary
from cartpath.models import Pretrained

if TYPE_CHECKING:
    from torch import Tensor

    from cartpath.models.behaviour import BehaviourModel

Index = npt.NDArray[np.int64]
#: Of a configuration, what an encoder decides.
_FITTED = frozenset({"self", "rest", "table", "n_fields", "n_events", "n_items", "item_offset", "n_content"})
#: An item never seen is as likely, before the path is looked at, as the rarest of those known.
_RARE = 0.05


@dataclass(frozen=True)
class ContinueFrom:
    """Starts a pretraining from the weights of a version.

    Attributes
    ----------
    pretrained : Pretrained
    of : str
        The version.
    """

    pretrained: Pretrained
    of: str

    def __call__(self, log: Log, encoder: PathEncoder) -> Pretrained:
        """Return the network for an encoder fitted on more events; see ``grown``."""
        return grown(self.pretrained, log, encoder)


def grown(old: Pretrained, log: Log, fitted: PathEncoder) -> Pretrained:
    """Return a network for the values of another encoder that says of any path what the old one says.

    A value that both know keeps its vector, and one that is new starts from the vector the old network read it by: the
    one of unknown items, or the place that its text shares with others. Limits of price buckets and the words of items
    stay as they were, so that what was learned of them means the same; fields that the log has lost are left out, and
    new ones start at zero.

    Parameters
    ----------
    old : Pretrained
    log : Log
        Of the codes and the catalogue that the encoder was fitted on.
    fitted : PathEncoder

    Returns
    -------
    Pretrained
    """
    import torch

    from cartpath.models.behaviour import BehaviourModel, config_for
    from cartpath.models.behaviour_config import BehaviourConfig
    from cartpath.models.behaviour_next_item import set_known_items

    encoder = replace(fitted, edges=old.encoder.edges if len(old.encoder.edges) else fitted.edges)
    known = [name for name in inspect.signature(BehaviourConfig.__init__).parameters if name not in _FITTED]
    model = BehaviourModel(config_for(encoder, **{name: getattr(old.model.config, name) for name in known}))
    with torch.no_grad():
        model.load_state_dict(_weights(old, model, encoder))
    set_known_items(model, log, encoder, old.words)
    return Pretrained(model.train(False), encoder, old.words)


def _weights(old: Pretrained, model: BehaviourModel, encoder: PathEncoder) -> Mapping[str, Tensor]:
    """Return the old weights, rows of what is looked up by value moved to where the value is now."""
    import torch

    have, wanted = old.model.state_dict(), model.state_dict()
    rows = torch.from_numpy(table_rows(old.encoder, encoder))
    events = torch.from_numpy(old_ids(old.encoder.events, encoder.events))
    items = torch.from_numpy(old_ids(old.encoder.items, encoder.items))
    bias = have["item_bias"][items]
    if len(have["item_bias"]) > UNKNOWN + 1:
        new = (items == UNKNOWN) & (torch.arange(len(items)) > UNKNOWN)
        bias[new] = torch.quantile(have["item_bias"][UNKNOWN + 1 :], _RARE)
    moved = {
        "table.weight": have["table.weight"][rows.clamp(min=0)] * (rows >= 0)[:, None],
        "item_bias": bias,
        "next_type.weight": have["next_type.weight"][events],
        "next_type.bias": have["next_type.bias"][events],
        "query.given.weight": have["query.given.weight"][events],
        # Of the items that are known now; the caller fills them in.
        "content": wanted["content"],
        "text": wanted["text"],
    }
    return {name: moved.get(name, have.get(name, weight)) for name, weight in wanted.items()}


def table_rows(old: PathEncoder, new: PathEncoder) -> Index:
    """Return the row of the old table that each row of the new one starts from (n_rows,); -1 where there is none.

    Parameters
    ----------
    old, new : PathEncoder
    """
    parts: list[Any] = []
    for name, size in new.sizes.items():
        if name not in old.sizes:
            parts.append(np.full(size, -1))
        elif name in new.vocabularies:
            parts.append(old.offsets[name] + old_ids(old.vocabularies[name], new.vocabularies[name]))
        else:
            ids = np.arange(size)
            parts.append(np.where(ids < old.sizes[name], old.offsets[name] + ids, -1))
    return np.concatenate(parts).astype(np.int64)


def old_ids(old: Vocabulary, new: Vocabulary) -> Index:
    """Return the id that the old vocabulary had for each id of the new one (new.size,).

    Examples
    --------
    >>> old_ids(Vocabulary(("a", "b"), 2), Vocabulary(("c", "b"), 2)).tolist()[:4]
    [0, 1, 5, 3]
    """
    rest = np.arange(new.hashed)
    shared = 2 + len(old.values) + rest if old.hashed == new.hashed else np.full(len(rest), UNKNOWN)
    return np.concatenate([[0, UNKNOWN], old.ids(new.values), shared]).astype(np.int64)
