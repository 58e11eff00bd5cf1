"""The base under an adaptation: which parameters are its own, and the hash it is known by."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from cartpath.models.behaviour import BehaviourModel

_INSERTED = re.compile(r"\.(lora_A|lora_B|bottleneck|prefix)\.")


def is_inserted(name: str) -> bool:
    """Tell whether a parameter was inserted.

    Examples
    --------
    >>> is_inserted("backbone.blocks.0.attention.prefix.key"), is_inserted("backbone.blocks.0.attention.qkv.weight")
    (True, False)
    """
    return _INSERTED.search(name) is not None


def base_name(name: str) -> str:
    """Return the name a parameter of the base has where nothing is inserted: PEFT moves those of a linear map.

    Examples
    --------
    >>> base_name("backbone.blocks.0.attention.qkv.base_layer.weight")
    'backbone.blocks.0.attention.qkv.weight'
    """
    return name.replace(".base_layer.", ".")


def is_head(name: str) -> bool:
    """Tell whether a parameter is of a task's head."""
    return name.startswith(("intent.", "task_heads."))


def base_hash(model: BehaviourModel) -> str:
    """Return the SHA-256 of all weights and of what is known of items, in hexadecimal.

    What is inserted and the heads of tasks do not count: these an adaptation brings itself. The hash is of content,
    not of a file, so saving again, by another version of a library too, leaves it as it is.

    Parameters
    ----------
    model : BehaviourModel
    """
    found = hashlib.sha256()
    kept = {base_name(name): value for name, value in model.state_dict().items() if not is_inserted(name)}
    for name in sorted(name for name in kept if not is_head(name)):
        value = kept[name].detach().cpu().contiguous()
        found.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        found.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()


def name_of(model: BehaviourModel) -> str:
    """Return the name of the folder a model was loaded from; empty for one that was not."""
    return Path(model.name_or_path or "").name


def trainable(model: nn.Module) -> dict[str, float]:
    """Count parameters.

    Returns
    -------
    dict
        ``trainable`` and ``all``, in numbers, and ``share``, the one by the other.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1).requires_grad_(False))
    >>> trainable(model)
    {'trainable': 8, 'all': 11, 'share': 0.727...}
    """
    sizes = [(weight.numel(), weight.requires_grad) for weight in model.parameters()]
    some, every = sum(size for size, wanted in sizes if wanted), sum(size for size, _ in sizes)
    return {"trainable": some, "all": every, "share": some / every if every else 0.0}
