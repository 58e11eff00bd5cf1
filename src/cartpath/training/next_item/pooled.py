"""Fitting ours: the behaviour model, counts beside it, and how much each has to say, chosen on validation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from time import perf_counter

import numpy as np

from cartpath.evaluation.ranks import ndcg_at, rank_of
from cartpath.models.baselines import ItemToItem, SessionKnn
from cartpath.models.behaviour_next_item import BehaviourNextItem
from cartpath.models.next_item import ItemIndex, NextItemModel, Scores
from cartpath.models.pooled_next_item import PooledNextItem, lifted, path_items
from cartpath.tasks import NextItemSplit, Questions
from cartpath.training.data import Progress
from cartpath.training.next_item.classical import fit_item_to_item, fit_session_knn
from cartpath.training.next_item.judge import seen_of
from cartpath.training.next_item.networks import fit_behaviour
from cartpath.training.next_item.recipe import Fit, FitOptions, Fitted
from cartpath.training.next_item.search import MOST_QUESTIONS, some_of

#: What the pool may be: of equals the first, so the network alone unless counts help.
WEIGHTS, FLOORS = (0.0, 0.3, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8), (0.0003, 0.001, 0.003, 0.01, 0.03)
#: What may be added to the item that a path ends with, and to its others.
REPEATS = (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0)
#: What may be pooled with the network.
COUNTS: Mapping[str, Fit] = {"item-to-item": fit_item_to_item, "session-knn": fit_session_knn}
#: Share of a budget that choosing each of the counts may take.
_COUNTING = 0.07
#: Scores that are looked at while the pool is chosen, and those held at once.
_CELLS, _AT_ONCE = 400_000_000, 4_000_000


def fit_pooled(split: NextItemSplit, options: FitOptions, progress: Progress) -> Fitted:
    """Fit counts (item to item, session kNN) and the behaviour model, each by its own rule; then choose how to pool.

    Settings that are given are of the behaviour model.
    """
    began, budget = perf_counter(), options.budget_seconds
    counting = replace(options, settings={}, budget_seconds=None if budget is None else budget * _COUNTING)
    counted = {name: fit(split, counting, progress) for name, fit in COUNTS.items()}
    fitted, trained = fit_behaviour(split, options, progress, spent=perf_counter() - began), perf_counter()
    progress("pooling", 1.0)
    network = fitted.model
    assert isinstance(network, BehaviourNextItem)
    pools = [PooledNextItem(network, _counts(found.model), 0.0, FLOORS[0]) for found in counted.values()]
    which, model, score = pooled(pools, split)
    if not split.filter_seen:
        model, score = repeating(model, split)
    name, counts = list(counted.items())[which]
    settings = {name: value for name, value in counts.chosen.items() if name not in ("tried", "valid_NDCG@10")}
    numbers = {name: getattr(model, name) for name in ("weight", "floor", "last", "earlier")}
    pool = {**numbers, "counts": name, "settings": settings}
    # A fit that was gone on with took longer than this process did.
    until = max(trained - began, *(point["seconds"] for point in fitted.curve)) if fitted.curve else trained - began
    seconds = round(until + perf_counter() - trained, 2)
    curve = [*fitted.curve, {"seconds": seconds, "epoch": float(fitted.epochs or 0), "NDCG@10": score}]

    def again() -> PooledNextItem:
        whole, more = (one.again() for one in (fitted, counts) if one.again is not None)
        assert isinstance(whole, BehaviourNextItem)
        return replace(model, network=whole, follows=_counts(more))

    return replace(fitted, model=model, chosen={**fitted.chosen, "pool": pool}, curve=curve, again=again)


def _counts(model: NextItemModel) -> ItemToItem | SessionKnn:
    assert isinstance(model, ItemToItem | SessionKnn)
    return model


def pooled(models: Sequence[PooledNextItem], split: NextItemSplit) -> tuple[int, PooledNextItem, float]:
    """Return the pool of one network, with weight and floor, that is best on the validation questions.

    Of many questions a sample is asked, smaller where there are many items.

    Parameters
    ----------
    models : sequence of PooledNextItem
        Their own weights and floors are not looked at.
    split : NextItemSplit

    Returns
    -------
    tuple of int, PooledNextItem and float
        The place of the model, the model, and its NDCG@10.
    """
    network, log = models[0].network, split.log
    ways = [(0, FLOORS[0], 0.0), *product(range(len(models)), FLOORS, WEIGHTS[1:])]

    def scored(part: Questions) -> Iterator[Scores]:
        scores = network.score(log, part.user, part.ends)
        shares = [model.shares(log, part.user, part.ends) for model in models]
        lift = {(which, floor): lifted(shares[which], floor) for which, floor, _ in ways}
        for which, floor, weight in ways:
            yield scores + np.float32(weight) * lift[which, floor]

    best, score = _best(network.items, split, scored, len(ways))
    which, floor, weight = ways[best]
    return which, replace(models[which], weight=weight, floor=floor), score


def repeating(model: PooledNextItem, split: NextItemSplit) -> tuple[PooledNextItem, float]:
    """Return the model with what is best added to the items of the path, chosen as ``pooled`` does, and its NDCG@10."""
    ways, plain = [(0.0, 0.0), *product(REPEATS, REPEATS)], replace(model, last=0.0, earlier=0.0)

    def scored(part: Questions) -> Iterator[Scores]:
        scores = plain.score(split.log, part.user, part.ends)
        row, column, ends_it = path_items(model.items, split.log, part.user, part.ends)
        before = scores[row, column]
        for last, earlier in ways:
            scores[row, column] = before + np.where(ends_it, last, earlier).astype(np.float32)
            yield scores

    best, score = _best(model.items, split, scored, len(ways))
    last, earlier = ways[best]
    return replace(model, last=last, earlier=earlier), score


def _best(
    items: ItemIndex, split: NextItemSplit, scored: Callable[[Questions], Iterator[Scores]], ways: int
) -> tuple[int, float]:
    """Return which way of scoring is best on the validation questions, of equals the first, and its NDCG@10."""
    log, n_items = split.log, max(len(items), 1)
    asked = some_of(split.valid, max(min(MOST_QUESTIONS, _CELLS // n_items), 1), seed=0)
    gains, at_once = np.zeros(ways), max(_AT_ONCE // n_items, 1)
    for start in range(0, len(asked), at_once):
        part = asked.take(np.arange(start, min(start + at_once, len(asked))))
        column = items.columns_of(log)[part.truth]
        seen = seen_of(items, log, part) if split.filter_seen else None
        for way, scores in enumerate(scored(part)):
            gains[way] += ndcg_at(rank_of(scores, column, seen), 10).sum()
    best = int(gains.argmax())
    return best, float(gains[best] / max(len(asked), 1))
