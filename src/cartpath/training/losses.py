"""The loss of the next item: over all items, or over the true one and some that are drawn."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from cartpath.models.behaviour import BehaviourModel

#: Up to this many items the softmax is over all; beyond, over the true ones and as many drawn.
FULL_SOFTMAX = 50_002


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


def draw_items(n_items: int, n: int = 2048) -> Tensor:
    """Return items drawn to stand for a large catalogue."""
    return torch.randint(2, n_items, (n,))
