"""Fine-tuning for intent, with LightGBM and the base rate on the same rows beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cartpath.evaluation import log_loss
from cartpath.features import EncodedLog, Log, encode
from cartpath.models import (
    BaseRate,
    BehaviourIntent,
    IntentScorer,
    Pretrained,
    current_version,
    folder_of,
    need,
    new_version,
    sigmoid,
)
from cartpath.models.calibration import fit_platt
from cartpath.schema import CartpathError
from cartpath.tasks import IntentTask, TimeSplit, check_trained_before, check_unshaped, every_step, time_split
from cartpath.training.card import read_card, split_of, trained_until, write_card
from cartpath.training.checkpoint import CHECKPOINTS, key_of
from cartpath.training.data import Progress, open_log, silent
from cartpath.training.intent import IntentData, Windows, intent_data, training_windows
from cartpath.training.plan import Plan, State
from cartpath.training.pretrain import NAME, moment_in
from cartpath.training.trees import fit_trees

#: Names of the intent models, ours first.
INTENT, TREES, BASE = "intent", "intent-lightgbm", "intent-base-rate"
_BUDGET = 2_600_000
_MOST_EPOCHS = 6


def finetune(
    workspace: Path | str,
    *,
    task: str = "intent",
    k: int = 5,
    train_until: str | int | None = None,
    epochs: int | None = None,
    minutes: float | None = None,
    seed: int = 0,
    resume: bool = True,
    save_every: float = 20.0,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Fine-tune the pretrained model for intent: at the k-th step of a session, will it contain a purchase?

    Trained on the sessions before the first cut; epochs (and trees) are chosen, and probabilities calibrated, on the
    slice after it. The slices after that are not looked at.

    Parameters
    ----------
    workspace : Path
    task : str
        ``intent``.
    k : int
        Step of the session at which it is asked.
    train_until : str or int, optional
        The first cut, as in ``pretrain``; by default the pretrained model's.
    epochs, minutes, seed, resume, save_every, progress
        As in ``pretrain``.

    Returns
    -------
    dict
        The model's card: ``generation``, ``split``, ``k``, ``n_train``, ``positives_train``, ``epochs``, ``seconds`` …

    Raises
    ------
    CartpathError
        If nothing is pretrained, or what is pretrained saw events at or after ``train_until``, or no session of the
        training slice gives an answer of each kind.
    """
    if task != "intent":
        raise CartpathError(f"there is no task {task!r}", "known: intent")
    if k < 1:
        raise CartpathError(f"the step must be 1 or later, not {k}")
    for module in ("torch", "transformers", "accelerate", "lightgbm"):
        need(module)
    workspace, told = Path(workspace), progress or silent
    pretrained_in = current_version(workspace, NAME, "cartpath pretrain")
    card = read_card(pretrained_in)
    told("reading paths", 0.0)
    with open_log(workspace) as log:
        split = _split(log, card, moment_in(workspace, train_until))
        data = intent_data(log, split, IntentTask(k=k))
        pretrained = Pretrained.load(pretrained_in)
        job = _Job(workspace, data, pretrained, encode(log, pretrained.encoder), card, save_every)
        return job.run(epochs, minutes, seed, resume, told)


def _split(log: Log, card: Mapping[str, Any], train_until: int | None) -> TimeSplit:
    """Return the experiment's slices: the pretrained model's, or others that begin after its training ended."""
    if train_until is None:
        return split_of(card)
    split = time_split(log.view, until=train_until)
    check_trained_before(trained_until(card), split)
    check_unshaped(log.shaped_until, split)
    return split


@dataclass
class _Job:
    workspace: Path
    data: IntentData
    pretrained: Pretrained
    encoded: EncodedLog
    card: Mapping[str, Any]
    save_every: float

    @property
    def pretrained_made(self) -> str:
        return str(self.card["made"])

    def run(self, epochs: int | None, minutes: float | None, seed: int, resume: bool, told: Progress) -> dict[str, Any]:
        from cartpath.training.fitting import forget_checkpoints, torch_session

        data = self.data
        train, later = data.rows.of("train"), data.rows.of("calibration")
        steps = every_step(data.log, data.split, "train", data.task)
        windows = training_windows(self.encoded, steps, self._window, data.task.k, min(2, data.task.k))
        size = int((windows.ends - windows.starts).sum())
        passes = epochs or int(np.clip(round(_BUDGET / max(size, 1)), 2, _MOST_EPOCHS))
        plan = Plan(epochs=passes, minutes=minutes, rate=1e-3, seed=seed, patience=passes, save_every=self.save_every)
        with torch_session(seed):
            state = self._train(
                windows, plan, resume, lambda message, share: told(f"fine-tuning: {message}", 0.9 * share)
            )
            scorer = BehaviourIntent(self.pretrained)
            scorer.platt = fit_platt(scorer.logits(data.log, later.ends), later.label) if len(later) else scorer.platt
        told("LightGBM", 0.92)
        trees = fit_trees(data.log, self.pretrained.encoder, train, later, seed)
        self._save(TREES, trees, seed)
        self._save(BASE, BaseRate.of(train.label), seed)
        card = self._save(
            INTENT,
            scorer,
            seed,
            epochs=round(state.trained, 3),
            losses=state.losses,
            calibration_losses=[found["loss"] for found in state.scores],
            minutes=minutes,
            seconds=round(state.seconds, 1),
            resumed=state.resumed,
        )
        forget_checkpoints(folder_of(self.workspace, INTENT) / CHECKPOINTS)
        told("fine-tuning", 1.0)
        return card

    def _save(self, name: str, scorer: IntentScorer, seed: int, **spent: Any) -> dict[str, Any]:
        data = self.data
        train, later = data.rows.of("train"), data.rows.of("calibration")
        with new_version(self.workspace, name) as folder:
            scorer.save(folder)
            return write_card(
                folder,
                data.log,
                data.split,
                seed,
                model=name,
                k=data.task.k,
                target=data.task.target,
                pretrained=self.pretrained_made,
                pretrained_until=trained_until(self.card),
                n_train=len(train),
                positives_train=int(train.label.sum()),
                n_calibration=len(later),
                positives_calibration=int(later.label.sum()),
                **spent,
            )

    @property
    def _window(self) -> int:
        return int(self.pretrained.model.config.window)

    def _train(self, windows: Windows, plan: Plan, resume: bool, told: Progress) -> State:
        from cartpath.training.fitting import fit, forget_checkpoints
        from cartpath.training.intent_network import IntentNetwork, IntentSource

        data, home = self.data, folder_of(self.workspace, INTENT) / CHECKPOINTS
        if not resume:
            forget_checkpoints(home)
        key = key_of(
            task="intent",
            k=data.task.k,
            generation=data.log.generation,
            events=data.log.view.n_events,
            cuts=data.split.cuts,
            pretrained=self.pretrained_made,
            plan=plan.fixed(),
        )
        return fit(
            IntentNetwork(self.pretrained.model),
            IntentSource(self.encoded, windows, data.task.k, plan.seed),
            plan,
            home,
            key,
            self._judge() if len(data.rows.of("calibration")) else None,
            told,
        )

    def _judge(self) -> Callable[[], dict[str, float]]:
        later, scorer = self.data.rows.of("calibration"), BehaviourIntent(self.pretrained)
        return lambda: {"loss": log_loss(later.label, sigmoid(scorer.logits(self.data.log, later.ends)))}
