"""A pretrained network's view of users at cut-offs: it saw no answers, so trees may have it beside their features."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cartpath.features import Log
from cartpath.models.behaviour_next_item import query_time
from cartpath.models.cutoff.asked import asked_about
from cartpath.models.pretrained import Pretrained
from cartpath.schema import MICROSECONDS
from cartpath.tasks import CutoffRows, RepeatRows

if TYPE_CHECKING:
    from torch import Tensor

_GAP = ("next_gap", "still_silent", "silence_left")


def frozen_at(network: Pretrained, log: Log, rows: CutoffRows, of: str | None = None) -> npt.NDArray[np.float32]:
    """Return a network's view at cut-offs (n, d); ``frozen_names`` says what each column is.

    It is the hidden vector after the last event before the cut-off; the log probability of each type of the next
    event; and of the time T from that event to the next, whose distribution the network gives in doublings, E[log2 T],
    the log of P(T > s) for the silence s until the cut-off, and E[log2 T | T > s]: who comes back in weeks may be late,
    who comes back in days is gone. Where buying again is asked about, also the score of the asked item or category as
    the next one at the time of the cut-off.

    Parameters
    ----------
    network : Pretrained
        Never fine-tuned.
    log : Log
    rows : CutoffRows
        Nothing from ``ends`` on is read.
    of : str, optional
        What is asked about, one of ``REPEATED``, with ``rows`` that say which.
    """
    import torch

    model = network.model
    with torch.inference_mode():
        hidden = network.hidden_at(log, rows.ends)
        types = model.next_type(hidden).log_softmax(1)
        silent = torch.from_numpy((rows.cutoff - log.view.ts[rows.ends - 1]) / MICROSECONDS)
        parts = [hidden, types, waiting(model.next_gap(hidden), silent)]
        if of is not None:
            assert isinstance(rows, RepeatRows)
            parts.append(_score(network, log, rows, hidden, of))
    return np.asarray(torch.cat(parts, 1).numpy(), np.float32)


def frozen_names(network: Pretrained, of: str | None = None) -> list[str]:
    """Return the names of the columns of ``frozen_at``."""
    config = network.model.config
    names = [f"hidden_{n}" for n in range(config.hidden)] + [f"next_type_{n}" for n in range(config.n_events)]
    return [*names, *_GAP, *(() if of is None else ("asked_score",))]


def waiting(logits: Tensor, silent: Tensor) -> Tensor:
    """Return what the time to the next event is, given that there was none so far (n, 3); see ``frozen_at``.

    Parameters
    ----------
    logits : float tensor (n, GAPS)
        Of the buckets of ``gap_bucket``: bucket b is from 2 ** (b - 1) to 2 ** b seconds, and taken to be spread evenly
        over log2.
    silent : float tensor (n,)
        Seconds without an event.

    Examples
    --------
    >>> import torch
    >>> logits = torch.full((1, 40), -1e9)
    >>> logits[0, [3, 5]] = 0.0
    >>> waiting(logits, torch.tensor([2.0 ** 4.5])).tolist()[0]
    [3.5, -1.386..., 4.75]
    """
    import torch

    chance = logits.double().softmax(1)
    low = torch.arange(logits.shape[1], dtype=torch.float64) - 1
    chance[:, 0] = 0  # what is padding elsewhere is no bucket
    chance = chance / chance.sum(1, keepdim=True)
    # How much of each bucket lies beyond the silence, and the middle of that.
    since = silent.double().clamp(min=1).log2()[:, None]
    beyond = (low + 1 - since).clamp(0, 1)
    left = chance * beyond
    total = left.sum(1)
    middle = low + 1 - beyond / 2
    late = torch.where(total > 1e-12, (left * middle).sum(1) / total.clamp(min=1e-12), since[:, 0])
    return torch.stack([(chance * (low + 0.5)).sum(1), total.clamp(min=1e-12).log(), late], 1).float()


def _score(network: Pretrained, log: Log, rows: RepeatRows, hidden: Tensor, of: str) -> Tensor:
    """Return how well what is asked about fits as the next item at the cut-off (n, 1)."""
    import torch

    from cartpath.models.cutoff.head import asked_vectors
    from cartpath.models.query import ANY

    asked = asked_about(network, log, rows, of)
    vectors = asked_vectors(network.model, torch.from_numpy(asked.ids), torch.from_numpy(asked.text))
    when = query_time(rows.cutoff, log.view.ts[rows.ends - 1])
    query = network.model.item_query(hidden, torch.full((len(hidden),), ANY), when)
    return (query * vectors).sum(1, keepdim=True)
