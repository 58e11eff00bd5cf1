"""One network of a next-item model: how it is made and trained, what it learns from, where it starts."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

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
from cartpath.models.next_item import ItemIndex
from cartpath.models.pretrained import Pretrained
from cartpath.training.data import Progress
from cartpath.training.item_start import like_by_words, positive_pmi, start_vectors
from cartpath.training.next_item.paths import NextItems, PathBatches, next_items

if TYPE_CHECKING:
    from cartpath.training.plan import Plan, State

#: Share of the questions that are told the time of the answer, where the log has times.
_TIME_SHARE = 0.5


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
    return BehaviourNextItem(Pretrained(model, encoder, known.words), ItemIndex(encoder.items.values), prior_of(known))


def prior_of(known: Known) -> npt.NDArray[np.float32]:
    """Return the score of each item where nothing is known of a user: the log of how often it was touched."""
    there = known.encoded.item_id > 1
    counts = np.bincount(known.encoded.item_id[there], minlength=known.encoder.items.size)[2:]
    found: npt.NDArray[np.float32] = np.log(counts + 1.0).astype(np.float32)
    return found


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


def train(
    model: BehaviourNextItem,
    known: Known,
    settings: NetworkSettings,
    plan: Plan,
    home: Path,
    judge: Callable[[], dict[str, float]],
    progress: Progress,
    before: float = 0.0,
) -> State:
    """Train a model on what is known, going on from a checkpoint of the same if there is one."""
    from cartpath.training.checkpoint import key_of
    from cartpath.training.fitting import fit
    from cartpath.training.next_item.objective import NextItemObjective

    network = model.pretrained.model
    config = network.config
    objective = NextItemObjective(network, item_loss(known, settings), _TIME_SHARE if known.encoded.log.timed else 0.0)
    negatives = config.n_items if settings.loss == "bce" else 0
    source = PathBatches(known.encoded, known.targets, config.window, settings.tokens, plan.seed, negatives)
    key = key_of(model="next-item", settings=settings, plan=plan.fixed(), config=config.to_dict(), data=_content(known))
    state = fit(objective, source, plan, home, key, judge, progress, before=before)
    model.forget_vectors()
    return state


def plan_of(settings: NetworkSettings, seed: int, epochs: int, seconds: float | None) -> Plan:
    """Return how to train by some settings, for so many epochs and seconds at most; the rate stays where it is."""
    from cartpath.training.plan import Plan

    return Plan(
        epochs=epochs,
        minutes=None if seconds is None else max(seconds, 1.0) / 60,
        rate=settings.rate,
        weight_decay=settings.weight_decay,
        seed=seed,
        patience=settings.patience,
        average=settings.average,
        steady=True,
    )


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
