"""Fitting the networks: the behaviour model, SASRec with its original loss, and a GRU."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from cartpath.features import Log, words_of_items
from cartpath.models.behaviour_next_item import BehaviourNextItem
from cartpath.models.extra import need
from cartpath.tasks import NextItemSplit
from cartpath.training.data import Progress
from cartpath.training.next_item import refit
from cartpath.training.next_item.judge import ndcg_10
from cartpath.training.next_item.network import Known, NetworkSettings, known_items, new_model, plan_of, train
from cartpath.training.next_item.paths import known_log
from cartpath.training.next_item.recipe import FitOptions, Fitted

#: Validation questions that training is stopped by, at most; all of them say how good the result is.
_MOST_ASKED = 10_000
#: Events that are few for a network of several layers.
_FEW = 500_000
#: Networks as published start at random, know ids alone, and keep the weights they end with.
_PLAIN: Mapping[str, Any] = {"start": "random", "words": False, "average": 0.0, "rate": 1e-3, "scale": 0.02}


def fit_behaviour(split: NextItemSplit, options: FitOptions, progress: Progress, spent: float = 0.0) -> Fitted:
    """Fit the behaviour model: LiGR blocks, full softmax, item vectors that start from paths and words.

    Fewer than ``_FEW`` events are fitted with one layer, whatever the preset: more only learn them by heart. ``spent``
    are seconds that the budget and the curve count before this.
    """
    began = perf_counter() - spent
    log = known_log(split)
    dropout = dropout_for(log)
    described = bool(options.settings.get("words", True)) and any(words_of_items(log))
    shape = {"norm_input": log.timed, "time_bias": log.timed, "dropout": dropout, "input_dropout": dropout / 2}
    shape |= {"item_dropout": 0.05 if described else 0.0}
    if log.view.n_events < _FEW:
        shape["layers"] = 1
    # A start that knows words is worth keeping; one from paths alone is what training sees anyway.
    scale, rate = (0.04, 5e-4) if described else (0.02, 1e-3)
    return _fit(split, log, options, NetworkSettings(shape, scale, rate), options.preset, progress, began)


def fit_sasrec(split: NextItemSplit, options: FitOptions, progress: Progress) -> Fitted:
    """Fit SASRec as published: two blocks of width 50, one head, binary cross-entropy with one negative."""
    began, log = perf_counter(), known_log(split)
    shape = {"backbone": "sasrec", "hidden": 50, "layers": 2, "heads": 1, "window": 50, "norm_input": False}
    shape |= {"dropout": 0.5 if dropout_for(log) > 0.3 else 0.2, "input_dropout": 0.0, "item_dropout": 0.0}
    settings = NetworkSettings(shape, loss="bce", weight_decay=0.0, **_PLAIN)
    # Batches of about as many events as the 128 paths of the original have; its loss learns slowly.
    return _fit(split, log, options, replace(settings, patience=20), None, progress, began)


def fit_gru(split: NextItemSplit, options: FitOptions, progress: Progress) -> Fitted:
    """Fit a GRU with the full softmax, random start and no words (GRU4Rec with its strongest loss)."""
    began, log = perf_counter(), known_log(split)
    dropout = dropout_for(log)
    shape = {"backbone": "gru", "hidden": 128, "layers": 1, "window": 100, "norm_input": False}
    shape |= {"dropout": 0.0, "input_dropout": dropout, "item_dropout": 0.0}
    settings = NetworkSettings(shape, **_PLAIN)
    return _fit(split, log, options, settings, None, progress, began)


def dropout_for(log: Log) -> float:
    """Return how much is dropped while training: more where few events tell about each item.

    Parameters
    ----------
    log : Log
        ``known_log``.
    """
    items = log.view.item[log.view.item >= 0]
    events = len(items) / max(len(np.unique(items)), 1)
    return 0.6 if events < 30 else 0.4 if events < 100 else 0.2


def _fit(
    split: NextItemSplit,
    log: Log,
    options: FitOptions,
    settings: NetworkSettings,
    preset: str | None,
    progress: Progress,
    began: float,
) -> Fitted:
    need("torch")
    need("transformers")
    from cartpath.training.fitting import torch_session

    shaped = {name: value for name, value in options.settings.items() if name not in vars(settings)}
    settings = replace(settings, **{name: options.settings[name] for name in options.settings if name not in shaped})
    settings = replace(settings, shape={**settings.shape, **shaped})
    progress("encoding", 0.0)
    known = known_items(log, settings.words, split.events)
    with torch_session(options.seed):
        model = new_model(known, settings, preset, options.seed)
        return _train(split, known, model, options, settings, progress, began)


def _train(
    split: NextItemSplit,
    known: Known,
    model: BehaviourNextItem,
    options: FitOptions,
    settings: NetworkSettings,
    progress: Progress,
    began: float,
) -> Fitted:
    network, budget = model.pretrained.model, options.budget_seconds
    if budget is not None and options.refit:
        budget *= 1 - refit.SHARE
    rng = np.random.default_rng(0)
    n = len(split.valid)
    some = split.valid.take(np.sort(rng.choice(n, min(n, _MOST_ASKED), replace=False)))

    def judge() -> dict[str, float]:
        model.forget_vectors()
        found = ndcg_10(model, split, some)
        if options.judged is not None:
            options.judged(model)
        return {"loss": -found}

    with tempfile.TemporaryDirectory() as scratch:
        home = options.folder or Path(scratch)
        plan = plan_of(settings, options.seed, settings.max_epochs, budget)
        state = train(model, known, settings, plan, home, judge, progress, before=perf_counter() - began)
    curve = [
        {"epoch": float(epoch), "seconds": seconds, "NDCG@10": -score["loss"]}
        for epoch, (score, seconds) in enumerate(zip(state.scores, state.judged_at, strict=True), start=1)
    ]
    chosen = {**vars(settings), "shape": dict(settings.shape), "best_epoch": state.best, "preset": options.preset}
    chosen |= {"parameters": sum(weight.numel() for weight in network.parameters())}

    def again() -> BehaviourNextItem:
        # Not what is left, but what was kept for it: a fit that is gone on with after a kill must be asked the same.
        kept = None if options.budget_seconds is None else refit.SHARE * options.budget_seconds
        return refit.learn_whole(model, split, settings, options, kept, progress)

    return Fitted(model, epochs=len(state.losses), chosen=chosen, curve=curve, again=again)
