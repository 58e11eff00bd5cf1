"""Training a network: from a checkpoint if there is one, to its best weights."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cartpath.training.checkpoint import latest, read_state
from cartpath.training.plan import Plan, State
from cartpath.training.processes import is_first, processes, rank
from cartpath.training.stream import Source, Stream
from cartpath.training.trainer import Judge, Judged, PathTrainer, arguments


def fit(
    network: nn.Module,
    source: Source,
    plan: Plan,
    home: Path,
    key: str,
    judge: Judge | None = None,
    progress: Callable[[str, float], None] = lambda message, share: None,
    report_to: list[str] | None = None,
    before: float = 0.0,
    judged: Judged | None = None,
) -> State:
    """Train a network; it has its best weights afterwards.

    Parameters
    ----------
    network : nn.Module
        Returns ``{"loss": ...}`` of the inputs that ``source`` gives.
    source : Source
    plan : Plan
    home : Path
        Folder for checkpoints, to go on from and to keep up to date.
    key : str
        What the training depends on; a checkpoint of another key is not gone on from.
    judge : callable, optional
        Figures on the validation slice after each epoch, the lower ``loss`` the better.
    progress : callable
        Told a message and the share done.
    report_to : list of str, optional
        Trackers.
    before : float
        Seconds spent on this before now, for the times of the judgements and the plan's minutes, of which half are for
        training in any case; a checkpoint has its own.
    judged : callable, optional
        Told where the training is after each judgement; what it raises ends the training, and is raised.
    """
    found, wrong = latest(home, key)
    for message in wrong:
        progress(message, 0.0)
    state = State(seconds=before, before=before) if found is None else read_state(found)
    stream = Stream(source, state, plan.epochs, plan.accumulate, rank(), processes())
    trainer = PathTrainer(network, arguments(plan, home, report_to or []), stream, plan, key, judge, progress, judged)
    trainer.running = torch.tensor(state.running[0])
    if found is None and trainer.done < 1:
        trainer.train()
    elif found is not None and not state.over:
        trainer.train(resume_from_checkpoint=str(found))
    elif found is not None:
        trainer._load_from_checkpoint(str(found))
    if trainer.best is not None:
        network.load_state_dict(trainer.best)
    elif trainer.average is not None:  # nothing judged, so nothing was best
        trainer.average.keep()
    network.eval()
    state.seconds = trainer.clock.seconds
    progress("trained", 1.0)
    return state


def forget_checkpoints(home: Path) -> None:
    """Remove the checkpoints of a training that is over, or that shall not be gone on from."""
    if is_first():
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def torch_session(seed: int) -> Iterator[None]:
    """Seed PyTorch for a block; the caller's random states come back after it.

    PyTorch takes a thread for each core it may use, or ``OMP_NUM_THREADS``, which ``torchrun`` sets to one for each of
    several processes; sums depend on how many there are in their last digits.
    """
    from transformers.utils import logging

    verbosity = logging.get_verbosity()
    # What the Trainer seeds: libraries below it may draw from the old global state of NumPy.
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)  # noqa: NPY002
            logging.set_verbosity(verbosity)


def tensors(batch: Any) -> tuple[Tensor, Tensor, Tensor]:
    """Return a ``features.Batch`` as the network's input."""
    return torch.from_numpy(batch.ids), torch.from_numpy(batch.seconds), torch.from_numpy(batch.session)
