"""A model of the Transformers library, with its weights, as the backbone of a behaviour model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from cartpath.models.extra import need
from cartpath.schema import CartpathError

if TYPE_CHECKING:
    from cartpath.models.behaviour import BehaviourModel
    from cartpath.models.behaviour_config import BehaviourConfig


def from_huggingface(name_or_folder: str | Path, config: BehaviourConfig) -> BehaviourModel:
    """Return a behaviour model whose backbone has the weights of a Transformers model; the rest is random.

    The model is fed by ``inputs_embeds``; its own words are not used. An encoder such as BERT is masked so that it
    looks back only. Code that comes with a model is never run.

    Parameters
    ----------
    name_or_folder : str or Path
        A name on the Hugging Face hub, or a folder that ``save_pretrained`` wrote.
    config : BehaviourConfig
        Shape of all but the backbone; ``hidden`` may differ from the model's width, and is mapped to it.

    Raises
    ------
    CartpathError
        If there is no such model, or it cannot stand in a path: it has a decoder apart, fewer places than the window,
        takes no vectors as input, or sees what comes later.
    """
    transformers = need("transformers")
    import torch

    from cartpath.models.backbones import HuggingFace
    from cartpath.models.behaviour import BehaviourModel

    try:
        loaded = transformers.AutoModel.from_pretrained(str(name_or_folder), dtype=torch.float32)
    except (OSError, ValueError) as error:
        hint = "give the name of a model on the Hugging Face hub, or a folder that save_pretrained wrote"
        raise CartpathError(f"{name_or_folder} is no model that can be loaded: {error}", hint) from error
    inner = loaded.config.to_dict()
    _check_shape(name_or_folder, inner, config.window)
    shape = {**config.to_dict(), "backbone": "huggingface", "huggingface": inner}
    model = BehaviourModel(type(config)(**shape))
    assert isinstance(model.backbone, HuggingFace)
    model.backbone.model.load_state_dict(loaded.state_dict())
    _check_looks_back(name_or_folder, model)
    return model


def _check_shape(name: str | Path, inner: dict[str, Any], window: int) -> None:
    if inner.get("is_encoder_decoder"):
        raise CartpathError(f"{name} has a decoder apart from its encoder", "take an encoder or a decoder alone")
    places = inner.get("max_position_embeddings") or inner.get("n_positions")
    if places and places < window:
        raise CartpathError(f"{name} has {places} places, fewer than the window of {window}", "take a smaller size")


def _check_looks_back(name: str | Path, model: BehaviourModel) -> None:
    """Change the latest of some events: nothing may change before it."""
    import torch

    generator = torch.Generator().manual_seed(0)
    events = torch.randn(1, 6, model.config.hidden, generator=generator)
    later = events.clone()
    later[:, 5] = -later[:, 5]
    places, was = torch.arange(6.0)[None], model.training
    try:
        with torch.inference_mode():
            model.train(False)
            known, changed = (model.backbone(x, places, torch.zeros(1, 6, dtype=torch.long)) for x in (events, later))
    except (AttributeError, TypeError, ValueError, RuntimeError) as error:
        raise CartpathError(f"{name} does not take vectors and a mask: {error}", "take a model that does") from error
    model.train(was)
    if not torch.allclose(known[:, :5], changed[:, :5], atol=1e-4):
        raise CartpathError(f"{name} sees what comes later", "take a model that a mask keeps from it")
