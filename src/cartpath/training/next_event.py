"""Judging the pretrained model on what it was trained for: the type of the next event."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cartpath.evaluation import bootstrap
from cartpath.features import EncodedLog, Log, encode, gather, length_batches, user_of_event, window_starts
from cartpath.models import Pretrained, current_version
from cartpath.training.card import read_card, split_of
from cartpath.training.data import path_ends
from cartpath.training.pretrain import NAME
from cartpath.training.results import row

if TYPE_CHECKING:
    from cartpath.training.targets import Targets

#: Events judged at most.
_MOST = 100_000
Floats = npt.NDArray[np.float64]


def judge_next_event(workspace: Path, log: Log, slice: str, seed: int) -> list[dict[str, Any]]:
    """Return leaderboard rows of the next event's type: log loss and accuracy, the training frequencies beside.

    Parameters
    ----------
    workspace : Path
    log : Log
    slice : str
    seed : int
    """
    from cartpath.training.loop import torch_session
    from cartpath.training.targets import NONE, targets_before

    folder = current_version(workspace, NAME, "cartpath pretrain")
    split, pretrained = split_of(read_card(folder)), Pretrained.load(folder)
    encoded = encode(log, pretrained.encoder)
    begin, end = split.bounds(slice)
    targets = targets_before(encoded, min(end, int(log.view.ts.max()) + 1))
    with torch_session(seed):
        events, logged = _log_probabilities(pretrained, encoded, targets, begin, end)
    if not len(events):
        return []
    truth = targets.next_type[events]
    known = targets_before(encoded, split.train_until).next_type
    base = np.log(frequencies(known[known != NONE], logged.shape[1]))
    users = user_of_event(log.view)[events]
    about = {"slice": slice, "generation": log.generation, "seed": seed, "n": len(events), "positives": None}
    found = []
    for model, table in (("behaviour", logged), ("frequencies", np.broadcast_to(base, logged.shape))):
        losses, right = -table[np.arange(len(truth)), truth], table.argmax(axis=1) == truth
        for metric, values in (("log_loss", losses), ("accuracy", right)):
            interval = bootstrap(lambda at, values=values: float(values[at].mean()), users, 200, seed)  # type: ignore[misc]
            found.append(row("next_event", model, metric, interval, about))
    return found


def frequencies(types: npt.NDArray[np.int64], size: int) -> Floats:
    """Return the share of each type, one added to each count.

    Examples
    --------
    >>> frequencies(np.array([0, 0, 1]), 3).tolist()
    [0.5, 0.333..., 0.166...]
    """
    counts = np.bincount(types, minlength=size) + 1.0
    shares: Floats = counts / counts.sum()
    return shares


def _log_probabilities(
    pretrained: Pretrained, encoded: EncodedLog, targets: Targets, begin: int, end: int
) -> tuple[npt.NDArray[np.int64], Floats]:
    """Return the events of a stretch of time that have a target, and the log probability of each type."""
    import torch

    from cartpath.training.loop import tensors
    from cartpath.training.targets import NONE

    view, model = encoded.log.view, pretrained.model
    ends = path_ends(view, end)
    users = np.flatnonzero((ends > view.offsets[:-1]) & (view.ts[np.maximum(ends - 1, 0)] >= begin))
    ends = ends[users]
    starts = window_starts(view.offsets, users, ends, model.config.window)
    events, logged, n = [np.zeros(0, np.int64)], [np.zeros((0, model.config.n_events))], 0
    with torch.inference_mode():
        for rows in length_batches(ends - starts, 8192, np.random.default_rng(0)):
            batch = gather(encoded, starts[rows], ends[rows])
            asked = (batch.rows >= 0) & (view.ts[batch.rows] >= begin) & (targets.next_type[batch.rows] != NONE)
            hidden = model(*tensors(batch))[torch.from_numpy(asked)]
            logged.append(model.next_type(hidden).log_softmax(1).double().numpy())
            events.append(batch.rows[asked])
            n += len(events[-1])
            if n >= _MOST:
                break
    return np.concatenate(events), np.concatenate(logged)
