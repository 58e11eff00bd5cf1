"""Going on once everything is chosen: what was held out for validation is learned from too, new items included."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import numpy as np

from cartpath.features import Log, encode, user_of_event
from cartpath.models.behaviour_next_item import BehaviourNextItem
from cartpath.models.more_items import with_more_items
from cartpath.models.next_item import ItemIndex
from cartpath.models.pretrained import Pretrained
from cartpath.tasks import NextItemSplit
from cartpath.training.data import Progress
from cartpath.training.item_start import positive_pmi
from cartpath.training.next_item.network import Known, NetworkSettings, plan_of, prior_of, train
from cartpath.training.next_item.paths import known_log, next_items
from cartpath.training.next_item.recipe import FitOptions

#: Passes over everything, and the share of a budget that is kept for them.
EPOCHS, SHARE = 2, 0.25


def learn_whole(
    model: BehaviourNextItem,
    split: NextItemSplit,
    settings: NetworkSettings,
    options: FitOptions,
    seconds: float | None,
    progress: Progress,
) -> BehaviourNextItem:
    """Return a model that goes on learning, from the validation events too, the items that only they have included.

    What was chosen stays; passes over everything are few, the rate falls, and nothing is judged.

    Parameters
    ----------
    model : BehaviourNextItem
    split : NextItemSplit
    settings : NetworkSettings
    options : FitOptions
    seconds : float, optional
        Longest time for it, encoding included; as for a budget, half of it is for training in any case.
    progress : callable
    """
    from cartpath.training.fitting import torch_session

    began, log = perf_counter(), known_log(split.whole())
    with torch_session(options.seed):
        trained = with_learned_items(model.pretrained, log)
        encoded = encode(log, trained.encoder)
        known = Known(encoded, trained.encoder, trained.words, next_items(encoded, split.events))
        wider = BehaviourNextItem(trained, ItemIndex(trained.encoder.items.values), prior_of(known))
        plan = replace(plan_of(settings, options.seed, EPOCHS, seconds), steady=False)
        with tempfile.TemporaryDirectory() as scratch:
            home = options.folder / "refit" if options.folder else Path(scratch)
            train(wider, known, settings, plan, home, _unjudged, progress, before=perf_counter() - began)
    return wider


def _unjudged() -> dict[str, float]:
    """Judge every epoch alike, so that the last one's weights are kept, their running average if there is one."""
    return {"loss": 0.0}


def with_learned_items(trained: Pretrained, log: Log) -> Pretrained:
    """Return a copy of a trained model that knows all items of a log; new ones start amid those they were seen beside.

    Parameters
    ----------
    trained : Pretrained
    log : Log
    """
    texts, vocabulary = log.codes("item"), trained.encoder.items
    codes = np.unique(log.view.item[log.view.item >= 0])
    old = set(vocabulary.values)
    new = [texts[code] for code in codes if texts[code] not in old]
    place = {text: number for number, text in enumerate((*vocabulary.values, *new))}
    there = np.flatnonzero(log.view.item >= 0)
    items = np.array([place.get(text, -1) for text in texts], np.int64)[log.view.item[there]]
    pmi = positive_pmi(items, user_of_event(log.view)[there].astype(np.int64), len(place))
    beside = pmi[len(vocabulary.values) :, : len(vocabulary.values)]
    offset = trained.model.config.item_offset + 2
    vectors = trained.model.table.weight[offset : offset + len(vocabulary.values)].detach().double().numpy()
    start = (beside @ vectors) / np.maximum(np.asarray(beside.sum(1)), 1e-12)
    return with_more_items(trained, log, new, start)
