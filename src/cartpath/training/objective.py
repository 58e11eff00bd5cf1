"""What pretraining minimises: the next type, the next item given the type, and the next different item."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cartpath.models.behaviour import BehaviourModel
from cartpath.training.losses import DIFFERENT, draw_items, item_loss
from cartpath.training.targets import NONE

#: Questions that are compared with every item at once, where nothing is learnt.
_CHUNK = 512


class Pretraining(nn.Module):
    """A behaviour model and its loss, as one network: several processes need all of it in one call.

    Parameters
    ----------
    model : BehaviourModel
    """

    def __init__(self, model: BehaviourModel) -> None:
        super().__init__()
        self.model = model

    def forward(
        self,
        ids: Tensor,
        seconds: Tensor,
        session: Tensor,
        next_type: Tensor,
        next_item: Tensor,
        different: Tensor,
        counts: Tensor,
    ) -> dict[str, Any]:
        """Return the loss of a part of a batch.

        Parameters
        ----------
        ids, seconds, session : tensors
            As ``BehaviourModel.forward`` takes them.
        next_type, next_item, different : int64 tensor (b, length)
            ``targets.Targets``, ``NONE`` where not asked.
        counts : float tensor (3,)
            Of the whole batch: types asked for, events; and the parts it is cut into.

        Returns
        -------
        dict
            ``loss``; the sums of losses ``types`` and ``items`` with their numbers ``n_types`` and ``n_items``, and
            ``right``, types that were right.
        """
        hidden = self.model(ids, seconds, session)
        flat, kind = hidden.reshape(-1, hidden.shape[-1]), next_type.reshape(-1)
        asked = kind != NONE
        logits = self.model.next_type(flat[asked])
        types = F.cross_entropy(logits, kind[asked], reduction="sum")
        items, n_items = self._items(flat, kind, next_item.reshape(-1), different.reshape(-1))
        # Each event counts alike, whichever of the questions it is asked.
        loss = (types / counts[0].clamp(min=1) + items / counts[1].clamp(min=1)) * counts[2]
        return {
            "loss": loss,
            "types": types.detach(),
            "items": items.detach(),
            "n_types": asked.sum(),
            "n_items": torch.tensor(n_items, device=flat.device),
            "right": (logits.detach().argmax(1) == kind[asked]).sum(),
        }

    def _items(self, flat: Tensor, kind: Tensor, item: Tensor, different: Tensor) -> tuple[Tensor, int]:
        is_item, is_other = item != NONE, different != NONE
        truth = torch.cat([item[is_item], different[is_other]])
        if not len(truth):
            return flat.sum() * 0, 0
        given = torch.cat([kind[is_item], torch.full_like(different[is_other], DIFFERENT)])
        query = self.model.item_query(torch.cat([flat[is_item], flat[is_other]]), given)
        if not self.training:
            parts = zip(torch.split(query, _CHUNK), torch.split(truth, _CHUNK), strict=True)
            return torch.stack([item_loss(self.model, q, t, None) * len(t) for q, t in parts]).sum(), len(truth)
        drawn = draw_items(self.model.config.n_items)
        drawn = None if drawn is None else drawn.to(flat.device)
        return item_loss(self.model, query, truth, drawn) * len(truth), len(truth)
