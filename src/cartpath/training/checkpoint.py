"""Checkpoints: everything a training needs to go on as if it had never stopped, in one file, swapped whole."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from cartpath import store

if TYPE_CHECKING:
    from cartpath.training.loop import State


def key_of(**depends_on: Any) -> str:
    """Return a hash of what a training depends on.

    Examples
    --------
    >>> key_of(seed=0) == key_of(seed=0), key_of(seed=0) == key_of(seed=1)
    (True, False)
    """
    text = json.dumps(depends_on, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def write_checkpoint(path: Path, key: str, model: nn.Module, optimizer: torch.optim.Optimizer, state: State) -> None:
    """Write where a training is; a kill leaves this checkpoint or the one before, never half of one."""
    content = {
        "key": key,
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "random": torch.get_rng_state(),
        "state": asdict(state),
    }
    with store.atomic(path) as temporary:
        torch.save(content, temporary)


def read_checkpoint(path: Path, key: str, model: nn.Module, optimizer: torch.optim.Optimizer) -> State | None:
    """Put a training back to where it was.

    Returns
    -------
    State or None
        None where there is no checkpoint, or it is damaged or of another training; nothing was changed then.
    """
    from cartpath.training.loop import State

    if not path.exists():
        return None
    try:
        content = torch.load(path, weights_only=True)
    except Exception:  # whatever a damaged file makes the reader of pickles stumble over
        return None
    if not isinstance(content, dict) or content.get("key") != key:
        return None
    model.load_state_dict(content["model"])
    optimizer.load_state_dict(content["optimizer"])
    torch.set_rng_state(content["random"])
    return State(**{**content["state"], "resumed": True})
