"""A trained behaviour model that knows more items: to go on learning when there are new ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from cartpath.features import Log
from cartpath.features.vocabulary import Vocabulary
from cartpath.models.behaviour_next_item import set_known_items
from cartpath.models.extra import need
from cartpath.models.pretrained import Pretrained

Floats = npt.NDArray[np.float64]


def with_more_items(trained: Pretrained, log: Log, items: Sequence[str], start: Floats) -> Pretrained:
    """Return a copy of a trained model that knows more items by identity; all it learned stays as it is.

    A new item's bias is the median of those known, its content and words are those of the catalogue.

    Parameters
    ----------
    trained : Pretrained
    log : Log
        Its catalogue says what the items are, those known and the new ones.
    items : sequence of str
        None of them known.
    start : float64 array (n, hidden)
        Where the new items' own vectors start.

    Raises
    ------
    ValueError
        If an item is known already.
    """
    torch = need("torch")
    from cartpath.models.behaviour import BehaviourConfig, BehaviourModel

    encoder, old = trained.encoder, trained.model
    if known := set(items) & set(encoder.items.values):
        raise ValueError(f"known already: {sorted(known)[:3]}")
    vocabulary = Vocabulary((*encoder.items.values, *items), encoder.items.hashed)
    encoder = replace(encoder, vocabularies={**encoder.vocabularies, "item": vocabulary})
    n = len(items)
    shape = {**old.config.to_dict(), "table": old.config.table + n, "n_items": old.config.n_items + n}
    model = BehaviourModel(BehaviourConfig(**shape))
    weights = old.state_dict()
    # Of an item vocabulary no place is shared by hash, so the new ones come at its end.
    last = old.config.item_offset + old.config.n_items
    table, bias = weights["table.weight"], weights["item_bias"]
    new = torch.as_tensor(start, dtype=table.dtype).reshape(n, table.shape[1])
    weights["table.weight"] = torch.cat([table[:last], new, table[last:]])
    middle = bias[2:].median() if len(bias) > 2 else bias.new_zeros(())
    weights["item_bias"] = torch.cat([bias, middle.expand(n)])
    for name in ("content", "text"):
        weights[name] = getattr(model, name)
    model.load_state_dict(weights)
    set_known_items(model, log, encoder, trained.words)
    return Pretrained(model.train(False), encoder, trained.words)
