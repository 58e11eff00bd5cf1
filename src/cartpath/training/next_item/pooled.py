"""Fitting ours: the behaviour model, counts beside it, and how much each has to say, chosen on validation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from time import perf_counter

import numpy as np

from cartpath.evaluation.ranks import ndcg_at, rank_of
from cartpath.models.baselines import ItemToItem, SessionKnn
from cartpath.models.behaviour_next_item import BehaviourNextItem
from cartpath.models.next_item import NextItemModel
from cartpath.models.pooled_next_item import PooledNextItem, lifted
from cartpath.tasks import NextItemSplit
from cartpath.training.data import Progress
from cartpath.training.next_item.classical import fit_item_to_item, fit_session_knn
from cartpath.training.next_item.judge import seen_of
from cartpath.training.next_item.networks import fit_behaviour
from cartpath.training.next_item.recipe import Fit, FitOptions, Fitted
from cartpath.training.next_item.search import MOST_QUESTIONS, some_of

#: What the pool may be: of equals the first, so the network alone unless counts help.
WEIGHTS, FLOORS = (0.0, 0.3, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8), (0.0003, 0.001, 0.003, 0.01, 0.03)
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
    which, weight, floor, score = pooled(pools, split)
    name, counts = list(counted.items())[which]
    model = replace(pools[which], weight=weight, floor=floor)
    settings = {name: value for name, value in counts.chosen.items() if name not in ("tried", "valid_NDCG@10")}
    pool = {"weight": weight, "floor": floor, "counts": name, "settings": settings}
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


def pooled(models: Sequence[PooledNextItem], split: NextItemSplit) -> tuple[int, float, float, float]:
    """Return which pool of one network, with which weight and floor, is best on the validation questions.

    Of many questions a sample is asked, smaller where there are many items.

    Parameters
    ----------
    models : sequence of PooledNextItem
        Their own weights and floors are not looked at.
    split : NextItemSplit

    Returns
    -------
    tuple of int and floats
        The place of the model, its weight, its floor, and its NDCG@10.
    """
    network, log = models[0].network, split.log
    n_items = max(len(network.items), 1)
    asked = some_of(split.valid, max(min(MOST_QUESTIONS, _CELLS // n_items), 1), seed=0)
    ways = [(0, FLOORS[0], 0.0), *product(range(len(models)), FLOORS, WEIGHTS[1:])]
    gains = np.zeros(len(ways))
    at_once = max(_AT_ONCE // n_items, 1)
    for start in range(0, len(asked), at_once):
        part = asked.take(np.arange(start, min(start + at_once, len(asked))))
        scores = network.score(log, part.user, part.ends)
        shares = [model.shares(log, part.user, part.ends) for model in models]
        column = network.items.columns_of(log)[part.truth]
        seen = seen_of(network.items, log, part) if split.filter_seen else None
        lift = {(which, floor): lifted(shares[which], floor) for which, floor, _ in ways}
        for way, (which, floor, weight) in enumerate(ways):
            raised = scores + np.float32(weight) * lift[which, floor]
            gains[way] += ndcg_at(rank_of(raised, column, seen), 10).sum()
    best = int(gains.argmax())
    which, floor, weight = ways[best]
    return which, weight, floor, float(gains[best] / max(len(asked), 1))
