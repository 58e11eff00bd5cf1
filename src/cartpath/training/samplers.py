"""How settings are searched: what is tried next, and which trials are ended early."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna

from cartpath.schema import CartpathError
from cartpath.training.setting import Setting

SAMPLERS: tuple[str, ...] = ("tpe", "random", "grid")
PRUNERS: tuple[str, ...] = ("median", "hyperband", "none")
#: Trials that end before any is judged against them, and steps of a trial before it may be ended.
_BEFORE_PRUNING, _FIRST_STEPS = 5, 2


@dataclass(frozen=True)
class How:
    """How to search.

    Attributes
    ----------
    sampler : str
        One of ``SAMPLERS``: the tree-structured Parzen estimator (Bergstra et al., 2011), at random, or a grid in an
        order at random.
    pruner : str
        One of ``PRUNERS``: a trial ends where its best loss so far is above the median of the others' at that step, or
        by Hyperband (Li et al., 2018), or never.
    seed : int
    """

    sampler: str = "tpe"
    pruner: str = "median"
    seed: int = 0

    def __post_init__(self) -> None:
        for name, kind, known in ((self.sampler, "sampler", SAMPLERS), (self.pruner, "pruner", PRUNERS)):
            if name not in known:
                raise CartpathError(f"there is no {kind} {name!r}", f"known: {', '.join(known)}")

    def sampler_of(self, space: Mapping[str, Setting], trial: int) -> optuna.samplers.BaseSampler:
        """Return the sampler of a trial: seeded by its number, so that a search that was stopped goes on the same."""
        if self.sampler == "grid":
            return _Grid({name: list(setting.tried) for name, setting in space.items()}, seed=self.seed)
        seed = int(np.random.SeedSequence([self.seed, trial]).generate_state(1)[0])
        return (
            optuna.samplers.RandomSampler(seed) if self.sampler == "random" else optuna.samplers.TPESampler(seed=seed)
        )

    def pruner_of(self) -> optuna.pruners.BasePruner:
        """Return what ends trials early."""
        if self.pruner == "median":
            return optuna.pruners.MedianPruner(_BEFORE_PRUNING, _FIRST_STEPS)
        return optuna.pruners.HyperbandPruner() if self.pruner == "hyperband" else optuna.pruners.NopPruner()


class _Grid(optuna.samplers.GridSampler):
    def after_trial(self, *args: Any) -> None:
        """Leave the end to ``Study.run``, which knows how many points there are."""
