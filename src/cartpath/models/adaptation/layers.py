"""Which layer of a network a parameter belongs to, counted from the embeddings up."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from torch import nn

from cartpath.schema import CartpathError

if TYPE_CHECKING:
    from cartpath.models.behaviour import BehaviourModel

#: Names of the parameters of a layer, by backbone; the group is the layer's number from 0.
_LAYER: Mapping[str, str] = {
    "transformer": r"backbone\.blocks\.(\d+)\.",
    "sasrec": r"backbone\.(?:attention|norm_1|norm_2|feed)\.(\d+)\.",
    "gru": r"backbone\.layers\.\w+_l(\d+)$",
    "lstm": r"backbone\.layers\.\w+_l(\d+)$",
}
#: What every layer reads counts as input: to change it is to change the lowest layer too.
_INPUT = ("table.", "norm_in.", "text_in.", "backbone.bias.", "backbone.place.", "backbone.into.")


def layer_count(model: BehaviourModel) -> int:
    """Return how many layers the backbone has."""
    if model.config.backbone == "huggingface":
        return len(layer_list(model)[1])
    return int(model.config.layers)


def layer_of(model: BehaviourModel) -> Callable[[str], int]:
    """Return a function from a parameter's name to its layer.

    0 is the input (embeddings, and the biases that all layers share), 1 the first layer of the backbone, and one more
    than there are layers the last norm and the heads.

    Parameters
    ----------
    model : BehaviourModel
        With or without what ``adapt`` inserts.

    Raises
    ------
    CartpathError
        If the layers of a Hugging Face backbone are not found.

    Examples
    --------
    >>> from cartpath.models.behaviour import BehaviourConfig, BehaviourModel
    >>> layer = layer_of(BehaviourModel(BehaviourConfig(layers=2)))
    >>> [layer(name) for name in ("table.weight", "backbone.blocks.0.norm_1.weight", "backbone.norm.weight")]
    [0, 1, 3]
    """
    last, pattern = layer_count(model) + 1, _pattern(model)
    given = (*_INPUT, *_before_layers(model)) if model.config.backbone == "huggingface" else _INPUT

    def layer(name: str) -> int:
        found = re.match(pattern, name)
        if found:
            return int(found[1]) + 1
        return 0 if name.startswith(given) else last

    return layer


def layer_list(model: BehaviourModel) -> tuple[str, nn.ModuleList]:
    """Return the layers of a Hugging Face backbone and the name they have in the behaviour model.

    Raises
    ------
    CartpathError
        If no list is as long as the configuration says.
    """
    inner = model.backbone.model
    assert isinstance(inner, nn.Module)
    for name, part in inner.named_modules():
        if isinstance(part, nn.ModuleList) and len(part) == getattr(inner.config, "num_hidden_layers", -1):
            return f"backbone.model.{name}", part
    raise CartpathError(
        f"the layers of {type(inner).__name__} are not found", "fine-tune it by another method: full or head"
    )


def _pattern(model: BehaviourModel) -> str:
    if model.config.backbone == "huggingface":
        return re.escape(layer_list(model)[0]) + r"\.(\d+)\."
    return _LAYER[model.config.backbone]


def _before_layers(model: BehaviourModel) -> list[str]:
    """Return the parameters of a Hugging Face backbone that are registered before its layers: its own embeddings."""
    layers, found = f"{layer_list(model)[0]}.", []
    for name, _ in model.named_parameters():
        if name.startswith(layers):
            break
        if name.startswith("backbone.model."):
            found.append(name)
    return found
