"""The training loop of every network here: read it top to bottom."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from cartpath.training.checkpoint import read_checkpoint, write_checkpoint

Rows = npt.NDArray[np.int64]
THREADS = 2


@dataclass(frozen=True)
class Plan:
    """How to train.

    Attributes
    ----------
    epochs : int
        Passes over the data.
    minutes : float, optional
        Stop after this long, wherever that is; the learning rate falls to reach its end by then. A result that
        was cut by time depends on the machine, one that was not is the same again for the same seed.
    rate : float
        Highest learning rate, after a warm-up over the first 5%.
    weight_decay, clip : float
        Of AdamW; limit of the gradient's norm.
    seed : int
    save_every : float
        Seconds between checkpoints.
    """

    epochs: int
    minutes: float | None = None
    rate: float = 2e-3
    weight_decay: float = 0.01
    clip: float = 1.0
    seed: int = 0
    save_every: float = 20.0


@dataclass
class State:
    """Where a training is; what a checkpoint holds beside weights and random state.

    Attributes
    ----------
    epoch, batch : int
        What comes next.
    seconds : float
        Spent so far, earlier runs included.
    losses : list of float
        Mean training loss of each epoch; of the last one's part that time was left for.
    trained : float
        Epochs done, the last one in part where time ran out.
    scores : list of float
        What ``judge`` said after each epoch.
    resumed : bool
        Whether it went on from a checkpoint.
    """

    epoch: int = 0
    batch: int = 0
    seconds: float = 0.0
    losses: list[float] = field(default_factory=list)
    trained: float = 0.0
    scores: list[float] = field(default_factory=list)
    running: list[float] = field(default_factory=lambda: [0.0, 0.0])
    best: dict[str, Tensor] | None = None
    resumed: bool = False


def fit(
    model: nn.Module,
    batches_of: Callable[[np.random.Generator], list[Rows]],
    loss_of: Callable[[Rows], Tensor],
    plan: Plan,
    checkpoint: Path,
    key: str,
    judge: Callable[[], float] | None = None,
    progress: Callable[[float], None] = lambda share: None,
) -> State:
    """Train a network.

    Parameters
    ----------
    model : nn.Module
    batches_of : callable
        A random generator to the batches of one epoch.
    loss_of : callable
        A batch to its loss.
    plan : Plan
    checkpoint : Path
        File to go on from, and to keep up to date.
    key : str
        What the training depends on; a checkpoint of another key is not gone on from.
    judge : callable, optional
        A figure of the model after each epoch, lower is better; the best epoch's weights are kept.
    progress : callable
        Told the share done.
    """
    optimizer = torch.optim.AdamW(model.parameters(), lr=plan.rate, weight_decay=plan.weight_decay, fused=True)
    state = read_checkpoint(checkpoint, key, model, optimizer) or State()
    clock = _Clock(state.seconds)
    saved = clock.seconds
    while state.epoch < plan.epochs:
        batches = batches_of(np.random.default_rng([plan.seed, state.epoch]))
        model.train()
        while state.batch < len(batches):
            done = _share((state.epoch + state.batch / len(batches)) / plan.epochs, clock.seconds, plan.minutes)
            if done >= 1:
                break
            _step(model, optimizer, loss_of(batches[state.batch]), plan, done, state)
            state.batch += 1
            state.seconds = clock.seconds
            if state.seconds - saved >= plan.save_every:
                write_checkpoint(checkpoint, key, model, optimizer, state)
                saved = state.seconds
            progress(done)
        out_of_time = state.batch < len(batches)
        if out_of_time and not state.batch:
            break
        state.trained += state.batch / max(len(batches), 1)
        _end_epoch(model, state, judge)
        saved = state.seconds = clock.seconds
        write_checkpoint(checkpoint, key, model, optimizer, state)
        if out_of_time:
            break
    if state.best is not None:
        model.load_state_dict(state.best)
    model.eval()
    progress(1.0)
    return state


def _step(
    model: nn.Module, optimizer: torch.optim.Optimizer, loss: Tensor, plan: Plan, done: float, state: State
) -> None:
    for group in optimizer.param_groups:
        group["lr"] = plan.rate * _schedule(done)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(model.parameters(), plan.clip)
    optimizer.step()
    state.running[0] += float(loss.detach())
    state.running[1] += 1


def _end_epoch(model: nn.Module, state: State, judge: Callable[[], float] | None) -> None:
    state.losses.append(state.running[0] / max(state.running[1], 1))
    state.epoch, state.batch, state.running = state.epoch + 1, 0, [0.0, 0.0]
    if judge is None:
        return
    model.eval()
    score = judge()
    if not state.scores or score < min(state.scores):
        state.best = {name: value.detach().clone() for name, value in model.state_dict().items()}
    state.scores.append(score)


def _share(by_epochs: float, seconds: float, minutes: float | None) -> float:
    return by_epochs if minutes is None else max(by_epochs, seconds / (60 * minutes))


def _schedule(done: float) -> float:
    """Rise over the first 5%, then fall along a cosine to a twentieth."""
    if done < 0.05:
        return 0.1 + 0.9 * done / 0.05
    return 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * min((done - 0.05) / 0.95, 1.0)))


class _Clock:
    def __init__(self, before: float) -> None:
        self._before, self._started = before, time.monotonic()

    @property
    def seconds(self) -> float:
        return self._before + time.monotonic() - self._started


@contextmanager
def torch_session(seed: int) -> Iterator[None]:
    """Seed PyTorch and set its threads for a block; the caller's random state and threads come back after it."""
    threads = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torch.set_num_threads(THREADS)
        try:
            yield
        finally:
            torch.set_num_threads(threads)


def tensors(batch: Any) -> tuple[Tensor, Tensor, Tensor]:
    """Return a ``features.Batch`` as the network's input."""
    return torch.from_numpy(batch.ids), torch.from_numpy(batch.seconds), torch.from_numpy(batch.session)
