"""The loss of pretraining: next type, next item given the type, next different item."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from cartpath.features import Batch
from cartpath.models.behaviour import BehaviourModel
from cartpath.training.targets import NONE, Targets

#: Up to this many items the softmax is over all; beyond, over the true ones and as many drawn.
FULL_SOFTMAX = 4096
#: Given this "type", the item head scores the next different item.
DIFFERENT = 0


def pretrain_loss(
    model: BehaviourModel, hidden: Tensor, batch: Batch, targets: Targets, drawn: Tensor | None
) -> Tensor:
    """Return the mean loss of a batch.

    Parameters
    ----------
    model : BehaviourModel
    hidden : float tensor (b, length, hidden)
    batch : Batch
    targets : Targets
    drawn : int64 tensor (m,), optional
        Items drawn to stand for the catalogue; all items by default.
    """
    rows = batch.rows
    next_type = _at(targets.next_type, rows)
    next_item, different = _at(targets.next_item, rows), _at(targets.next_different, rows)
    flat = hidden.reshape(-1, hidden.shape[-1])
    asked = next_type != NONE
    loss = F.cross_entropy(model.next_type(flat[asked]), next_type[asked]) if bool(asked.any()) else flat.sum() * 0
    is_item, is_other = next_item != NONE, different != NONE
    known = torch.cat([flat[is_item], flat[is_other]])
    if not len(known):
        return loss
    given = torch.cat([next_type[is_item], torch.full((int(is_other.sum()),), DIFFERENT)])
    truth = torch.cat([next_item[is_item], different[is_other]])
    # Each event counts alike, whichever of the questions it is asked.
    share = len(truth) / max(int((rows >= 0).sum()), 1)
    return loss + share * item_loss(model, model.item_query(known, given), truth, drawn)


def _at(
    values: np.ndarray[tuple[int], np.dtype[np.int64]], rows: np.ndarray[tuple[int, int], np.dtype[np.int64]]
) -> Tensor:
    return torch.from_numpy(np.where(rows >= 0, values[rows], NONE).reshape(-1))


def item_loss(model: BehaviourModel, query: Tensor, truth: Tensor, drawn: Tensor | None) -> Tensor:
    """Return the mean cross-entropy of the true items (scalar).

    Parameters
    ----------
    model : BehaviourModel
    query : float tensor (n, hidden)
    truth : int64 tensor (n,)
    drawn : int64 tensor (m,), optional
        Uniform draws from the items; with them the loss is a sampled softmax, each draw standing for
        ``n_items / m`` items (the correction of Jean et al., 2015).
    """
    if drawn is None:
        logits = query @ model.item_vectors().T + model.item_bias
        logits[:, :2] = float("-inf")  # absent and unknown are no items
        return F.cross_entropy(logits, truth)
    true_logit = (query * model.item_vectors(truth)).sum(1) + model.item_bias[truth]
    logits = query @ model.item_vectors(drawn).T + model.item_bias[drawn]
    logits = logits + float(np.log((model.config.n_items - 2) / len(drawn)))
    logits = logits.masked_fill(drawn[None, :] == truth[:, None], float("-inf"))
    return (torch.cat([true_logit[:, None], logits], dim=1).logsumexp(1) - true_logit).mean()


def draw_items(n_items: int, n: int = 2048) -> Tensor | None:
    """Return items drawn to stand for a large catalogue, or None where all fit."""
    return None if n_items <= FULL_SOFTMAX else torch.randint(2, n_items, (n,))
