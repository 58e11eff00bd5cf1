"""LoRA: a low-rank change beside each linear map of the backbone, by PEFT."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import nn

from cartpath.models.adaptation.layers import layer_list
from cartpath.models.adaptation.method import Method, at_least
from cartpath.models.extra import need
from cartpath.schema import CartpathError

if TYPE_CHECKING:
    from cartpath.models.behaviour import BehaviourModel

_MAPS = ("attention.qkv", "attention.out", "feed.up", "feed.down", "gate_1", "gate_2")


@dataclass(frozen=True)
class Lora(Method):
    """``W x + (alpha / rank) B A x`` in place of ``W x``; W rests, B starts at zero (Hu et al., 2022).

    On every linear map of the layers: attention, the network on each event, gates. Of SASRec only the network on each
    event: PEFT adds to the weights of PyTorch's ``MultiheadAttention`` and takes off again at each pass, which leaves
    rounding in weights that are to rest. A GRU has no linear maps.

    Attributes
    ----------
    rank : int
    alpha : float
    dropout : float
        Of what the change reads, while training.
    """

    rank: int = 8
    alpha: float = 16.0
    dropout: float = 0.0

    def __post_init__(self) -> None:
        at_least(self.rank, 1, "rank")
        if not 0 <= self.dropout < 1:
            raise CartpathError(f"dropout must be from 0 to below 1, not {self.dropout}")

    def insert(self, model: BehaviourModel) -> bool:
        """See ``Method``."""
        names = linear_maps(model)
        peft = need("peft", "fine-tuning by LoRA")
        # Conv1D (GPT-2) holds its weight the other way round.
        turned = any(type(model.get_submodule(name)).__name__ == "Conv1D" for name in names)
        settings = peft.LoraConfig(
            r=self.rank,
            lora_alpha=self.alpha,
            lora_dropout=self.dropout,
            target_modules=names,
            fan_in_fan_out=turned,
        )
        peft.inject_adapter_in_model(settings, model)
        return True


def linear_maps(model: BehaviourModel) -> list[str]:
    """Return the names of the linear maps that LoRA changes.

    Raises
    ------
    CartpathError
        If the backbone has none.
    """
    kind, config = model.config.backbone, model.config
    if kind == "transformer":
        maps = _MAPS if config.gated else _MAPS[:-2]
        return [f"backbone.blocks.{n}.{name}" for n in range(config.layers) for name in maps]
    if kind == "sasrec":
        return [f"backbone.feed.{n}.{place}" for n in range(config.layers) for place in (0, 3)]
    found = _maps_below(*layer_list(model)) if kind == "huggingface" else []
    if not found:
        raise CartpathError(
            f"the backbone {kind} has no linear maps that LoRA could change", "fine-tune it by full, top or head"
        )
    return found


def _maps_below(name: str, layers: nn.Module) -> list[str]:
    kinds = ("Linear", "Conv1D")
    return [f"{name}.{below}" for below, part in layers.named_modules() if type(part).__name__ in kinds]


def fold(model: BehaviourModel) -> None:
    """Add the low-rank changes to the weights beside them, and take them out: a plain model that says the same.

    Scores agree to rounding.
    """
    layers = need("peft.tuners.tuners_utils", "fine-tuning by LoRA").BaseTunerLayer
    found: list[tuple[str, Any]] = [(name, part) for name, part in model.named_modules() if isinstance(part, layers)]
    for name, part in found:
        part.merge()
        above, _, last = name.rpartition(".")
        setattr(model.get_submodule(above), last, part.get_base_layer())
    del model.peft_config
