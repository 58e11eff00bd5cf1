"""Item to item, session kNN, EASE and ALS, their settings chosen on validation."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from cartpath.models.baselines.als import Als, Confidence, fit_als_factors
from cartpath.models.baselines.cooccurrence import NORMS, Together
from cartpath.models.baselines.ease import Ease, check_size
from cartpath.models.baselines.histories import Histories, histories
from cartpath.models.baselines.item_to_item import ItemToItem
from cartpath.models.baselines.session_knn import SessionKnn
from cartpath.models.next_item import ItemIndex
from cartpath.tasks import NextItemSplit
from cartpath.training.data import Progress
from cartpath.training.next_item.recipe import FitOptions, Fitted
from cartpath.training.next_item.search import Build, Grid, Settings, climb

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
SESSION_KNN = Grid(
    {
        "recency": RECENCY,
        "near": (0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0),
        "k": (20, 50, 100, 200, 500, 1000),
        "size": (0.0, 0.25, 0.5, 0.75, 1.0),
    },
    {"k": 100, "recency": 0.8, "size": 0.5, "near": 0.6},
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

    def builder(split: NextItemSplit) -> Build:
        items, paths = learned_from(split)

        @lru_cache(maxsize=2)
        def counted(how: Together) -> ItemToItem:
            return ItemToItem.of(items, paths, how)

        def build(settings: Settings) -> ItemToItem:
            how = Together(**{name: value for name, value in settings.items() if name != "recency"})
            return replace(counted(how), recency=settings["recency"])

        return build

    return climb(split, options, ITEM_TO_ITEM, builder, progress)


def fit_session_knn(split: NextItemSplit, options: FitOptions, progress: Progress) -> Fitted:
    """Keep the sessions, to look up those most like a path."""

    def builder(split: NextItemSplit) -> Build:
        items, _ = learned_from(split)
        known = SessionKnn.of(items, _sessions(split, items))

        def build(settings: Settings) -> SessionKnn:
            return replace(known, **settings)

        return build

    return climb(split, options, SESSION_KNN, builder, progress)


def _sessions(split: NextItemSplit, items: ItemIndex) -> Histories:
    """Return the items of each session that may be learned from, the oldest first; without times in any order."""
    view, places = split.log.view, split.train_places()
    columns = items.columns_of(split.log)[view.item[places]].astype(np.int32)
    session, columns = view.session[places][columns >= 0], columns[columns >= 0]
    age = np.empty(len(view.sessions), np.int64)
    age[np.argsort(view.sessions.start, kind="stable")] = np.arange(len(age))
    order = np.argsort(age[session], kind="stable")
    starts = np.flatnonzero(np.diff(session[order], prepend=-1))
    return Histories(np.append(starts, len(order)).astype(np.int64), columns[order])


def fit_ease(split: NextItemSplit, options: FitOptions, progress: Progress) -> Fitted:
    """Solve for the weights between items."""
    if options.refit:
        # Before anything is chosen: the whole may have more items than what is chosen on.
        check_size(len(split.whole().train_items()))

    def builder(split: NextItemSplit) -> Build:
        items, paths = learned_from(split)

        @lru_cache(maxsize=1)
        def solved(penalty: float) -> Ease:
            return Ease.of(items, paths, penalty)

        def build(settings: Settings) -> Ease:
            return replace(solved(float(settings["penalty"])), recency=settings["recency"])

        return build

    return climb(split, options, EASE, builder, progress)


def fit_als(split: NextItemSplit, options: FitOptions, progress: Progress) -> Fitted:
    """Factorise paths and items by the library ``implicit``."""

    def builder(split: NextItemSplit) -> Build:
        items, paths = learned_from(split)

        @lru_cache(maxsize=2)
        def factorised(factors: int, alpha: float, penalty: float, iterations: int) -> Als:
            how = Confidence(alpha, penalty)
            return fit_als_factors(items, paths, how, factors, iterations, options.seed)

        def build(settings: Settings) -> Als:
            rest = {name: value for name, value in settings.items() if name != "recency"}
            model = factorised(**rest)
            return replace(model, confidence=replace(model.confidence, recency=settings["recency"]))

        return build

    return climb(split, options, ALS, builder, progress)


def learned_from(split: NextItemSplit) -> tuple[ItemIndex, Histories]:
    """Return the items that may be learned from, and every user's path of them until training ends."""
    items = ItemIndex.of_codes(split.log, split.train_items())
    users = np.arange(split.log.view.n_users)
    return items, histories(split.log, items, users, split.train_ends)
