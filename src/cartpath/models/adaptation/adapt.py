"""Make a behaviour model ready for fine-tuning: new parts inserted, and the right parameters trainable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from cartpath.models.adaptation.base import base_hash, is_head, is_inserted, name_of, trainable
from cartpath.models.adaptation.files import save_adaptation
from cartpath.models.adaptation.heads import INTENT, head_of
from cartpath.models.adaptation.lora import Lora, fold
from cartpath.models.adaptation.method import Method
from cartpath.models.adaptation.methods import method_of
from cartpath.schema import CartpathError

if TYPE_CHECKING:
    from cartpath.models.behaviour import BehaviourModel


@dataclass(frozen=True)
class Adapted:
    """A model made ready by ``adapt``, and what it was made from.

    Attributes
    ----------
    model : BehaviourModel
    method : str
    settings : Method
    tasks : tuple of str
        Whose heads are trained.
    base, base_name : str
        ``base_hash`` before any training, and the folder it was loaded from, if any.
    """

    model: BehaviourModel
    method: str
    settings: Method
    tasks: tuple[str, ...]
    base: str
    base_name: str

    def trainable(self) -> dict[str, float]:
        """Count parameters; see ``adaptation.trainable``."""
        return trainable(self.model)

    def save(self, folder: Path) -> None:
        """Write what is trained into a folder, without the base; ``load_adaptation`` reads it.

        The whole model is saved by ``save_pretrained``, which keeps what was inserted too.
        """
        save_adaptation(self, folder)

    def merge(self) -> BehaviourModel:
        """Return the model as one of the base's shape, which says the same; LoRA's changes are folded into weights.

        Raises
        ------
        CartpathError
            If what was inserted cannot be expressed by the base's weights.
        """
        if not self.model.config.adaptation:
            return self.model
        if not isinstance(self.settings, Lora):
            raise CartpathError(f"{self.method} cannot be folded into the weights", "save the model as it is")
        fold(self.model)
        self.model.config.adaptation = {}
        return self.model


def adapt(
    model: BehaviourModel, method: str, *, tasks: Sequence[str] = (INTENT,), seed: int = 0, **settings: Any
) -> Adapted:
    """Insert a method's new parts into a model, and make them, the tasks' heads and no more than it says trainable.

    Parameters
    ----------
    model : BehaviourModel
        Changed in place.
    method : str
        One of ``METHODS``.
    tasks : sequence of str
        Whose heads are trained; see ``add_head``.
    seed : int
        Of the new weights; PyTorch's own random state is left alone.
    **settings
        Of the method.

    Raises
    ------
    CartpathError
        If there is no such method, setting, layer or head, the backbone has no place for the new parts, or there are
        new parts in the model already.

    Examples
    --------
    >>> from cartpath.models.behaviour import BehaviourConfig, BehaviourModel
    >>> adapted = adapt(BehaviourModel(BehaviourConfig()), "head")
    >>> adapted.trainable()["trainable"]
    65
    """
    way = method_of(method, settings)
    if model.config.adaptation:
        before = model.config.adaptation["method"]
        raise CartpathError(f"the model is adapted by {before} already", "merge it, or load the base again")
    heads = {id(weight) for task in tasks for weight in head_of(model, task).parameters()}
    base = base_hash(model)
    # Before anything is inserted: a setting that is refused leaves the model as it was.
    chosen = way.trains(model)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if way.insert(model):
            model.config.adaptation = {"method": method, "settings": asdict(way)}
    for name, weight in model.named_parameters():
        weight.requires_grad_(id(weight) in heads or is_inserted(name) or (name in chosen and not is_head(name)))
    return Adapted(model, method, way, tuple(tasks), base, name_of(model))
