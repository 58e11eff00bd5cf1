"""Prefixes: learned places before a path. PEFT's need a cache of keys and values, which our attention does not have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cartpath.models.adaptation.method import Method, at_least
from cartpath.schema import CartpathError

if TYPE_CHECKING:
    from cartpath.models.behaviour import BehaviourModel


class Prefix(nn.Module):
    """Keys and values that every event attends to beside those of the events before it.

    They have no place in time: their bias is zero, and no event is too early to see them.

    Parameters
    ----------
    length, heads, width : int
        How many, and the heads of the attention and their width.
    """

    def __init__(self, length: int, heads: int, width: int) -> None:
        super().__init__()
        self.key = nn.Parameter(torch.empty(heads, length, width))
        self.value = nn.Parameter(torch.empty(heads, length, width))
        for weight in (self.key, self.value):
            nn.init.normal_(weight, std=0.02)

    def forward(self, key: Tensor, value: Tensor, bias: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return keys and values with the prefix before them, and the bias (..., length) of as many more.

        Parameters
        ----------
        key, value : float tensor (b, heads, length, width)
        bias : float tensor (b or 1, heads, length, length)
        """
        shape = (key.shape[0], -1, -1, -1)
        key = torch.cat([self.key.to(key.dtype).expand(shape), key], 2)
        value = torch.cat([self.value.to(value.dtype).expand(shape), value], 2)
        return key, value, F.pad(bias, (self.key.shape[1], 0))


@dataclass(frozen=True)
class PrefixTuning(Method):
    """Learn a prefix for each layer; the network rests (Li and Liang, 2021).

    Keys and values are learned themselves, as PEFT's are by default, not through a network that makes them. They
    start near zero; an event then attends to them as to events that say nothing, so the start is not quite the base.
    For the backbone ``transformer``.

    Attributes
    ----------
    length : int
        Places of the prefix.
    """

    length: int = 8

    def __post_init__(self) -> None:
        at_least(self.length, 1, "length")

    def insert(self, model: BehaviourModel) -> bool:
        """See ``Method``."""
        kind = model.config.backbone
        if kind != "transformer":
            raise CartpathError(f"the backbone {kind} takes no prefix", "fine-tune it by lora, adapter, top or full")
        parts: Any = model.backbone
        for block in parts.blocks:
            attention = block.attention
            made = Prefix(self.length, attention.heads, model.config.hidden // attention.heads)
            attention.prefix = made.to(attention.out.weight.device)
        return True
