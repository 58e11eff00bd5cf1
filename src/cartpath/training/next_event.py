"""Judging the pretrained model on what it was trained for: the type of the next event."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cartpath.evaluation import bootstrap
from cartpath.features import EncodedLog, Log, encode, gather, length_batches, user_of_event, window_starts
from cartpath.models import Pretrained
from cartpath.tasks import TimeSplit
from cartpath.training.card import read_card, trained_until
from cartpath.training.data import path_ends
from cartpath.training.results import row

if TYPE_CHECKING:
    from cartpath.training.targets import Targets

#: Events judged at most.
_MOST = 100_000
Floats = npt.NDArray[np.float64]


def judge_next_event(folder: Path, log: Log, split: TimeSplit, slice: str, seed: int) -> list[dict[str, Any]]:
    """Return leaderboard rows of the next event's type: log loss and accuracy.

    Beside the behaviour model stand the training period's frequencies, and those that follow the same type of event
    (``markov``).

    Parameters
    ----------
    folder : Path
        The behaviour model's version.
    log : Log
    split : TimeSplit
        The one to judge with; a model that saw anything at or after its first cut is not judged: there are no rows.
    slice : str
    seed : int
    """
    from cartpath.training.fitting import torch_session
    from cartpath.training.targets import NONE, targets_before

    if trained_until(read_card(folder)) > split.train_until:
        return []
    pretrained = Pretrained.load(folder)
    encoded = encode(log, pretrained.encoder)
    begin, end = split.bounds(slice)
    targets = targets_before(encoded, min(end, int(log.view.ts.max()) + 1))
    with torch_session(seed):
        events, logged = _log_probabilities(pretrained, encoded, targets, begin, end)
    if not len(events):
        return []
    truth = targets.next_type[events]
    known = targets_before(encoded, split.train_until).next_type
    at = np.flatnonzero(known != NONE)
    base = np.log(frequencies(known[at], logged.shape[1]))
    following = np.log(transitions(encoded.event_id[at], known[at], logged.shape[1]))
    users = user_of_event(log.view)[events]
    about = {"slice": slice, "generation": log.generation, "seed": seed, "n": len(events), "positives": None}
    found = []
    tables = {
        "behaviour": logged,
        "markov": following[encoded.event_id[events]],
        "frequencies": np.broadcast_to(base, logged.shape),
    }
    for model, table in tables.items():
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


def transitions(types: npt.NDArray[np.integer[Any]], following: npt.NDArray[np.int64], size: int) -> Floats:
    """Return the share of each type after each type (size, size), one added to each count.

    Examples
    --------
    >>> transitions(np.array([0, 0, 1]), np.array([1, 1, 0]), 2).tolist()
    [[0.25, 0.75], [0.666..., 0.333...]]
    """
    counts = np.bincount(types.astype(np.int64) * size + following, minlength=size * size).reshape(size, size) + 1.0
    shares: Floats = counts / counts.sum(axis=1, keepdims=True)
    return shares


def _log_probabilities(
    pretrained: Pretrained, encoded: EncodedLog, targets: Targets, begin: int, end: int
) -> tuple[npt.NDArray[np.int64], Floats]:
    """Return the events of a stretch of time that have a target, and the log probability of each type."""
    import torch

    from cartpath.training.fitting import tensors
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
            text = pretrained.text_of(encoded.log, batch.rows)
            hidden = model(*tensors(batch), text=text)[torch.from_numpy(asked)]
            logged.append(model.next_type(hidden).log_softmax(1).double().numpy())
            events.append(batch.rows[asked])
            n += len(events[-1])
            if n >= _MOST:
                break
    return np.concatenate(events), np.concatenate(logged)
