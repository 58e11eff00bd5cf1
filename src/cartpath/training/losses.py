"""The loss of the next item as trainings take it: over all items, or over the true ones and some that are drawn."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from cartpath.models.behaviour import BehaviourModel
from cartpath.schema import CartpathError
from cartpath.training.item_losses import bce, full_softmax, gbce, sampled_softmax
from cartpath.training.negatives import Negatives

#: Up to this many ids of items (two of them are no items) the softmax is over all; beyond, over a sample.
FULL_SOFTMAX = 50_002
LOSSES: tuple[str, ...] = ("full", "sampled", "gbce", "bce")


@dataclass(frozen=True)
class ItemLoss:
    """The loss of the next item.

    Attributes
    ----------
    kind : str
        ``full`` softmax over all items, ``sampled`` softmax, ``gbce``, or ``bce`` against the negatives in the batch's
        inputs (SASRec's own).
    negatives : Negatives, optional
        For ``sampled`` and ``gbce``.
    half : bool
        Whether the full softmax multiplies in bfloat16.
    """

    kind: str = "full"
    negatives: Negatives | None = None
    half: bool = False

    def __post_init__(self) -> None:
        if self.kind not in LOSSES:
            raise CartpathError(f"there is no loss {self.kind!r}", f"known: {', '.join(LOSSES)}")
        if (self.negatives is None) == (self.kind in ("sampled", "gbce")):
            raise ValueError("sampled losses need negatives, and only they")

    def __call__(self, model: BehaviourModel, query: Tensor, truth: Tensor, beside: Tensor | None = None) -> Tensor:
        """Return the mean loss of some questions (scalar).

        Parameters
        ----------
        model : BehaviourModel
        query : float tensor (n, hidden)
            ``BehaviourModel.item_query``.
        truth : int64 tensor (n,)
            Ids of the true items.
        beside : int64 tensor (n,), optional
            An item beside each true one, for ``bce``.
        """
        query = query.float()
        if self.kind == "full":
            return full_softmax(query, model.item_vectors().float(), bias_of_items(model), truth, self.half)
        right = (query * model.item_vectors(truth)).sum(1) + model.item_bias[truth]
        if self.kind == "bce":
            assert beside is not None
            wrong = (query * model.item_vectors(beside)).sum(1) + model.item_bias[beside]
            return bce(right, wrong[:, None])
        assert self.negatives is not None
        drawn, log_q = self.negatives.draw(truth)
        others = (query @ model.item_vectors(drawn).T).float() + model.item_bias[drawn]
        if self.kind == "gbce":
            return gbce(right, others, truth, drawn, model.config.n_items - 2)
        return sampled_softmax(right, others, truth, drawn, log_q)


def bias_of_items(model: BehaviourModel) -> Tensor:
    """Return the bias of each id (n_items,); of the two that are no items, absent and unknown, minus infinity."""
    bias = model.item_bias.clone()
    bias[:2] = float("-inf")
    return bias
