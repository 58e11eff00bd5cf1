"""A pretraining that kills itself at a chosen point; run in a process of its own."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cartpath import training
from cartpath.training import checkpoint, corpus, sampler, trainer, windows

#: Small enough that an epoch has several pools of several batches, with dropout and all else that is random.
OPTIONS: dict[str, Any] = {"epochs": 2, "tokens": 300, "seed": 3, "save_every": 0.0, "settings": {"hidden": 16}}
BLOCK, POOL = 60, 700


def small_pools() -> None:
    corpus.BLOCK, sampler.POOL = BLOCK, POOL


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def after(calls: int, then: Callable[[], None]) -> Callable[..., None]:
    left = [calls]

    def told(*_: Any) -> None:
        left[0] -= 1
        if left[0] == 0:
            then()

    return told


def before(module: Any, name: str, calls: int, also: Callable[..., None] | None = None) -> None:
    """Die instead of the n-th call of a function, having perhaps done half of what it does."""
    whole, left = getattr(module, name), [calls]

    def counted(*args: Any, **named: Any) -> Any:
        left[0] -= 1
        if left[0] == 0:
            if also is not None:
                also(*args, **named)
            die()
        return whole(*args, **named)

    setattr(module, name, counted)


def half_a_file(content: Any, path: Any, *_: Any) -> None:
    Path(path).write_bytes(b"\x00" * 1000)


#: Where to die, and whether there is a checkpoint to go on from by then.
POINTS: dict[str, tuple[Callable[[], None], bool]] = {
    "before the first checkpoint": (lambda: before(checkpoint, "write_contents", 1), False),
    "in the first epoch": (lambda: before(trainer.PathTrainer, "training_step", 3), True),
    "in the second epoch": (lambda: before(trainer.PathTrainer, "training_step", 9), True),
    "while weights are written": (lambda: before(trainer.torch, "save", 18, half_a_file), True),
    "before a checkpoint gets its name": (lambda: before(checkpoint.os, "rename", 4), True),
    "before the one before it is removed": (lambda: before(checkpoint, "remove", 4), True),
    "while the validation slice is judged": (lambda: before(windows, "_figures", 2), True),
    "when all is trained": (lambda: before(sys.modules["cartpath.training.pretrain"], "write_readme", 1), True),
}


def train(workspace: str, point: str) -> None:
    small_pools()
    POINTS[point][0]()
    training.pretrain(workspace, **OPTIONS)


def train_on(workspace: str) -> None:
    """Train until somebody kills it."""
    small_pools()
    training.pretrain(workspace, **OPTIONS)
