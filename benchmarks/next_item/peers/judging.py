"""What every contender of time_to_quality.py is judged by: NumPy and the standard library, so any environment has it.

Leave-one-out on a file of one user a line, "user item item ...": the last item of each path is asked for on test, the
last but one on validation, ranked among all items, those of the path so far left out.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

#: Seconds of training between two judgements; training is slow on two cores, and an epoch may take minutes.
EVERY = 120.0
#: A contender has converged when its best is so many judgements and so many epochs old.
PATIENCE, PATIENCE_IN_EPOCHS = 10, 5
LEAST = 3


@dataclass(frozen=True)
class Paths:
    """Users' items in their order, as numbers from 0; ``names`` are the items' texts."""

    users: list[str]
    paths: list[list[int]]
    names: list[str]

    def train(self) -> list[list[int]]:
        return [path[:-2] if len(path) >= LEAST else path for path in self.paths]

    def asked(self, questions: str) -> tuple[list[int], list[list[int]], np.ndarray]:
        """Return who is asked, what is known of them, and the answers."""
        back = {"test": 1, "validation": 2}[questions]
        rows = [row for row, path in enumerate(self.paths) if len(path) >= LEAST]
        truth = np.array([self.paths[row][-back] for row in rows])
        return rows, [self.paths[row][:-back] for row in rows], truth


def read_paths(file: Path) -> Paths:
    number: dict[str, int] = {}
    users, paths = [], []
    for line in file.read_text(encoding="utf-8").splitlines():
        user, *items = line.split()
        users.append(user)
        paths.append([number.setdefault(item, len(number)) for item in items])
    return Paths(users, paths, list(number))


def ranks(scores: np.ndarray, truth: np.ndarray, seen: Sequence[Sequence[int]]) -> np.ndarray:
    """Return the place of each true item, from 1; of equal scores the lower column comes first.

    >>> ranks(np.array([[0.5, 0.5, 0.9, 0.1]]), np.array([1]), [[2]]).tolist()
    [2]
    """
    rows = np.arange(len(scores))
    true = scores[rows, truth]
    open_to = scores.copy()
    for row, items in enumerate(seen):
        open_to[row, items] = -np.inf
    open_to[rows, truth] = true
    if np.isnan(open_to).any():
        raise ValueError("a score is not a number")
    ahead = open_to > true[:, None]
    level = (open_to == true[:, None]) & (np.arange(scores.shape[1]) < truth[:, None])
    return 1 + ahead.sum(1) + level.sum(1)


def ndcg_10(places: np.ndarray) -> float:
    """Return the mean of ``1 / log2(1 + place)`` of the places up to 10.

    >>> ndcg_10(np.array([1, 3, 11]))
    0.5
    """
    return float(np.where(places <= 10, 1 / np.log2(1 + np.minimum(places, 10)), 0.0).mean())


def hit_10(places: np.ndarray) -> float:
    return float((places <= 10).mean())


@dataclass
class Watch:
    """Seconds on the clock and of CPU since it was made, those of judging left out."""

    left_out: list[float] = field(default_factory=lambda: [0.0, 0.0])
    began: tuple[float, float] = field(default_factory=lambda: (time.perf_counter(), time.process_time()))

    def read(self) -> tuple[float, float]:
        return (
            time.perf_counter() - self.began[0] - self.left_out[0],
            time.process_time() - self.began[1] - self.left_out[1],
        )

    @contextmanager
    def stopped(self) -> Iterator[None]:
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.left_out[0] += time.perf_counter() - wall
        self.left_out[1] += time.process_time() - cpu


class Over(Exception):
    """Training is at its end."""


@dataclass
class Course:
    """How good a contender was when; ``judged`` raises ``Over`` when it has converged, or its time is up."""

    minutes: float
    watch: Watch = field(default_factory=Watch)
    curve: list[dict[str, float]] = field(default_factory=list)
    converged: bool = False

    def due(self) -> bool:
        """Tell whether the next judgement is."""
        last = self.curve[-1]["seconds"] if self.curve else 0.0
        return self.watch.read()[0] >= min(last + EVERY, 60 * self.minutes)

    def judged(self, epoch: float, places: np.ndarray) -> None:
        """Put a judgement on the curve; ``epoch`` is how often the data was gone through."""
        wall, cpu = self.watch.read()
        self.curve.append(
            {"seconds": wall, "cpu_seconds": cpu, "epoch": epoch, "NDCG@10": ndcg_10(places), "HR@10": hit_10(places)}
        )
        print(f"epoch {epoch:.1f}: {wall:.0f} s, NDCG@10 {self.curve[-1]['NDCG@10']:.4f}", file=sys.stderr, flush=True)
        best = max(range(len(self.curve)), key=lambda at: self.curve[at]["NDCG@10"])
        old = len(self.curve) - 1 - best >= PATIENCE
        self.converged = old and epoch - self.curve[best]["epoch"] >= PATIENCE_IN_EPOCHS
        if self.converged or wall >= 60 * self.minutes:
            raise Over

    def tell(self, **more: Any) -> None:
        """Print everything as the last line of output."""
        print()
        print(json.dumps({**more, "curve": self.curve, "converged": self.converged, "peak_mb": peak_mb()}))


def peak_mb() -> float:
    """Return the largest memory of this process so far, in MB (10^6 bytes)."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return round(int(line.split()[1]) * 1024 / 1e6, 1)


def parser(about: str | None) -> argparse.ArgumentParser:
    """Return what every contender is asked."""
    made = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("file", type=Path)
    made.add_argument("--minutes", type=float, default=40)
    made.add_argument("--questions", choices=["test", "validation"], default="test")
    made.add_argument("--seed", type=int, default=0)
    return made
