"""Shape of the behaviour model: every choice of the recipe a field, and presets of sizes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transformers import PretrainedConfig

from cartpath.features import PathEncoder
from cartpath.models.presets import PRESETS
from cartpath.schema import CartpathError


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
    n_text : int
        Length of an item's text vector; 0 where items have none.
    hidden, layers, heads, window : int
        Width, depth, attention heads, events looked back on at most.
    backbone : str
        ``transformer``, ``sasrec``, ``gru`` or ``huggingface``.
    feed : str
        ``swiglu`` or ``gelu``: the network on each event.
    inner : int
        Its width between the layers; 0 is twice ``hidden`` for SwiGLU, four times for GELU.
    gated : bool
        Whether what a sublayer adds passes a gate (LiGR).
    relative_position, time_bias : bool
        Whether attention has a bias by distance, and by time and session.
    norm_input : bool
        Whether the sum of an event's fields is normed.
    dropout, input_dropout, item_dropout : float
        Share dropped while training of activations in the backbone, of an event's vector, of item identities.
    huggingface : dict, optional
        Configuration of the Transformers model of the backbone ``huggingface``.
    task_heads : dict of str to int, optional
        Heads beside that of intent: numbers each gives, by the name of its task.
    adaptation : dict, optional
        What fine-tuning inserted: ``method`` and ``settings``, as ``adaptation.adapt`` takes them.
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
        n_text: int = 0,
        hidden: int = 64,
        layers: int = 2,
        heads: int = 4,
        window: int = 128,
        backbone: str = "transformer",
        feed: str = "swiglu",
        inner: int = 0,
        gated: bool = True,
        relative_position: bool = True,
        time_bias: bool = True,
        norm_input: bool = True,
        dropout: float = 0.2,
        input_dropout: float | None = None,
        item_dropout: float = 0.15,
        huggingface: Mapping[str, Any] | None = None,
        task_heads: Mapping[str, int] | None = None,
        adaptation: Mapping[str, Any] | None = None,
        **rest: Any,
    ) -> None:
        self.table, self.n_fields = table, n_fields
        self.n_events, self.n_items, self.item_offset = n_events, n_items, item_offset
        self.n_content, self.n_text = n_content, n_text
        self.hidden, self.layers, self.heads, self.window = hidden, layers, heads, window
        self.backbone, self.feed, self.inner, self.gated = backbone, feed, inner, gated
        self.relative_position, self.time_bias, self.norm_input = relative_position, time_bias, norm_input
        self.dropout, self.item_dropout = dropout, item_dropout
        self.input_dropout = dropout if input_dropout is None else input_dropout
        self.huggingface = dict(huggingface or {})
        self.task_heads, self.adaptation = dict(task_heads or {}), dict(adaptation or {})
        super().__init__(**rest)


def config_for(encoder: PathEncoder, preset: str | None = None, **shape: Any) -> BehaviourConfig:
    """Return the configuration that fits an encoder's fields.

    Parameters
    ----------
    encoder : PathEncoder
    preset : str, optional
        One of ``PRESETS``.
    **shape
        Fields of ``BehaviourConfig``; they win over the preset.

    Raises
    ------
    CartpathError
        If there is no such preset.
    """
    if preset is not None and preset not in PRESETS:
        raise CartpathError(f"there is no size {preset!r}", f"known: {', '.join(PRESETS)}")
    return BehaviourConfig(
        table=sum(encoder.sizes.values()),
        n_fields=len(encoder.sizes),
        n_events=encoder.events.size,
        n_items=encoder.items.size,
        item_offset=encoder.offsets["item"],
        n_content=len(encoder.content_fields),
        **{**(PRESETS[preset] if preset else {}), **shape},
    )
