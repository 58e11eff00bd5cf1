"""An adaptation on disk: what was trained, without the base, and which base that is."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from cartpath import store
from cartpath.models.adaptation.base import base_hash, name_of
from cartpath.models.adaptation.heads import add_head, head_of
from cartpath.models.artefact import ADAPTATION, read_json, write_json
from cartpath.models.extra import need
from cartpath.schema import CartpathError

if TYPE_CHECKING:
    from cartpath.models.adaptation.adapt import Adapted
    from cartpath.models.behaviour import BehaviourModel

_ABOUT, _WEIGHTS = ADAPTATION, "adaptation.safetensors"
_FORMAT = 1
_AGAIN = "fine-tune again"


def save_adaptation(adapted: Adapted, folder: Path) -> None:
    """Write ``adaptation.safetensors`` (what is trained) and ``adaptation.json`` (what it is, of which base)."""
    folder = Path(folder)
    weights = {name: weight.detach().cpu().contiguous() for name, weight in _trained(adapted.model).items()}
    content = need("safetensors.torch").save(weights)
    folder.mkdir(parents=True, exist_ok=True)
    with store.atomic(folder / _WEIGHTS) as temporary:
        temporary.write_bytes(content)
    about = {
        "format": _FORMAT,
        "method": adapted.method,
        "settings": asdict(adapted.settings),
        "tasks": {task: head_of(adapted.model, task).out_features for task in adapted.tasks},
        "base": adapted.base,
        "base_name": adapted.base_name,
        "weights": hashlib.sha256(content).hexdigest(),
    }
    write_json(folder / _ABOUT, about)


def load_adaptation(model: BehaviourModel, folder: Path) -> Adapted:
    """Put a saved adaptation onto its base.

    Parameters
    ----------
    model : BehaviourModel
        The base, as it was before fine-tuning; changed in place. Heads it lacks are added.
    folder : Path
        Where ``Adapted.save`` wrote.

    Raises
    ------
    CartpathError
        If there is no adaptation in the folder, it is damaged, or it was made for another base: then the model is as
        it was. Also if what the two files say differs.
    """
    from cartpath.models.adaptation.adapt import adapt

    folder = Path(folder)
    about = read_adaptation(folder)
    weights = _weights(folder, about)
    _check_base(model, folder, about)
    try:
        for task, outputs in about["tasks"].items():
            add_head(model, task, outputs)
        adapted = adapt(model, about["method"], tasks=tuple(about["tasks"]), **about["settings"])
    except (TypeError, AttributeError) as error:
        raise _damaged(folder, str(error)) from error
    _put(_trained(model), weights, folder)
    return adapted


def read_adaptation(folder: Path) -> dict[str, Any]:
    """Return what a saved adaptation says of itself: ``method settings tasks base base_name``.

    Raises
    ------
    CartpathError
        If there is none, or it is damaged.
    """
    about = read_json(folder / _ABOUT)
    if about is None:
        raise CartpathError(f"{folder} holds no adaptation (no {_ABOUT})", _AGAIN)
    known = ("format", "method", "settings", "tasks", "base", "base_name", "weights")
    if not isinstance(about, dict) or any(name not in about for name in known):
        raise _damaged(folder, f"{_ABOUT} lacks what it should say")
    if about["format"] != _FORMAT:
        raise CartpathError(f"{folder} is of format {about['format']}, not {_FORMAT}", "update Cartpath")
    return about


def _weights(folder: Path, about: dict[str, Any]) -> dict[str, Tensor]:
    try:
        content = (folder / _WEIGHTS).read_bytes()
    except OSError as error:
        raise _damaged(folder, str(error)) from error
    if hashlib.sha256(content).hexdigest() != about["weights"]:
        raise _damaged(folder, f"{_WEIGHTS} is not what was written")
    weights: dict[str, Tensor] = need("safetensors.torch").load(content)
    return weights


def _check_base(model: BehaviourModel, folder: Path, about: dict[str, Any]) -> None:
    found = base_hash(model)
    if found == about["base"]:
        return
    wanted, given = _shown(str(about["base_name"]), str(about["base"])), _shown(name_of(model), found)
    raise CartpathError(
        f"{folder} was made for the base {wanted}; this model is {given}",
        f"load it onto the base it was made for, or {_AGAIN} from this one",
    )


def _shown(name: str, base: str) -> str:
    return f"{name} ({base[:12]})" if name else base[:12]


def _put(wanted: dict[str, torch.nn.Parameter], weights: dict[str, Tensor], folder: Path) -> None:
    # The hash of the file is right, so this is a file of another kind of model or library, not a broken disk.
    if {name: weight.shape for name, weight in wanted.items()} != {name: w.shape for name, w in weights.items()}:
        raise _damaged(folder, "its weights are not those of its method")
    with torch.no_grad():
        for name, weight in wanted.items():
            weight.copy_(weights[name])


def _trained(model: BehaviourModel) -> dict[str, torch.nn.Parameter]:
    return {name: weight for name, weight in model.named_parameters() if weight.requires_grad}


def _damaged(folder: Path, why: str) -> CartpathError:
    return CartpathError(f"the adaptation in {folder} is damaged: {why}", _AGAIN)
