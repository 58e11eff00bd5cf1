"""The behaviour model: a causal network over a shopper's path that says what comes next."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import PreTrainedModel

from cartpath.features.vocabulary import UNKNOWN
from cartpath.models.adaptation.methods import insert
from cartpath.models.backbones import SasRec, backbone
from cartpath.models.behaviour_config import BehaviourConfig, config_for
from cartpath.models.query import GAPS, ItemQuery, QueryTime

__all__ = ["BehaviourConfig", "BehaviourModel", "config_for"]


class BehaviourModel(PreTrainedModel):
    """An event is the sum of its fields' embeddings; what comes next is read off the latest event.

    Heads: the next event's type (id 0 stands for the end of the session), the next item given that type and, where
    stated, the time of the question (``query.DIFFERENT`` and ``query.ANY`` stand in place of a type), the time to the
    next event, intent, and what other tasks ask (``task_heads``). The item head scores with the item's input embedding
    plus that of its content, so an item never seen is scored by its content. Where the configuration has an
    ``adaptation``, the parts that fine-tuning inserted are there too.

    Parameters
    ----------
    config : BehaviourConfig
    """

    config_class = BehaviourConfig
    content: Tensor
    text: Tensor
    base_model_prefix = "behaviour"

    def __init__(self, config: BehaviourConfig) -> None:
        super().__init__(config)
        hidden = config.hidden
        self.table = nn.Embedding(config.table, hidden, padding_idx=0)
        self.norm_in = nn.LayerNorm(hidden) if config.norm_input else nn.Identity()
        self.text_in = nn.Linear(config.n_text, hidden, bias=False) if config.n_text else None
        self.backbone = backbone(config)
        self.dropout = nn.Dropout(config.input_dropout)
        self.next_type = nn.Linear(hidden, config.n_events)
        self.next_gap = nn.Linear(hidden, GAPS)
        self.query = ItemQuery(hidden, config.n_events)
        self.item_bias = nn.Parameter(torch.zeros(config.n_items))
        self.intent = nn.Linear(hidden, 1)
        self.task_heads = nn.ModuleDict({name: nn.Linear(hidden, n) for name, n in config.task_heads.items()})
        # Content ids and text vector of each item, so that the item head needs no catalogue.
        self.register_buffer("content", torch.zeros(config.n_items, config.n_content, dtype=torch.long))
        self.register_buffer("text", torch.zeros(config.n_items, config.n_text))
        self.post_init()  # type: ignore[no-untyped-call]
        # After that, since it draws the weights of every layer within.
        self.query.start()
        if isinstance(self.backbone, SasRec):
            self.backbone.start()
        if config.adaptation:
            insert(self, **config.adaptation)

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=0.02 if isinstance(module, nn.Linear) else 0.05)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)
        if isinstance(module, nn.Embedding) and module.padding_idx is not None:
            with torch.no_grad():
                module.weight[module.padding_idx].zero_()

    def forward(self, ids: Tensor, seconds: Tensor, session: Tensor, text: Tensor | None = None) -> Tensor:
        """Return what is known at each event (b, length, hidden).

        Parameters
        ----------
        ids : int64 tensor (b, length, n_fields)
            ``features.Batch.ids``.
        seconds : float tensor (b, length)
        session : int64 tensor (b, length)
        text : float tensor (b, length, n_text), optional
            Text vectors of the events' items; by default those of the items known in training.
        """
        out: Tensor = self.backbone(self.events(ids, text), seconds, session)
        return out

    def events(self, ids: Tensor, text: Tensor | None = None) -> Tensor:
        """Return the vector of each event (b, length, hidden); see ``forward``."""
        b, length, fields = ids.shape
        item = ids[..., 1]
        if self.text_in is not None and text is None:
            text = self.text[(item - self.config.item_offset).clamp(min=0)] * (item > 0)[..., None]
        if self.training and self.config.item_dropout:
            ids = self.drop_items(ids)
        flat = ids.reshape(b * length, fields)
        x = F.embedding_bag(flat, self.table.weight, mode="sum", padding_idx=0).view(b, length, -1)
        if self.text_in is not None and text is not None:
            x = x + self.text_in(text)
        out: Tensor = self.dropout(self.norm_in(x))
        return out

    def drop_items(self, ids: Tensor) -> Tensor:
        """Return ids in which some items are unknown; their content stays."""
        item = ids[..., 1]
        dropped = (torch.rand(item.shape, device=ids.device) < self.config.item_dropout) & (item > 0)
        ids = ids.clone()
        ids[..., 1] = torch.where(dropped, self.config.item_offset + UNKNOWN, item)
        return ids

    def item_vectors(
        self, items: Tensor | None = None, content: Tensor | None = None, text: Tensor | None = None
    ) -> Tensor:
        """Return the vectors items are scored with.

        Parameters
        ----------
        items : int64 tensor (n,), optional
            Item ids; all by default.
        content : int64 tensor (n, n_content), optional
            Their content ids; those seen in training by default.
        text : float tensor (n, n_text), optional
            Their text vectors; those seen in training by default.

        Returns
        -------
        float tensor (n, hidden)
        """
        offset = self.config.item_offset
        if items is None:
            vectors = self.table.weight[offset : offset + self.config.n_items]
        else:
            vectors = self.table(items + offset)
        rows = slice(None) if items is None else items
        if self.config.n_content:
            ids = self.content[rows] if content is None else content
            vectors = vectors + F.embedding_bag(ids, self.table.weight, mode="sum", padding_idx=0)
        if self.text_in is not None:
            vectors = vectors + self.text_in(self.text[rows] if text is None else text)
        return vectors

    def item_query(self, hidden: Tensor, given: Tensor, when: QueryTime | None = None) -> Tensor:
        """Return the vectors that items are compared with (n, hidden).

        Parameters
        ----------
        hidden : float tensor (n, hidden)
        given : int64 tensor (n,)
            The next event's type, or ``query.DIFFERENT`` or ``query.ANY``.
        when : QueryTime, optional
            The time asked about; unknown by default.
        """
        query: Tensor = self.query(hidden, given, when)
        return query
