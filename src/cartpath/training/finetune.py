"""Fine-tuning for intent, with LightGBM and the base rate on the same rows beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cartpath.evaluation import log_loss
from cartpath.features import EncodedLog, encode, gather, length_batches
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
from cartpath.tasks import IntentTask, every_step
from cartpath.training.card import read_card, split_of, write_card
from cartpath.training.data import Progress, open_log, silent
from cartpath.training.intent import IntentData, Windows, intent_data, training_windows
from cartpath.training.pretrain import CHECKPOINT, NAME
from cartpath.training.trees import fit_trees

if TYPE_CHECKING:
    from cartpath.training.loop import Plan, Rows, State

#: Names of the intent models, ours first.
INTENT, TREES, BASE = "intent", "intent-lightgbm", "intent-base-rate"
_BUDGET = 2_600_000
_MOST_EPOCHS = 6
#: Weight of the question at other steps than the k-th.
_OTHER_STEPS = 0.3


def finetune(
    workspace: Path | str,
    *,
    task: str = "intent",
    k: int = 5,
    epochs: int | None = None,
    minutes: float | None = None,
    seed: int = 0,
    resume: bool = True,
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
    epochs, minutes, seed, resume, progress
        As in ``pretrain``.

    Returns
    -------
    dict
        The model's card: ``generation``, ``split``, ``k``, ``n_train``, ``positives_train``, ``epochs``, ``seconds`` …

    Raises
    ------
    CartpathError
        If nothing is pretrained, or no session of the training slice gives an answer of each kind.
    """
    if task != "intent":
        raise CartpathError(f"there is no task {task!r}", "known: intent")
    if k < 1:
        raise CartpathError(f"the step must be 1 or later, not {k}")
    for module in ("torch", "transformers", "lightgbm"):
        need(module)
    workspace, told = Path(workspace), progress or silent
    pretrained_in = current_version(workspace, NAME, "cartpath pretrain")
    card = read_card(pretrained_in)
    told("reading paths", 0.0)
    with open_log(workspace) as log:
        data = intent_data(log, split_of(card), IntentTask(k=k))
        pretrained = Pretrained.load(pretrained_in)
        job = _Job(workspace, data, pretrained, encode(log, pretrained.encoder), card["made"])
        return job.run(epochs, minutes, seed, resume, told)


@dataclass
class _Job:
    workspace: Path
    data: IntentData
    pretrained: Pretrained
    encoded: EncodedLog
    pretrained_made: str

    def run(self, epochs: int | None, minutes: float | None, seed: int, resume: bool, told: Progress) -> dict[str, Any]:
        from cartpath.training.loop import Plan, torch_session

        data = self.data
        train, later = data.rows.of("train"), data.rows.of("calibration")
        steps = every_step(data.log, data.split, "train", data.task)
        windows = training_windows(self.encoded, steps, self._window, data.task.k, min(2, data.task.k))
        size = int((windows.ends - windows.starts).sum())
        plan = Plan(
            epochs=epochs or int(np.clip(round(_BUDGET / max(size, 1)), 2, _MOST_EPOCHS)),
            minutes=minutes,
            rate=1e-3,
            seed=seed,
        )
        with torch_session(seed):
            state = self._train(windows, plan, resume, lambda share: told("fine-tuning", 0.9 * share))
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
            calibration_losses=state.scores,
            minutes=minutes,
            seconds=round(state.seconds, 1),
            resumed=state.resumed,
        )
        (folder_of(self.workspace, INTENT) / CHECKPOINT).unlink(missing_ok=True)
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
                n_train=len(train),
                positives_train=int(train.label.sum()),
                n_calibration=len(later),
                positives_calibration=int(later.label.sum()),
                **spent,
            )

    @property
    def _window(self) -> int:
        return int(self.pretrained.model.config.window)

    def _train(self, windows: Windows, plan: Plan, resume: bool, told: Callable[[float], None]) -> State:
        from cartpath.training.checkpoint import key_of
        from cartpath.training.loop import fit

        view, data = self.data.log.view, self.data
        checkpoint = folder_of(self.workspace, INTENT) / CHECKPOINT
        if not resume:
            checkpoint.unlink(missing_ok=True)
        key = key_of(
            task="intent",
            k=data.task.k,
            generation=data.log.generation,
            events=view.n_events,
            pretrained=self.pretrained_made,
            plan=plan,
        )
        lengths = windows.ends - windows.starts
        return fit(
            self.pretrained.model,
            lambda rng: list(length_batches(lengths, 4096, rng)),
            lambda rows: self._loss(windows, rows),
            plan,
            checkpoint,
            key,
            self._judge() if len(data.rows.of("calibration")) else None,
            told,
        )

    def _loss(self, windows: Windows, rows: Rows) -> Any:
        import torch
        import torch.nn.functional as F

        from cartpath.training.loop import tensors

        batch = gather(self.encoded, windows.starts[rows], windows.ends[rows])
        hidden = self.pretrained.model(*tensors(batch))
        asked = windows.steps.asked[batch.rows] & (batch.rows >= 0) & (batch.session == windows.session[rows][:, None])
        asked &= windows.asked(np.asarray(rows), self.encoded.moments.place[batch.rows] == self.data.task.k)
        places = batch.rows[asked]
        weight = np.where(self.encoded.moments.place[places] == self.data.task.k, 1.0, _OTHER_STEPS)
        logits = self.pretrained.model.intent(hidden[torch.from_numpy(asked)])[:, 0]
        label = torch.from_numpy(windows.steps.label[places].astype(np.float32))
        losses = F.binary_cross_entropy_with_logits(logits, label, reduction="none")
        return (losses * torch.from_numpy(weight.astype(np.float32))).sum() / max(float(weight.sum()), 1.0)

    def _judge(self) -> Callable[[], float]:
        later, scorer = self.data.rows.of("calibration"), BehaviourIntent(self.pretrained)
        return lambda: log_loss(later.label, sigmoid(scorer.logits(self.data.log, later.ends)))
