"""Pretraining: the behaviour model learns what comes next, from the events before the first cut alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from cartpath import store
from cartpath.features import ItemWords, Log, PathEncoder, Snapshot, fit_encoder_over, fit_words_of, order_statistics
from cartpath.models import Pretrained, folder_of, from_huggingface, need, new_version, write_json
from cartpath.models.artefact import CARD
from cartpath.schema import iso
from cartpath.tasks import TimeSplit, check_unshaped, time_split_of
from cartpath.training.card import made_now
from cartpath.training.checkpoint import CHECKPOINTS, key_of
from cartpath.training.corpus import Corpus, all_times
from cartpath.training.data import Progress, dates_in, silent
from cartpath.training.plan import Plan, State
from cartpath.training.processes import is_first, processes
from cartpath.training.readme import write_readme
from cartpath.training.sampler import Sampler
from cartpath.training.tracking import check_tracker, tracking

if TYPE_CHECKING:
    from cartpath.models.behaviour import BehaviourModel
    from cartpath.training.losses import ItemLoss

NAME = "behaviour"
#: Events a training reads in all, passes counted, unless ``epochs`` says otherwise.
_BUDGET = 4_000_000
_MOST_EPOCHS = 12
#: Of the events before the first cut, the last are held back to choose the epoch by, where that is enough of them.
_HELD_BACK, _LEAST_HELD_BACK = 0.05, 50
#: Learning rate of random weights, and where those of the backbone were loaded.
_RATE, _RATE_OF_LOADED = 2e-3, 2e-4
#: Beyond so many items their vectors of words, half a kilobyte each, would take more memory than all else.
_MOST_DESCRIBED = 200_000
#: Items drawn at random for each batch of a large catalogue, beside the answers of its other questions.
_DRAWN = 2048


class Start(Protocol):
    """What a training goes on from."""

    @property
    def of(self) -> str:
        """The version, for checkpoints and the card."""

    def __call__(self, log: Log, encoder: PathEncoder) -> Pretrained:
        """Return a network for an encoder fitted on what is to be learned from; the encoder it comes with is used."""


def pretrain(
    workspace: Path | str,
    *,
    size: str | None = None,
    train_until: str | int | None = None,
    epochs: int | None = None,
    minutes: float | None = None,
    seed: int = 0,
    resume: bool = True,
    tracker: str = "none",
    tokens: int | None = None,
    accumulate: int = 1,
    bf16: bool = False,
    settings: Mapping[str, Any] | None = None,
    backbone: str | Path | None = None,
    time_share: float = 0.5,
    save_every: float = 20.0,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Pretrain the behaviour model of a workspace on next event and next item.

    Started by ``torchrun``, its processes share each batch, and the first of them writes.

    Parameters
    ----------
    workspace : Path
    size : str, optional
        ``tiny``, ``small``, ``base`` or ``large``; by default what suits the number of events.
    train_until : str or int, optional
        Nothing at or after this moment is learned from: a date or time in the shop's time zone, or microseconds since
        1970 UTC. By default 70% of the events come before it.
    epochs : int, optional
        Passes over the training period; chosen by its size by default, about two minutes on two cores at most.
    minutes : float, optional
        Stop after this long; the result then depends on the machine.
    seed : int
        Same data, seed, library versions, machine and threads: same weights.
    resume : bool
        Go on from the checkpoint of an interrupted call with the same settings.
    tracker : str
        ``none``, ``tensorboard``, ``mlflow`` or ``wandb``; offline, below the model's folder.
    tokens : int, optional
        Events of a batch, padding included; chosen by the number of items by default.
    accumulate : int
        Parts that a batch is worked on in, one after another: less memory, the same steps.
    bf16 : bool
        Multiply in bfloat16.
    settings : mapping, optional
        Fields of ``BehaviourConfig`` that win over the size.
    backbone : str or Path, optional
        Name or folder of a Transformers model to go on from; see ``models.from_huggingface``.
    time_share : float
        Share of the questions about the next item that are told when it comes.
    save_every : float
        Seconds between checkpoints.
    progress : callable, optional
        Called with a message and the share done.

    Returns
    -------
    dict
        The model's card: ``generation``, ``events``, ``split``, ``train_events``, ``epochs``, ``losses``, ``seconds`` …

    Raises
    ------
    CartpathError
        If the workspace has no events, or all at one time, or what came later shaped the paths to learn from, or there
        is no such size, tracker or backbone.
    MissingExtraError
        If PyTorch, Transformers, Accelerate or the tracker is not installed.
    """
    for module in ("torch", "transformers", "accelerate"):
        need(module)
    check_tracker(tracker)
    workspace, told = Path(workspace), progress or silent
    told("reading paths", 0.0)
    dates = dates_in(workspace, train_until)
    with store.open_snapshot(workspace) as snapshot:
        split = time_split_of(lambda: all_times(snapshot), dates)
        check_unshaped(snapshot.shaped_until, split)
        data = Data.of(snapshot, split)
        plan = Plan(
            epochs=epochs or auto_epochs(data.train.n_events),
            minutes=minutes,
            rate=_RATE if backbone is None else _RATE_OF_LOADED,
            seed=seed,
            accumulate=accumulate,
            bf16=bf16,
            save_every=save_every,
        )
        shape = dict(settings or {})
        job = Job(workspace, data, plan, size, shape, backbone, tokens, time_share, tracker, told)
        return job.run(resume)


def auto_epochs(n_train: int) -> int:
    """Return how many passes a training period of some events gets.

    Examples
    --------
    >>> auto_epochs(100), auto_epochs(730_000), auto_epochs(10_000_000)
    (12, 5, 1)
    """
    return int(np.clip(round(_BUDGET / max(n_train, 1)), 1, _MOST_EPOCHS))


@dataclass(frozen=True)
class Data:
    """What is learned from and judged on.

    Attributes
    ----------
    snapshot : store.Snapshot
    split : TimeSplit
    train : Corpus
        Until ``valid_from``.
    whole : Corpus
        Until the first cut.
    valid_from : int
        Where the events held back begin; the first cut where none are.
    """

    snapshot: Snapshot
    split: TimeSplit
    train: Corpus
    whole: Corpus
    valid_from: int

    @classmethod
    def of(cls, snapshot: Snapshot, split: TimeSplit) -> Data:
        """Hold the last events before the first cut back, where there are enough."""
        whole = Corpus(snapshot, split.train_until)
        held_back = int(whole.n_events * _HELD_BACK)
        if held_back < _LEAST_HELD_BACK:
            return cls(snapshot, split, whole, whole, split.train_until)
        since = int(order_statistics(whole.times, [whole.n_events - held_back])[0])
        train = Corpus(snapshot, since)
        # Most events at one time: what is left would be nothing.
        if not train.n_events:
            return cls(snapshot, split, whole, whole, split.train_until)
        return cls(snapshot, split, train, whole, since)

    @property
    def period(self) -> list[str]:
        """The first and the last moment learned from, as ISO 8601."""
        ends = order_statistics(self.train.times, [0, self.train.n_events - 1])
        return [iso(int(end)) for end in ends]


@dataclass
class Job:
    """One pretraining: what is learned from, and how.

    Attributes
    ----------
    workspace : Path
    data : Data
    plan : Plan
    size : str, optional
    settings : mapping
    backbone, tokens : optional
    time_share : float
    tracker : str
    told : callable
        As ``pretrain`` takes them.
    start : Start, optional
        Gives the network and its encoder, for a training that goes on from another's weights.
    """

    workspace: Path
    data: Data
    plan: Plan
    size: str | None
    settings: Mapping[str, Any]
    backbone: str | Path | None
    tokens: int | None
    time_share: float
    tracker: str
    told: Progress
    start: Start | None = None

    def run(self, resume: bool) -> dict[str, Any]:
        """Train, write a version, and return its card."""
        if not resume:
            self.forget()
        trained, card = self.trained()
        if is_first():
            publish(self.workspace, trained, card)
        self.forget()
        return card

    def forget(self) -> None:
        """Remove the checkpoints."""
        from cartpath.training.fitting import forget_checkpoints

        forget_checkpoints(folder_of(self.workspace, NAME) / CHECKPOINTS)

    def trained(self) -> tuple[Pretrained, dict[str, Any]]:
        """Train, and return the model and its card; its checkpoints stay."""
        from cartpath.training.fitting import torch_session

        train = self.data.train
        encoder = fit_encoder_over(train.logs, train.until)
        digest, log = train.digest(), train.log([])
        with torch_session(self.plan.seed):
            if self.start is not None:
                found = self.start(log, encoder)
            else:
                words = fit_words_of(log, encoder.items.values) if encoder.items.size <= _MOST_DESCRIBED else None
                model = build_model(log, encoder, self._size, self.settings, self.backbone, words)
                found = Pretrained(model, encoder, words)
            loss = item_loss(train, found.encoder)
            state = self._fit(found.model, found.encoder, digest, loss)
        return found, self._card(found.model, found.encoder, digest, state, loss.kind)

    @property
    def _size(self) -> str:
        return self.size or ("small" if self.data.train.n_events > 1_000_000 else "tiny")

    def _fit(self, model: BehaviourModel, encoder: PathEncoder, digest: str, loss: ItemLoss) -> State:
        from cartpath.training.fitting import fit
        from cartpath.training.objective import Pretraining
        from cartpath.training.windows import PathSource, held_out, judge_of

        data, plan, home = self.data, self.plan, folder_of(self.workspace, NAME)
        window, tokens = int(model.config.window), self.tokens or batch_tokens(model.config.n_items)
        questions = []
        if data.valid_from < data.split.train_until:
            questions = held_out(data.whole, data.valid_from, encoder, window, tokens)
        network = Pretraining(model, self.time_share, loss)
        key = key_of(
            task="pretrain",
            data=digest,
            cuts=data.split.cuts,
            plan=plan.fixed(),
            config=model.config.to_dict(),
            tokens=tokens,
            time_share=self.time_share,
            item_loss=loss.kind,
            backbone=str(self.backbone),
            processes=processes(),
            **({} if self.start is None else {"start": self.start.of}),
        )
        with tracking(self.tracker, home) as trackers:
            return fit(
                network,
                PathSource(Sampler(data.train, window, tokens, plan.seed), encoder),
                plan,
                home / CHECKPOINTS,
                key,
                judge_of(network, questions) if questions else None,
                lambda message, share: self.told(f"pretraining: {message}", share),
                trackers,
            )

    def _card(
        self, model: BehaviourModel, encoder: PathEncoder, digest: str, state: State, loss: str
    ) -> dict[str, Any]:
        data, plan = self.data, self.plan
        shape = model.config.to_diff_dict()
        held_back = data.valid_from < data.split.train_until
        return made_now(
            data.split,
            plan.seed,
            generation=data.snapshot.generation,
            events=int(data.snapshot.totals.events),
            share_of_store=1.0,
            model=NAME,
            size=self._size,
            config={name: value for name, value in shape.items() if not isinstance(value, dict | list)},
            trained_until=data.split.train_until,
            validation_from=iso(data.valid_from) if held_back else None,
            period=data.period,
            data_hash=digest,
            train_events=data.train.n_events,
            epochs=round(state.trained, 3),
            best_epoch=state.best or None,
            minutes=plan.minutes,
            item_loss=loss,
            loaded=None if self.backbone is None else str(self.backbone),
            **({} if self.start is None else {"continued": self.start.of}),
            losses=state.losses,
            validation=state.scores,
            seconds=round(state.seconds, 1),
            events_per_second=round(state.events_per_second),
            padded_share=round(state.padded_share, 4),
            processes=processes(),
            plan={name: value for name, value in plan.fixed().items() if name not in ("epochs", "minutes", "seed")},
            resumed=state.resumed,
            parameters=sum(p.numel() for p in model.parameters()),
            fields=encoder.sizes,
        )


def publish(workspace: Path, trained: Pretrained, card: Mapping[str, Any]) -> Path:
    """Write a pretrained model and its card as the current version, and return its folder."""
    with new_version(workspace, NAME) as folder:
        trained.save(folder)
        write_json(folder / CARD, card)
        write_readme(folder, card)
    return folder


def item_loss(corpus: Corpus, encoder: PathEncoder) -> ItemLoss:
    """Return the loss that suits the number of items: of a large catalogue a softmax over mixed negatives."""
    from cartpath.training.losses import FULL_SOFTMAX, ItemLoss
    from cartpath.training.negatives import Negatives
    from cartpath.training.windows import answer_shares

    if encoder.items.size <= FULL_SOFTMAX:
        return ItemLoss()
    return ItemLoss("sampled", Negatives("mixed", _DRAWN, answer_shares(corpus, encoder)))


def build_model(
    log: Log,
    encoder: PathEncoder,
    size: str,
    settings: Mapping[str, Any],
    backbone: str | Path | None = None,
    words: ItemWords | None = None,
) -> BehaviourModel:
    """Make a network with random weights that fits an encoder, and give it the content of each item.

    Parameters
    ----------
    log : Log
        Of the same codes and catalogue as what is learned from.
    encoder : PathEncoder
    size : str
    settings : mapping
        Fields of ``BehaviourConfig`` that win over the size.
    backbone : str or Path, optional
        Name or folder of a Transformers model, whose weights the backbone has.
    words : ItemWords, optional
        Of titles and attributes.
    """
    from cartpath.models.behaviour import BehaviourModel, config_for
    from cartpath.models.behaviour_next_item import set_known_items

    shape = config_for(encoder, size, **{**settings, "n_text": 0 if words is None else words.length})
    model = BehaviourModel(shape) if backbone is None else from_huggingface(backbone, shape)
    set_known_items(model, log, encoder, words)
    return model


def batch_tokens(n_items: int) -> int:
    """Return how many events a batch holds: fewer where there are many items to compare with.

    Examples
    --------
    >>> batch_tokens(400), batch_tokens(4000)
    (4096, 2000)
    """
    return int(np.clip(8_000_000 // max(n_items, 1), 1024, 4096))
