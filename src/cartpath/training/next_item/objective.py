"""What a next-item network minimises: the loss of the item that comes next, at every place of a path at once."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cartpath.models.behaviour import BehaviourModel
from cartpath.models.query import ANY, QueryTime
from cartpath.training.losses import FULL_SOFTMAX, ItemLoss

__all__ = ["FULL_SOFTMAX", "ItemLoss", "NextItemObjective"]


class NextItemObjective(nn.Module):
    """A behaviour model and the loss of the next item, as one network.

    Parameters
    ----------
    model : BehaviourModel
    loss : ItemLoss
    time_share : float
        Share of the questions that are told when the next item comes; the others are asked of no time.
    """

    def __init__(self, model: BehaviourModel, loss: ItemLoss, time_share: float = 0.0) -> None:
        super().__init__()
        self.model, self.loss, self.time_share = model, loss, time_share

    def forward(
        self,
        ids: Tensor,
        seconds: Tensor,
        session: Tensor,
        truth: Tensor,
        count: Tensor,
        gap: Tensor | None = None,
        when: Tensor | None = None,
        negatives: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Return the loss of a part of a batch.

        Parameters
        ----------
        ids, seconds, session : tensors
            As ``BehaviourModel.forward`` takes them.
        truth : int64 tensor (b, length)
            Ids of the items that come next; 0 where nothing is asked.
        count : float tensor ()
            Questions of the whole batch, over the parts it is cut into.
        gap, when : tensors (b, length), optional
            Seconds until the next item, and since 1970 when it comes.
        negatives : int64 tensor (b, length), optional
            An item beside each true one, for the loss ``bce``.
        """
        asked = truth.reshape(-1) > 0
        hidden = self.model(ids, seconds, session)
        flat, answers = hidden.reshape(-1, hidden.shape[-1])[asked], truth.reshape(-1)[asked]
        if not len(answers):
            return {"loss": hidden.sum() * 0}
        time = self._time(gap, when, asked)
        query = self.model.item_query(flat, torch.full_like(answers, ANY), time)
        beside = None if negatives is None else negatives.reshape(-1)[asked]
        return {"loss": self.loss(self.model, query, answers, beside) * len(answers) / count}

    def _time(self, gap: Tensor | None, when: Tensor | None, asked: Tensor) -> QueryTime | None:
        if gap is None or when is None or not self.time_share:
            return None
        found = QueryTime.at(when.reshape(-1)[asked], gap.reshape(-1)[asked])
        return found.hidden_where(torch.rand(len(found.gap), device=gap.device) >= self.time_share)
