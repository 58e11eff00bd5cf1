"""Item to item, EASE and ALS, their settings chosen on validation."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from cartpath.models.baselines.als import Als, Confidence, fit_als_factors
from cartpath.models.baselines.cooccurrence import NORMS, Together
from cartpath.models.baselines.ease import Ease
from cartpath.models.baselines.histories import Histories, histories
from cartpath.models.baselines.item_to_item import ItemToItem
from cartpath.models.next_item import ItemIndex
from cartpath.tasks import NextItemSplit
from cartpath.training.data import Progress
from cartpath.training.next_item.recipe import FitOptions, Fitted
from cartpath.training.next_item.search import Grid, Settings, climb

#: How much less an item counts for each that comes after it; 1 ignores the order.
RECENCY = (0.0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
ITEM_TO_ITEM = Grid(
    {
        "recency": RECENCY,
        "backward": (0.0, 0.2, 0.5, 1.0),
        "norm": NORMS,
        "decay": (0.4, 0.6, 0.8, 0.9, 1.0),
        "window": (1, 3, 10, 50),
    },
    {"norm": "conditional", "window": 50, "decay": 0.8, "backward": 0.5, "recency": 0.6},
)
EASE = Grid(
    {"recency": RECENCY, "penalty": (3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0)},
    {"penalty": 100.0, "recency": 0.8},
)
ALS = Grid(
    {
        "recency": RECENCY,
        "factors": (32, 64, 128, 256),
        "alpha": (1.0, 3.0, 10.0, 30.0, 100.0),
        "penalty": (0.01, 0.1, 1.0, 10.0, 100.0),
        "iterations": (5, 15, 30),
    },
    {"factors": 128, "alpha": 10.0, "penalty": 0.1, "iterations": 15, "recency": 0.6},
)


def fit_item_to_item(split: NextItemSplit, options: FitOptions, progress: Progress) -> Fitted:
    """Count which items come together along the paths."""
    items, paths = learned_from(split)

    @lru_cache(maxsize=2)
    def counted(how: Together) -> ItemToItem:
        return ItemToItem.of(items, paths, how)

    def build(settings: Settings) -> ItemToItem:
        how = Together(**{name: value for name, value in settings.items() if name != "recency"})
        return replace(counted(how), recency=settings["recency"])

    return climb(split, options, ITEM_TO_ITEM, build, progress)


def fit_ease(split: NextItemSplit, options: FitOptions, progress: Progress) -> Fitted:
    """Solve for the weights between items."""
    items, paths = learned_from(split)

    @lru_cache(maxsize=1)
    def solved(penalty: float) -> Ease:
        return Ease.of(items, paths, penalty)

    def build(settings: Settings) -> Ease:
        return replace(solved(float(settings["penalty"])), recency=settings["recency"])

    return climb(split, options, EASE, build, progress)


def fit_als(split: NextItemSplit, options: FitOptions, progress: Progress) -> Fitted:
    """Factorise paths and items by the library ``implicit``."""
    items, paths = learned_from(split)

    @lru_cache(maxsize=2)
    def factorised(factors: int, alpha: float, penalty: float, iterations: int) -> Als:
        how = Confidence(alpha, penalty)
        return fit_als_factors(items, paths, how, factors, iterations, options.seed)

    def build(settings: Settings) -> Als:
        rest = {name: value for name, value in settings.items() if name != "recency"}
        model = factorised(**rest)
        return replace(model, confidence=replace(model.confidence, recency=settings["recency"]))

    return climb(split, options, ALS, build, progress)


def learned_from(split: NextItemSplit) -> tuple[ItemIndex, Histories]:
    """Return the items that may be learned from, and every user's path of them until training ends."""
    items = ItemIndex.of_codes(split.log, split.train_items())
    users = np.arange(split.log.view.n_users)
    return items, histories(split.log, items, users, split.train_ends)
