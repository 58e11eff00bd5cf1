"""Pretraining: the behaviour model learns what comes next, from the events before the first cut alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cartpath.features import (
    EncodedLog,
    Log,
    PathEncoder,
    chunks,
    encode,
    fit_encoder,
    gather,
    item_content,
    length_batches,
)
from cartpath.models import Pretrained, folder_of, need, new_version
from cartpath.tasks import TimeSplit, check_unshaped, time_split
from cartpath.training.card import write_card
from cartpath.training.data import Progress, open_log, path_ends, silent

if TYPE_CHECKING:
    from cartpath.models.behaviour import BehaviourModel
    from cartpath.training.loop import Plan, Rows, State

NAME = "behaviour"
CHECKPOINT = "checkpoint.pt"
#: Events a training reads in all, passes counted, unless ``epochs`` says otherwise.
_BUDGET = 4_000_000
_MOST_EPOCHS = 12
_WINDOW = 128


def pretrain(
    workspace: Path | str,
    *,
    epochs: int | None = None,
    minutes: float | None = None,
    seed: int = 0,
    resume: bool = True,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Pretrain the behaviour model of a workspace on next event and next item.

    Parameters
    ----------
    workspace : Path
    epochs : int, optional
        Passes over the training period; chosen by its size by default, about two minutes on two cores at most.
    minutes : float, optional
        Stop after this long; the result then depends on the machine.
    seed : int
        Same data, seed and library versions: same weights.
    resume : bool
        Go on from the checkpoint of an interrupted call with the same settings.
    progress : callable, optional
        Called with a message and the share done.

    Returns
    -------
    dict
        The model's card: ``generation``, ``events``, ``split``, ``train_events``, ``epochs``, ``losses``, ``seconds`` …

    Raises
    ------
    CartpathError
        If the workspace has no events, or all at one time, or what came later shaped the paths to learn from.
    MissingExtraError
        If PyTorch or Transformers is not installed.
    """
    need("torch")
    need("transformers")
    workspace, told = Path(workspace), progress or silent
    told("reading paths", 0.0)
    with open_log(workspace) as log:
        split = time_split(log.view)
        check_unshaped(log.shaped_until, split)
        return _pretrain(workspace, log, split, epochs, minutes, seed, resume, told)


def _pretrain(
    workspace: Path,
    log: Log,
    split: TimeSplit,
    epochs: int | None,
    minutes: float | None,
    seed: int,
    resume: bool,
    told: Progress,
) -> dict[str, Any]:
    from cartpath.training.loop import Plan, torch_session

    encoder = fit_encoder(log, split.train_until)
    encoded = encode(log, encoder)
    n_train = int((log.view.ts < split.train_until).sum())
    plan = Plan(epochs=epochs or auto_epochs(n_train), minutes=minutes, seed=seed)
    with torch_session(seed):
        model = build_model(log, encoder, n_train)
        state = _train(model, encoded, split, plan, workspace, resume, lambda share: told("pretraining", share))
    with new_version(workspace, NAME) as folder:
        Pretrained(model, encoder).save(folder)
        card = write_card(
            folder,
            log,
            split,
            seed,
            model=NAME,
            train_events=n_train,
            epochs=round(state.trained, 3),
            minutes=minutes,
            losses=state.losses,
            seconds=round(state.seconds, 1),
            resumed=state.resumed,
            parameters=sum(p.numel() for p in model.parameters()),
            fields=encoder.sizes,
        )
    (folder_of(workspace, NAME) / CHECKPOINT).unlink(missing_ok=True)
    return card


def auto_epochs(n_train: int) -> int:
    """Return how many passes a training period of some events gets.

    Examples
    --------
    >>> auto_epochs(100), auto_epochs(730_000), auto_epochs(10_000_000)
    (12, 5, 1)
    """
    return int(np.clip(round(_BUDGET / max(n_train, 1)), 1, _MOST_EPOCHS))


def build_model(log: Log, encoder: PathEncoder, n_train: int) -> BehaviourModel:
    """Make a network with random weights that fits the data: wider where there is more to learn from."""
    import torch

    from cartpath.models.behaviour import BehaviourModel, config_for

    model = BehaviourModel(config_for(encoder, hidden=96 if n_train > 1_000_000 else 64, window=_WINDOW))
    known = {item: code for code, item in enumerate(log.codes("item"))}
    codes = np.array([-1, -1, *(known.get(item, -1) for item in encoder.items.values)], np.int64)
    content = item_content(log, encoder)[codes].astype(np.int64)
    offsets = np.array([encoder.offsets[name] for name in encoder.content_fields], np.int64)
    model.content.copy_(torch.from_numpy(np.where(content > 0, content + offsets, 0)))
    return model


def _train(
    model: BehaviourModel,
    encoded: EncodedLog,
    split: TimeSplit,
    plan: Plan,
    workspace: Path,
    resume: bool,
    told: Callable[[float], None],
) -> State:
    from cartpath.training.checkpoint import key_of
    from cartpath.training.loop import fit, tensors
    from cartpath.training.losses import draw_items, pretrain_loss
    from cartpath.training.targets import targets_before

    view = encoded.log.view
    starts, ends = chunks(view.offsets, path_ends(view, split.train_until), model.config.window)
    targets = targets_before(encoded, split.train_until)
    tokens = batch_tokens(model.config.n_items)

    def loss_of(rows: Rows) -> Any:
        batch = gather(encoded, starts[rows], ends[rows])
        return pretrain_loss(model, model(*tensors(batch)), batch, targets, draw_items(model.config.n_items))

    checkpoint = folder_of(workspace, NAME) / CHECKPOINT
    if not resume:
        checkpoint.unlink(missing_ok=True)
    key = key_of(
        task="pretrain",
        generation=encoded.log.generation,
        events=view.n_events,
        cuts=split.cuts,
        plan=plan,
        config=model.config.to_dict(),
    )
    return fit(
        model, lambda rng: list(length_batches(ends - starts, tokens, rng)), loss_of, plan, checkpoint, key, None, told
    )


def batch_tokens(n_items: int) -> int:
    """Return how many events a batch holds: fewer where the softmax over items is large.

    Examples
    --------
    >>> batch_tokens(400), batch_tokens(4000)
    (4096, 2000)
    """
    from cartpath.training.losses import FULL_SOFTMAX

    return int(np.clip(8_000_000 // max(min(n_items, FULL_SOFTMAX), 1), 1024, 4096))
