"""Losses of the next item: all items where they fit, a sample of them beyond. Memory is linear in the batch."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

#: Scores held at once: queries of a chunk times items.
CHUNK = 2**23


class _CrossEntropy(torch.autograd.Function):
    """Mean cross-entropy over all items, its gradient worked out chunk by chunk in the same pass."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, vectors: Tensor, bias: Tensor, truth: Tensor, half: bool) -> Tensor:
        kind = torch.bfloat16 if half else query.dtype
        q, v = query.to(kind), vectors.to(kind)
        d_query, d_vectors, d_bias = torch.empty_like(query), torch.zeros_like(vectors), torch.zeros_like(bias)
        rows = max(CHUNK // len(vectors), 1)
        total = torch.zeros((), dtype=torch.float64, device=query.device)
        for part in (slice(start, start + rows) for start in range(0, len(query), rows)):
            # In place as far as it goes: the passes over the scores cost as much as the products.
            scores = (q[part] @ v.T).float().add_(bias)
            right, top = scores.gather(1, truth[part, None]), scores.amax(1, keepdim=True)
            sums = scores.sub_(top).exp_().sum(1, keepdim=True)
            total += (sums.log() + top - right).double().sum()
            scores.div_(sums).scatter_add_(1, truth[part, None], torch.full_like(right, -1.0))
            d_bias += scores.sum(0)
            wrong = scores.to(kind)
            d_query[part] = (wrong @ v).to(query.dtype)
            d_vectors += (wrong.T @ q[part]).to(vectors.dtype)
        ctx.save_for_backward(d_query, d_vectors, d_bias)
        ctx.n = len(query)
        return (total / len(query)).to(query.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        d_query, d_vectors, d_bias = ctx.saved_tensors
        scale = grads[0] / ctx.n
        return d_query * scale, d_vectors * scale, d_bias * scale, None, None


def full_softmax(query: Tensor, vectors: Tensor, bias: Tensor, truth: Tensor, half: bool = False) -> Tensor:
    """Return the mean cross-entropy of the true items among all (scalar).

    ``-log(exp(q.v_t + b_t) / sum_j exp(q.v_j + b_j))``; at most ``CHUNK`` scores are held at once, whatever the batch.

    Parameters
    ----------
    query : float tensor (n, d)
    vectors : float tensor (m, d)
    bias : float tensor (m,)
        Minus infinity leaves an item out.
    truth : int64 tensor (n,)
    half : bool
        Multiply in bfloat16 (sums stay in float32): several times faster where the processor has it.

    Examples
    --------
    >>> two = full_softmax(torch.zeros(1, 3), torch.ones(2, 3), torch.zeros(2), torch.tensor([0]))
    >>> round(float(two.exp()), 6)
    2.0
    """
    loss: Tensor = _CrossEntropy.apply(query, vectors, bias, truth, half)  # type: ignore[no-untyped-call]
    return loss


def sampled_softmax(right: Tensor, others: Tensor, truth: Tensor, drawn: Tensor, log_q: Tensor | None = None) -> Tensor:
    """Return the mean cross-entropy of the true items among those drawn (scalar).

    A draw that is the truth itself is left out of that row. With ``log_q`` each drawn score is lowered by the log of
    how likely it was to be drawn (Bengio and Senécal, 2008; Yi et al., 2019), so that the sum over the sample estimates
    that of the full softmax.

    Parameters
    ----------
    right : float tensor (n,)
        Scores of the true items.
    others : float tensor (n, m)
        Scores of the drawn items.
    truth : int64 tensor (n,)
    drawn : int64 tensor (m,)
        Distinct.
    log_q : float tensor (m,), optional
        ``Negatives.draw``.
    """
    if log_q is not None:
        others = others - log_q
    others = others.masked_fill(drawn[None, :] == truth[:, None], float("-inf"))
    return (torch.cat([right[:, None], others], 1).logsumexp(1) - right).mean()


def gbce(
    right: Tensor, others: Tensor, truth: Tensor, drawn: Tensor, n_items: int, calibration: float = 0.75
) -> Tensor:
    """Return the generalised binary cross-entropy (scalar; Petrov and Macdonald, 2023, gSASRec, equation 9).

    The positive's probability is raised to ``beta``, which undoes the overconfidence that negative sampling brings;
    ``calibration`` 0 is plain binary cross-entropy, 1 wholly calibrated. A draw that is the truth is left out.

    Parameters
    ----------
    right : float tensor (n,)
    others : float tensor (n, m)
    truth : int64 tensor (n,)
    drawn : int64 tensor (m,)
    n_items : int
        Items there are to draw from.
    calibration : float
        ``t`` of the paper.
    """
    share = min(others.shape[1] / max(n_items - 1, 1), 1.0)
    beta = share * (calibration * (1 - 1 / share) + 1 / share)
    wrong = F.logsigmoid(-others).masked_fill(drawn[None, :] == truth[:, None], 0.0)
    return -(beta * F.logsigmoid(right) + wrong.sum(1)).mean()


def bce(right: Tensor, others: Tensor) -> Tensor:
    """Return SASRec's own loss: binary cross-entropy of the true item and of one drawn beside it (scalar).

    Examples
    --------
    >>> round(float(bce(torch.zeros(1), torch.zeros(1, 1))), 4)  # twice the log of 2
    1.3863
    """
    return -(F.logsigmoid(right) + F.logsigmoid(-others).sum(1)).mean()
