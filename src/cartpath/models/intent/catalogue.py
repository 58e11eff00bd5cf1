"""Is a model of this shop? It is where the items it knows are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from cartpath.features import PathEncoder
from cartpath.models.intent.behaviour import BehaviourIntent
from cartpath.models.intent.blend import BlendIntent
from cartpath.schema import CartpathError

#: Of the items a model knows, the share that its shop has at least: only what was forgotten is gone.
_LEAST = 0.5


def encoders_of(model: Any) -> list[PathEncoder]:
    """Return the encoders that a model reads paths by, of a blend those of its members."""
    if isinstance(model, BlendIntent):
        return [encoder for member in model.members.values() for encoder in encoders_of(member)]
    if isinstance(model, BehaviourIntent):
        return [model.pretrained.encoder]
    own = getattr(model, "encoder", None)
    return [own] if isinstance(own, PathEncoder) else []


def check_catalogue(known: Sequence[str], items: Iterable[str], model: str, shop: str = "SHOP") -> None:
    """Refuse a model that was fitted on another catalogue than the shop's.

    Parameters
    ----------
    known : sequence of str
        Items that the model knows.
    items : iterable of str
        Those of the shop.
    model, shop : str
        What they are called, for the message.

    Raises
    ------
    CartpathError
        If the shop has less than half of the items that the model knows.

    Examples
    --------
    >>> check_catalogue(["a", "b"], ["a", "b", "c"], "lightgbm")
    >>> check_catalogue(["a", "b", "c"], ["a", "z"], "lightgbm")
    Traceback (most recent call last):
        ...
    cartpath.schema.errors.CartpathError: lightgbm is of another catalogue: of the 3 items it knows 1 is in SHOP
      pretrain and fine-tune on this shop: cartpath pretrain SHOP, then cartpath finetune SHOP
    """
    here = len(set(known) & set(items))
    if here < _LEAST * len(known):
        raise CartpathError(
            f"{model} is of another catalogue: of the {len(known):,} items it knows {here:,}"
            f" {'is' if here == 1 else 'are'} in {shop}",
            f"pretrain and fine-tune on this shop: cartpath pretrain {shop}, then cartpath finetune {shop}",
        )
