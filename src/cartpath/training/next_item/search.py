"""Choosing settings on the validation questions: one after another, uphill while it helps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np

from cartpath.models.next_item import NextItemModel
from cartpath.tasks import NextItemSplit, Questions
from cartpath.training.data import Progress
from cartpath.training.next_item.judge import ndcg_10
from cartpath.training.next_item.recipe import FitOptions, Fitted

Settings = dict[str, Any]
Build = Callable[[Settings], NextItemModel]
#: From the split that is learned from.
Builder = Callable[[NextItemSplit], Build]
#: Questions that settings are compared on; of more a sample is taken.
MOST_QUESTIONS = 10_000


@dataclass(frozen=True)
class Grid:
    """What settings may be.

    Attributes
    ----------
    values : mapping
        Name to values, in an order along which a model gets better and then worse.
    start : mapping
        Name to the value that is tried first.
    """

    values: Mapping[str, Sequence[Any]]
    start: Mapping[str, Any]


@dataclass
class _Trials:
    """What was tried, and the best of it."""

    split: NextItemSplit
    options: FitOptions
    build: Build
    progress: Progress
    asked: Questions = field(init=False)
    scores: dict[tuple[Any, ...], float] = field(default_factory=dict)
    curve: list[dict[str, float]] = field(default_factory=list)
    best: tuple[float, Settings, NextItemModel] | None = None
    began: float = field(default_factory=perf_counter)

    def __post_init__(self) -> None:
        self.asked = some_of(self.split.valid, MOST_QUESTIONS, self.options.seed)

    @property
    def over(self) -> bool:
        """Whether the time is up."""
        budget = self.options.budget_seconds
        return self.best is not None and budget is not None and perf_counter() - self.began >= budget

    def __call__(self, settings: Settings) -> bool:
        """Tell whether these settings are the best so far; no new ones are tried when the time is up."""
        key = tuple(settings.values())
        if key in self.scores or self.over:
            return False
        model = self.build(settings)
        found = self.scores[key] = ndcg_10(model, self.split, self.asked)
        told = ", ".join(f"{name} {value}" for name, value in settings.items())
        self.progress(f"{told}: validation NDCG@10 {found:.4f}", 0.5)
        if self.best is not None and found <= self.best[0]:
            return False
        self.best = found, settings, model
        seconds = perf_counter() - self.began
        self.curve.append({"seconds": seconds, "epoch": float(len(self.scores)), "NDCG@10": found})
        return True


def climb(split: NextItemSplit, options: FitOptions, grid: Grid, builder: Builder, progress: Progress) -> Fitted:
    """Choose settings by NDCG@10 on the validation questions.

    From the start, each setting in turn goes up and down its values while that helps, until none helps. Settings that
    the options give stay as they are. When the options' time is up, the best so far is taken.

    Parameters
    ----------
    split : NextItemSplit
    options : FitOptions
    grid : Grid
    builder : callable
        Gives, for a split, what makes a fitted model of settings.
    progress : callable

    Returns
    -------
    Fitted
        Chosen are the settings, the validation NDCG@10 of all questions, and how many settings were tried; ``epoch``
        in the curve counts those.
    """
    trials = _Trials(split, options, builder(split), progress)
    settings = {name: options.settings.get(name, first) for name, first in grid.start.items()}
    free = {name: list(values) for name, values in grid.values.items() if name not in options.settings}
    trials(settings)
    # Every setting has its turn before it is asked whether any was better.
    while sum(_along(trials, name, values) for name, values in free.items()):
        pass
    if trials.best is None:
        raise ValueError("nothing was tried")
    _, chosen, model = trials.best
    told = {**chosen, "valid_NDCG@10": ndcg_10(model, split), "tried": len(trials.scores)}
    return Fitted(model, chosen=told, curve=trials.curve, again=lambda: builder(split.whole())(chosen))


def _along(trials: _Trials, name: str, values: list[Any]) -> bool:
    """Move one setting up and down from the best so far; tell whether anything was better."""
    moved = False
    for step in (1, -1):
        while trials.best is not None:
            best = trials.best[1]
            at = values.index(best[name]) + step
            if not 0 <= at < len(values) or not trials({**best, name: values[at]}):
                break
            moved = True
    return moved


def some_of(questions: Questions, most: int, seed: int) -> Questions:
    """Return a sample of questions, in their order; all where there are not more."""
    if len(questions) <= most:
        return questions
    drawn = np.random.default_rng(seed).choice(len(questions), most, replace=False)
    return questions.take(np.sort(drawn))
