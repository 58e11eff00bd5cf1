"""What pretraining minimises: the next event as its type, its item given the type, and the time until it."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cartpath.models.behaviour import BehaviourModel
from cartpath.models.query import DIFFERENT, QueryTime, gap_bucket
from cartpath.training.item_losses import CHUNK
from cartpath.training.losses import ItemLoss, bias_of_items
from cartpath.training.targets import NONE

#: Share of the questions about an item that are told when it comes.
TIME_SHARE = 0.5


class Pretraining(nn.Module):
    """A behaviour model and its loss, as one network: several processes need all of it in one call.

    Parameters
    ----------
    model : BehaviourModel
    time_share : float
        Share of the questions about an item that are told when it comes; the others are asked of no time.
    item_loss : ItemLoss, optional
        What is learnt by; judged is always the softmax over all items, which is also the default.
    """

    def __init__(
        self, model: BehaviourModel, time_share: float = TIME_SHARE, item_loss: ItemLoss | None = None
    ) -> None:
        super().__init__()
        self.model, self.time_share, self.item_loss = model, time_share, item_loss or ItemLoss()

    def forward(
        self,
        ids: Tensor,
        seconds: Tensor,
        session: Tensor,
        next_type: Tensor,
        next_item: Tensor,
        different: Tensor,
        next_gap: Tensor,
        next_when: Tensor,
        different_gap: Tensor,
        different_when: Tensor,
        counts: Tensor,
    ) -> dict[str, Any]:
        """Return the loss of a part of a batch.

        Parameters
        ----------
        ids, seconds, session : tensors
            As ``BehaviourModel.forward`` takes them.
        next_type, next_item, different : int64 tensor (b, length)
            ``targets.Targets``, ``NONE`` where not asked.
        next_gap, different_gap : float tensor (b, length)
            Seconds until the event that those are of; -1 where there is none.
        next_when, different_when : int64 tensor (b, length)
            When it is, seconds since 1970 UTC.
        counts : float tensor (3,)
            Of the whole batch: types asked for, events; and the parts it is cut into.

        Returns
        -------
        dict
            ``loss``; where nothing is learnt, instead the sums of losses ``types``, ``items``, ``items_timed`` and
            ``gaps`` with their numbers ``n_types``, ``n_items`` and ``n_gaps``, and ``right``, types that were right.
        """
        hidden = self.model(ids, seconds, session)
        flat, kind, gap = hidden.reshape(-1, hidden.shape[-1]), next_type.reshape(-1), next_gap.reshape(-1)
        asked, follows = kind != NONE, gap >= 0
        logits = self.model.next_type(flat[asked])
        types = F.cross_entropy(logits, kind[asked], reduction="sum")
        gaps = F.cross_entropy(self.model.next_gap(flat[follows]), gap_bucket(gap[follows]), reduction="sum")
        is_item, is_other = next_item.reshape(-1) != NONE, different.reshape(-1) != NONE
        known = torch.cat([flat[is_item], flat[is_other]])
        truth = torch.cat([next_item.reshape(-1)[is_item], different.reshape(-1)[is_other]])
        given = torch.cat([kind[is_item], torch.full_like(kind[is_other], DIFFERENT)])
        time = QueryTime.at(
            torch.cat([next_when.reshape(-1)[is_item], different_when.reshape(-1)[is_other]]),
            torch.cat([gap[is_item], different_gap.reshape(-1)[is_other]]),
        )
        if self.training:
            items = self._learnt(known, given, truth, self._told(time))
            # Each event counts alike, whichever of the questions it is asked.
            loss = types / counts[0].clamp(min=1) + (items + gaps) / counts[1].clamp(min=1)
            return {"loss": loss * counts[2]}
        return {
            "types": types,
            "items": self._judged(known, given, truth, None),
            "items_timed": self._judged(known, given, truth, time),
            "gaps": gaps,
            "n_types": asked.sum(),
            "n_items": torch.tensor(len(truth), device=flat.device),
            "n_gaps": follows.sum(),
            "right": (logits.argmax(1) == kind[asked]).sum(),
        }

    def _told(self, time: QueryTime) -> QueryTime | None:
        if not self.time_share:
            return None
        return time.hidden_where(torch.rand(time.gap.shape, device=time.gap.device) >= self.time_share)

    def _learnt(self, known: Tensor, given: Tensor, truth: Tensor, time: QueryTime | None) -> Tensor:
        """Return the sum of the items' losses."""
        if not len(truth):
            return known.sum() * 0
        query = self.model.item_query(known, given, time)
        return self.item_loss(self.model, query, truth) * len(truth)

    def _judged(self, known: Tensor, given: Tensor, truth: Tensor, time: QueryTime | None) -> Tensor:
        """Return the sum of the items' losses among all items; at most ``CHUNK`` scores are held at once."""
        query = self.model.item_query(known, given, time).float()
        vectors, bias = self.model.item_vectors().float(), bias_of_items(self.model)
        found, rows = torch.zeros((), device=query.device), max(CHUNK // len(vectors), 1)
        for part in (slice(start, start + rows) for start in range(0, len(truth), rows)):
            found = found + F.cross_entropy(query[part] @ vectors.T + bias, truth[part], reduction="sum")
        return found
