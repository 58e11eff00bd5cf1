"""Fitting ours: the behaviour model, item to item, and how much each has to say, chosen on validation."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from time import perf_counter

import numpy as np

from cartpath.evaluation.ranks import ndcg_at, rank_of
from cartpath.models.baselines import ItemToItem
from cartpath.models.behaviour_next_item import BehaviourNextItem
from cartpath.models.pooled_next_item import PooledNextItem, raised
from cartpath.tasks import NextItemSplit
from cartpath.training.data import Progress
from cartpath.training.next_item.classical import fit_item_to_item
from cartpath.training.next_item.judge import seen_of
from cartpath.training.next_item.networks import fit_behaviour
from cartpath.training.next_item.recipe import FitOptions, Fitted
from cartpath.training.next_item.search import MOST_QUESTIONS, some_of

#: What the pool may be: of equals the first, so the network alone unless counts help.
WEIGHTS, FLOORS = (0.0, 0.3, 0.5, 0.7, 1.0, 1.4), (0.003, 0.01, 0.03)
#: Share of a budget that choosing item to item may take.
_COUNTING = 0.1
#: Scores that are looked at while the pool is chosen, and those held at once.
_CELLS, _AT_ONCE = 400_000_000, 4_000_000


def fit_pooled(split: NextItemSplit, options: FitOptions, progress: Progress) -> Fitted:
    """Fit item to item, then the behaviour model, each by its own rule; then choose how they are pooled.

    Settings that are given are of the behaviour model.
    """
    began, budget = perf_counter(), options.budget_seconds
    counting = replace(options, settings={}, budget_seconds=None if budget is None else budget * _COUNTING)
    follows = fit_item_to_item(split, counting, progress)
    fitted, trained = fit_behaviour(split, options, progress, spent=perf_counter() - began), perf_counter()
    progress("pooling", 1.0)
    assert isinstance(fitted.model, BehaviourNextItem)
    assert isinstance(follows.model, ItemToItem)
    model, score = pooled(PooledNextItem(fitted.model, follows.model, 0.0, FLOORS[0]), split)
    counted = {name: follows.chosen[name] for name in ("norm", "window", "decay", "backward", "recency")}
    pool = {"weight": model.weight, "floor": model.floor, "item_to_item": counted}
    # A fit that was gone on with took longer than this process did.
    until = max(trained - began, *(point["seconds"] for point in fitted.curve)) if fitted.curve else trained - began
    seconds = round(until + perf_counter() - trained, 2)
    curve = [*fitted.curve, {"seconds": seconds, "epoch": float(fitted.epochs or 0), "NDCG@10": score}]
    return replace(fitted, model=model, chosen={**fitted.chosen, "pool": pool}, curve=curve)


def pooled(model: PooledNextItem, split: NextItemSplit) -> tuple[PooledNextItem, float]:
    """Return the model with the weight and floor that are best on the validation questions, and its NDCG@10 on them.

    Of many questions a sample is asked, smaller where there are many items.

    Parameters
    ----------
    model : PooledNextItem
        Its own weight and floor are not looked at.
    split : NextItemSplit
    """
    log, n_items = split.log, max(len(model.items), 1)
    asked = some_of(split.valid, max(min(MOST_QUESTIONS, _CELLS // n_items), 1), seed=0)
    ways = [(0.0, FLOORS[0]), *product(WEIGHTS[1:], FLOORS)]
    gains = np.zeros(len(ways))
    at_once = max(_AT_ONCE // n_items, 1)
    for start in range(0, len(asked), at_once):
        part = asked.take(np.arange(start, min(start + at_once, len(asked))))
        scores, shares = (of(log, part.user, part.ends) for of in (model.network.score, model.shares))
        column = model.items.columns_of(log)[part.truth]
        seen = seen_of(model.items, log, part) if split.filter_seen else None
        for way, (weight, floor) in enumerate(ways):
            gains[way] += ndcg_at(rank_of(raised(scores, shares, weight, floor), column, seen), 10).sum()
    best = int(gains.argmax())
    weight, floor = ways[best]
    return replace(model, weight=weight, floor=floor), float(gains[best] / max(len(asked), 1))
