"""The behaviour model: a small causal transformer over a shopper's path."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import PretrainedConfig, PreTrainedModel

from cartpath.features import PathEncoder
from cartpath.features.vocabulary import UNKNOWN
from cartpath.models.attention import Block, PathBias


class BehaviourConfig(PretrainedConfig):
    """Shape of a ``BehaviourModel``.

    Parameters
    ----------
    table : int
        Rows of the embedding table, all fields together.
    n_fields : int
        Ids an event has.
    n_events, n_items : int
        Ids of event types and of items.
    item_offset : int
        Where items begin in the table.
    n_content : int
        Content ids an item has.
    hidden, layers, heads, window : int
        Width, depth, attention heads, events looked back on at most.
    dropout, item_dropout : float
        Share of activations, and of item identities, dropped while training.
    """

    model_type = "cartpath-behaviour"

    def __init__(
        self,
        table: int = 8,
        n_fields: int = 2,
        n_events: int = 3,
        n_items: int = 3,
        item_offset: int = 3,
        n_content: int = 0,
        hidden: int = 64,
        layers: int = 2,
        heads: int = 4,
        window: int = 128,
        dropout: float = 0.2,
        item_dropout: float = 0.15,
        **rest: Any,
    ) -> None:
        self.table, self.n_fields = table, n_fields
        self.n_events, self.n_items, self.item_offset, self.n_content = n_events, n_items, item_offset, n_content
        self.hidden, self.layers, self.heads, self.window = hidden, layers, heads, window
        self.dropout, self.item_dropout = dropout, item_dropout
        super().__init__(**rest)


def config_for(encoder: PathEncoder, **shape: Any) -> BehaviourConfig:
    """Return the configuration that fits an encoder's fields.

    Parameters
    ----------
    encoder : PathEncoder
    **shape
        ``hidden``, ``layers``, ``heads``, ``window``, ``dropout``, ``item_dropout``.
    """
    return BehaviourConfig(
        table=sum(encoder.sizes.values()),
        n_fields=len(encoder.sizes),
        n_events=encoder.events.size,
        n_items=encoder.items.size,
        item_offset=encoder.offsets["item"],
        n_content=len(encoder.content_fields),
        **shape,
    )


class BehaviourModel(PreTrainedModel):
    """An event is the sum of its fields' embeddings; what comes next is read off the latest event.

    Heads: the next event's type (id 0 stands for the end of the session), the next item given that type (id 0
    stands for the next *different* item, whatever the type), and intent. The item head scores with the item's
    input embedding plus that of its content, so an item never seen is scored by its content.

    Parameters
    ----------
    config : BehaviourConfig
    """

    config_class = BehaviourConfig
    content: Tensor
    base_model_prefix = "behaviour"

    def __init__(self, config: BehaviourConfig) -> None:
        super().__init__(config)
        hidden = config.hidden
        self.table = nn.Embedding(config.table, hidden, padding_idx=0)
        self.norm_in, self.norm_out = nn.LayerNorm(hidden), nn.LayerNorm(hidden)
        self.bias = PathBias(config.heads)
        self.blocks = nn.ModuleList(Block(hidden, config.heads, config.dropout) for _ in range(config.layers))
        self.dropout = nn.Dropout(config.dropout)
        self.next_type = nn.Linear(hidden, config.n_events)
        self.given_type = nn.Embedding(config.n_events, hidden)
        self.next_item = nn.Linear(hidden, hidden)
        self.item_bias = nn.Parameter(torch.zeros(config.n_items))
        self.intent = nn.Linear(hidden, 1)
        # Content ids of each item, so that the item head needs no catalogue.
        self.register_buffer("content", torch.zeros(config.n_items, config.n_content, dtype=torch.long))
        self.post_init()  # type: ignore[no-untyped-call]

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=0.02 if isinstance(module, nn.Linear) else 0.05)
        if isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)
        if isinstance(module, nn.Embedding) and module.padding_idx is not None:
            with torch.no_grad():
                module.weight[module.padding_idx].zero_()

    def forward(self, ids: Tensor, seconds: Tensor, session: Tensor) -> Tensor:
        """Return what is known at each event (b, length, hidden).

        Parameters
        ----------
        ids : int64 tensor (b, length, n_fields)
            ``features.Batch.ids``.
        seconds : float tensor (b, length)
        session : int64 tensor (b, length)
        """
        b, length, fields = ids.shape
        if self.training and self.config.item_dropout:
            ids = self.drop_items(ids)
        flat = ids.view(b * length, fields)
        x = F.embedding_bag(flat, self.table.weight, mode="sum", padding_idx=0).view(b, length, -1)
        x, bias = self.dropout(self.norm_in(x)), self.bias(seconds, session)
        for block in self.blocks:
            x = block(x, bias)
        out: Tensor = self.norm_out(x)
        return out

    def drop_items(self, ids: Tensor) -> Tensor:
        """Return ids in which some items are unknown; their content stays."""
        item = ids[..., 1]
        dropped = (torch.rand(item.shape, device=ids.device) < self.config.item_dropout) & (item > 0)
        ids = ids.clone()
        ids[..., 1] = torch.where(dropped, self.config.item_offset + UNKNOWN, item)
        return ids

    def item_vectors(self, items: Tensor | None = None, content: Tensor | None = None) -> Tensor:
        """Return the vectors items are scored with.

        Parameters
        ----------
        items : int64 tensor (n,), optional
            Item ids; all by default.
        content : int64 tensor (n, n_content), optional
            Their content ids; those seen in training by default.

        Returns
        -------
        float tensor (n, hidden)
        """
        if items is None:
            items = torch.arange(self.config.n_items, device=self.content.device)
        content = self.content[items] if content is None else content
        ids = torch.cat([items[:, None] + self.config.item_offset, content], dim=1)
        return F.embedding_bag(ids, self.table.weight, mode="sum", padding_idx=0)

    def item_query(self, hidden: Tensor, given: Tensor) -> Tensor:
        """Return the vectors that items are compared with (n, hidden), given the next event's type (n,)."""
        query: Tensor = self.next_item(hidden + self.given_type(given))
        return query
