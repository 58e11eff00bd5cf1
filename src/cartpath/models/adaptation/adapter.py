"""Adapters: a narrow network after each sublayer. PEFT has none of this kind for models that are not its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch.nn.functional as F
from torch import Tensor, nn

from cartpath.models.adaptation.layers import layer_list
from cartpath.models.adaptation.method import Method, at_least
from cartpath.schema import CartpathError

if TYPE_CHECKING:
    from cartpath.models.behaviour import BehaviourModel

#: What the two sublayers of a Transformers model end with, by the end of the name.
_ENDS = (
    *("o_proj", "down_proj", "c_proj", "output.dense", "out_proj", "fc2"),
    *("out_lin", "lin2", "Wo", "attention.dense", "dense_4h_to_h"),
)


class Bottleneck(nn.Module):
    """``x + U gelu(D x)``, narrow in between; U starts at zero, so it starts as the identity.

    Parameters
    ----------
    hidden, size : int
        Width outside and in between.

    Examples
    --------
    >>> import torch
    >>> x = torch.ones(2, 4)
    >>> torch.equal(Bottleneck(4, 2)(x), x)
    True
    """

    def __init__(self, hidden: int, size: int) -> None:
        super().__init__()
        self.down, self.up = nn.Linear(hidden, size), nn.Linear(size, hidden)
        nn.init.normal_(self.down.weight, std=0.02)
        for zero in (self.down.bias, self.up.weight, self.up.bias):
            nn.init.zeros_(zero)

    def forward(self, x: Tensor) -> Tensor:
        """Return vectors (..., hidden) of the same shape."""
        change: Tensor = self.up(F.gelu(self.down(x)))
        return x + change


@dataclass(frozen=True)
class Adapter(Method):
    """A bottleneck on what attention gives and one on what the network on each event gives, before either is added.

    As Houlsby et al. (2019) do, the norms of the backbone are trained with them. A GRU or LSTM, whose layers are one
    module, gets one bottleneck after the last.

    Attributes
    ----------
    size : int
        Width of the bottlenecks.
    norms : bool
        Whether norms are trained.
    """

    size: int = 16
    norms: bool = True

    def __post_init__(self) -> None:
        at_least(self.size, 1, "size")

    def insert(self, model: BehaviourModel) -> bool:
        """See ``Method``."""
        for part in sublayer_ends(model):
            # A part of what it follows, run by a hook: the names of all other weights stay as they are.
            bottleneck = Bottleneck(_width(part, model), self.size)
            part.add_module("bottleneck", bottleneck.to(next(part.parameters()).device))
            part.register_forward_hook(_through_bottleneck)
        return True

    def trains(self, model: BehaviourModel) -> set[str]:
        """See ``Method``."""
        if not self.norms:
            return set()
        norms = [(name, part) for name, part in model.backbone.named_modules() if type(part).__name__.endswith("Norm")]
        return {f"backbone.{name}.{weight}" for name, part in norms for weight, _ in part.named_parameters()}


def sublayer_ends(model: BehaviourModel) -> list[nn.Module]:
    """Return the modules whose output a sublayer adds, two a layer.

    Raises
    ------
    CartpathError
        If they are not found.
    """
    parts: Any = model.backbone
    if model.config.backbone == "transformer":
        return [end for block in parts.blocks for end in (block.attention.out, block.feed.down)]
    if model.config.backbone == "sasrec":
        # The attention itself: PyTorch's never calls its last map.
        pairs = zip(parts.attention, parts.feed, strict=True)
        return [end for attention, feed in pairs for end in (attention, feed[3])]
    return [parts.layers] if model.config.backbone in ("gru", "lstm") else _ends_of_layers(model)


def _ends_of_layers(model: BehaviourModel) -> list[nn.Module]:
    found: list[nn.Module] = []
    for layer in layer_list(model)[1]:
        ends = [part for name, part in layer.named_modules() if name.endswith(_ENDS)]
        if len(ends) != 2:
            raise CartpathError(
                f"adapters do not know where the two parts of a {type(layer).__name__} end", "fine-tune it by lora"
            )
        found += ends
    return found


def _width(part: nn.Module, model: BehaviourModel) -> int:
    # Only maps of the Transformers library may be of another width than the path's events.
    return int(getattr(part, "out_features", None) or getattr(part, "nf", None) or model.config.hidden)


def _through_bottleneck(module: nn.Module, _: Any, output: Any) -> Any:
    """Pass what a module gives, or the first of what it gives, through its bottleneck."""
    bottleneck = module.bottleneck
    assert isinstance(bottleneck, Bottleneck)
    if isinstance(output, tuple):
        return bottleneck(output[0]), *output[1:]
    return bottleneck(output)
