"""Fitting the networks: the behaviour model, SASRec with its original loss, and a GRU."""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from cartpath.features import (
    EncodedLog,
    ItemWords,
    Log,
    PathEncoder,
    encode,
    fit_encoder,
    fit_words_of,
    words_of_items,
)
from cartpath.models.behaviour_next_item import BehaviourNextItem, set_known_items
from cartpath.models.extra import need
from cartpath.models.next_item import ItemIndex
from cartpath.models.pretrained import Pretrained
from cartpath.tasks import NextItemSplit
from cartpath.training.data import Progress
from cartpath.training.item_start import like_by_words, positive_pmi, start_vectors
from cartpath.training.next_item.judge import ndcg_10
from cartpath.training.next_item.paths import NextItems, PathBatches, known_log, next_items
from cartpath.training.next_item.recipe import FitOptions, Fitted

#: Validation questions that training is stopped by, at most; all of them say how good the result is.
_MOST_ASKED = 10_000
#: Share of the questions that are told the time of the answer, where the log has times.
_TIME_SHARE = 0.5
#: Events that are few for a network of several layers.
_FEW = 500_000
#: Networks as published start at random, know ids alone, and keep the weights they end with.
_PLAIN: Mapping[str, Any] = {"start": "random", "words": False, "average": 0.0, "rate": 1e-3, "scale": 0.02}


@dataclass(frozen=True)
class NetworkSettings:
    """How a network is made and trained; each field can be given as a setting.

    Attributes
    ----------
    shape : mapping
        Fields of ``BehaviourConfig`` beside those of the preset.
    loss : str
        See ``ItemLoss``; ``auto`` is the full softmax up to ``FULL_SOFTMAX`` items and the sampled one beyond.
    negatives, n_negatives : str, int
        See ``Negatives``.
    rate, weight_decay : float
        Of AdamW.
    average : float
        Decay of the running average of the weights that is judged and kept; 0 keeps the weights themselves.
    tokens : int
        Padded events of a batch.
    max_epochs, patience : int
    start : str
        ``paths`` starts item vectors from which items go together, ``random`` does not.
    scale : float
        Standard deviation of the item vectors at the start. Adam moves each by about the rate a step, so a start worth
        keeping needs a scale well above the rate.
    words : bool
        Whether titles and attributes are used where there are any.
    """

    shape: Mapping[str, Any]
    scale: float
    rate: float
    loss: str = "auto"
    negatives: str = "mixed"
    n_negatives: int = 1024
    weight_decay: float = 0.01
    average: float = 0.999
    tokens: int = 1024
    max_epochs: int = 200
    patience: int = 3
    start: str = "paths"
    words: bool = True


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
    return _fit(split, log, options, replace(settings, tokens=4096, patience=10), None, progress, began)


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


@dataclass(frozen=True)
class Known:
    """What is learned from: encoded events, their questions, and the words of items."""

    encoded: EncodedLog
    encoder: PathEncoder
    words: ItemWords | None
    targets: NextItems


def known_items(log: Log, words: bool = True, events: tuple[str, ...] | None = None) -> Known:
    """Fit the encoders on a log and find its questions.

    Parameters
    ----------
    log : Log
        ``known_log``.
    words : bool
        Whether titles and attributes are looked at.
    events : tuple of str, optional
        Events whose items are asked for; as for ``tasks.asked``.
    """
    encoder = fit_encoder(log, 2**62)
    found = fit_words_of(log, encoder.items.values) if words else None
    encoded = encode(log, encoder)
    return Known(encoded, encoder, found, next_items(encoded, events))


def new_model(known: Known, settings: NetworkSettings, preset: str | None, seed: int) -> BehaviourNextItem:
    """Make a network that fits the data, its item vectors where they start.

    Parameters
    ----------
    known : Known
    settings : NetworkSettings
    preset : str, optional
    seed : int
    """
    import torch

    from cartpath.models.behaviour import BehaviourModel, config_for

    encoder, log = known.encoder, known.encoded.log
    n_text = 0 if known.words is None else known.words.length
    model = BehaviourModel(config_for(encoder, preset, n_text=n_text, **settings.shape))
    set_known_items(model, log, encoder, known.words)
    offset, n_items = model.config.item_offset, model.config.n_items
    with torch.no_grad():
        model.table.weight.mul_(settings.scale / 0.05)
        if settings.start == "paths":
            vectors = _start(known, model.config.hidden, seed) * settings.scale
            model.table.weight[offset : offset + n_items] = torch.from_numpy(vectors).float()
        if known.words is not None:
            _share_with_words(model)
    counts = np.bincount(known.encoded.item_id[known.encoded.item_id > 1], minlength=n_items)[2:]
    prior = np.log(counts + 1.0).astype(np.float32)
    return BehaviourNextItem(Pretrained(model, encoder, known.words), ItemIndex(encoder.items.values), prior)


def _start(known: Known, hidden: int, seed: int) -> Any:
    encoded = known.encoded
    there = np.flatnonzero(encoded.item_id > 1)
    n_items = known.encoder.items.size
    paths = positive_pmi(encoded.item_id[there].astype(np.int64), encoded.moments.user[there].astype(np.int64), n_items)
    words = None
    if known.words is not None:
        codes = {text: code for code, text in enumerate(encoded.log.codes("item"))}
        texts = words_of_items(encoded.log)
        words = like_by_words(known.words.weights([[], [], *(texts[codes[v]] for v in known.encoder.items.values)]))
    return start_vectors(paths, words, hidden, seed)


def _share_with_words(model: Any) -> None:
    """Let words account for as much of the item vectors as they can (ridge regression), identity for the rest.

    Together they are what they were; an item never seen starts with the part that its words account for.
    """
    import torch

    offset, n_items = model.config.item_offset, model.config.n_items
    vectors, text = model.table.weight[offset : offset + n_items], model.text
    told = text.T @ text
    ridge = told.diagonal().mean() * 0.1
    weights = torch.linalg.solve(told + ridge * torch.eye(len(told)), text.T @ vectors)
    model.text_in.weight.copy_(weights.T)
    model.table.weight[offset : offset + n_items] -= text @ weights


def _train(
    split: NextItemSplit,
    known: Known,
    model: BehaviourNextItem,
    options: FitOptions,
    settings: NetworkSettings,
    progress: Progress,
    began: float,
) -> Fitted:
    from cartpath.training.checkpoint import key_of
    from cartpath.training.fitting import fit
    from cartpath.training.next_item.objective import NextItemObjective
    from cartpath.training.plan import Plan

    network = model.pretrained.model
    config = network.config
    objective = NextItemObjective(network, item_loss(known, settings), _TIME_SHARE if known.encoded.log.timed else 0.0)
    negatives = config.n_items if settings.loss == "bce" else 0
    source = PathBatches(known.encoded, known.targets, config.window, settings.tokens, options.seed, negatives)
    plan = Plan(
        epochs=settings.max_epochs,
        minutes=None if options.budget_seconds is None else options.budget_seconds / 60,
        rate=settings.rate,
        weight_decay=settings.weight_decay,
        seed=options.seed,
        patience=settings.patience,
        average=settings.average,
        steady=True,
    )
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
        key = key_of(
            model="next-item", settings=settings, plan=plan.fixed(), config=config.to_dict(), data=_content(known)
        )
        state = fit(objective, source, plan, home, key, judge, progress, before=perf_counter() - began)
    model.forget_vectors()
    curve = [
        {"epoch": float(epoch), "seconds": seconds, "NDCG@10": -score["loss"]}
        for epoch, (score, seconds) in enumerate(zip(state.scores, state.judged_at, strict=True), start=1)
    ]
    chosen = {**vars(settings), "shape": dict(settings.shape), "best_epoch": state.best, "preset": options.preset}
    chosen |= {"parameters": sum(weight.numel() for weight in network.parameters())}
    return Fitted(model, epochs=len(state.losses), chosen=chosen, curve=curve)


def _content(known: Known) -> list[int]:
    """Return a checksum of what is learned from: a checkpoint of other data is not gone on from."""
    return [zlib.crc32(part.tobytes()) for part in (known.encoded.events, known.targets.item)]


def item_loss(known: Known, settings: NetworkSettings) -> Any:
    """Return the loss that settings ask for."""
    import torch

    from cartpath.training.negatives import Negatives
    from cartpath.training.next_item.objective import FULL_SOFTMAX, ItemLoss

    n_items = known.encoder.items.size
    kind = settings.loss
    if kind == "auto":
        kind = "full" if n_items <= FULL_SOFTMAX else "sampled"
    if kind in ("full", "bce"):
        return ItemLoss(kind, half=torch.cpu._is_amx_tile_supported() if kind == "full" else False)
    asked = known.targets.item[known.targets.item > 0]
    shares = np.bincount(asked, minlength=n_items) / max(len(asked), 1)
    drawn = Negatives(settings.negatives, settings.n_negatives, torch.from_numpy(shares).float())
    return ItemLoss(kind, drawn)
