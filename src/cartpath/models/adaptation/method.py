"""What a way to fine-tune says: which parts it inserts, and which of the base's parameters it trains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cartpath.models.adaptation.layers import layer_count, layer_of
from cartpath.schema import CartpathError

if TYPE_CHECKING:
    from cartpath.models.behaviour import BehaviourModel


@dataclass(frozen=True)
class Method:
    """A way to fine-tune; its fields are its settings.

    What is inserted is always trained, and so are the heads of the tasks.
    """

    def insert(self, model: BehaviourModel) -> bool:
        """Put new parts into a model, and tell whether there are any; what it says stays as it was, or nearly so.

        Raises
        ------
        CartpathError
            If the model's backbone has no place for them; the model is unchanged.
        """
        return False

    def trains(self, model: BehaviourModel) -> set[str]:
        """Return the names of parameters of the base that are trained."""
        return set()


@dataclass(frozen=True)
class Full(Method):
    """Train everything."""

    def trains(self, model: BehaviourModel) -> set[str]:
        """See ``Method``."""
        return {name for name, _ in model.named_parameters()}


@dataclass(frozen=True)
class Head(Method):
    """Train the head alone, on what the pretrained network knows."""


@dataclass(frozen=True)
class Top(Method):
    """Train the last layers of the backbone and its last norm.

    Attributes
    ----------
    layers : int
    """

    layers: int = 1

    def trains(self, model: BehaviourModel) -> set[str]:
        """See ``Method``.

        Raises
        ------
        CartpathError
            If the backbone has fewer layers.
        """
        count = layer_count(model)
        if not 1 <= self.layers <= count:
            raise CartpathError(f"the backbone has {count} layers, not {self.layers} to train", f"take 1 to {count}")
        layer = layer_of(model)
        names = (name for name, _ in model.named_parameters() if name.startswith("backbone."))
        return {name for name in names if layer(name) > count - self.layers}


def at_least(value: float, least: float, what: str) -> None:
    """Refuse a setting that is too small.

    Examples
    --------
    >>> at_least(0, 1, "rank")
    Traceback (most recent call last):
        ...
    cartpath.schema.errors.CartpathError: rank must be at least 1, not 0
    """
    if value < least:
        raise CartpathError(f"{what} must be at least {least}, not {value}")
