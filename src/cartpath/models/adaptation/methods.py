"""The ways to fine-tune by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from cartpath.models.adaptation.adapter import Adapter
from cartpath.models.adaptation.lora import Lora
from cartpath.models.adaptation.method import Full, Head, Method, Top
from cartpath.models.adaptation.prefix import PrefixTuning
from cartpath.schema import CartpathError

if TYPE_CHECKING:
    from cartpath.models.behaviour import BehaviourModel

#: Name to class, whose fields are the settings.
METHODS: Mapping[str, type[Method]] = {
    "full": Full,
    "head": Head,
    "top": Top,
    "lora": Lora,
    "adapter": Adapter,
    "prefix": PrefixTuning,
}


def method_of(name: str, settings: Mapping[str, Any]) -> Method:
    """Return a way to fine-tune.

    Raises
    ------
    CartpathError
        If there is none of that name, or it has no such setting or value.

    Examples
    --------
    >>> method_of("lora", {"rank": 4})
    Lora(rank=4, alpha=16.0, dropout=0.0)
    >>> method_of("top", {"rank": 4})
    Traceback (most recent call last):
        ...
    cartpath.schema.errors.CartpathError: top has no setting 'rank'
      known: layers
    """
    if name not in METHODS:
        raise CartpathError(f"there is no method {name!r}", f"known: {', '.join(METHODS)}")
    known = [field.name for field in fields(METHODS[name])]
    for setting in settings:
        if setting not in known:
            raise CartpathError(f"{name} has no setting {setting!r}", f"known: {', '.join(known) or 'none'}")
    return METHODS[name](**settings)


def insert(model: BehaviourModel, method: str, settings: Mapping[str, Any]) -> bool:
    """Put a method's new parts into a model, and tell whether there are any."""
    return method_of(method, settings).insert(model)
