"""Networks for intent: the pretrained one fine-tuned by a method, and recurrent ones from random weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from cartpath.evaluation import log_loss
from cartpath.features import encode
from cartpath.models import Pretrained, folder_of, sigmoid
from cartpath.models.adaptation import adapt, trainable
from cartpath.models.intent import BehaviourIntent
from cartpath.training.checkpoint import CHECKPOINTS, key_of
from cartpath.training.data import Progress
from cartpath.training.intent.data import weights_of
from cartpath.training.intent.job import Fitted, Job
from cartpath.training.plan import Plan

if TYPE_CHECKING:
    from cartpath.models.behaviour import BehaviourModel

#: Highest learning rate by method: the fewer weights there are to move, the faster they may.
_RATES = {"full": 1e-3, "head": 2e-2, "top": 3e-3, "lora": 5e-3, "adapter": 5e-3, "prefix": 2e-2}
#: Events a training reads in all, passes counted, and passes at most.
_BUDGET, _MOST_EPOCHS = 3_000_000, 8
#: Passes without a better figure on validation after which a network stops.
_PATIENCE = 2


def fine_tuned(job: Job, method: str, told: Progress) -> Fitted:
    """Fine-tune the pretrained model by a method of ``models.adaptation``."""
    pretrained = Pretrained.load(job.base)
    adapted = adapt(pretrained.model, method, seed=job.options.seed, **job.options.settings)
    about = {"method": method, "settings": dict(vars(adapted.settings)), **_sizes(adapted.model)}
    fitted = _trained(job, pretrained, f"intent-behaviour-{method}", _RATES[method], told)
    return Fitted(BehaviourIntent(pretrained, adapted), {**about, **fitted.about}, fitted.weight)


def from_scratch(job: Job, backbone: str, told: Progress) -> Fitted:
    """Train a network of random weights on the labels alone, on the same input, of the pretrained model's size."""
    from cartpath.training.fitting import torch_session
    from cartpath.training.pretrain import build_model

    base = job.pretrained
    with torch_session(job.options.seed):
        size, words = str(job.card.get("size", "tiny")), base.words
        model = build_model(job.data.log, base.encoder, size, {"backbone": backbone}, words=words)
    about = {"method": "from scratch", "backbone": backbone, **_sizes(model)}
    fitted = _trained(job, Pretrained(model, base.encoder, words), f"intent-{backbone}", _RATES["full"], told)
    return Fitted(fitted.model, {**about, **fitted.about}, fitted.weight)


def _sizes(model: BehaviourModel) -> dict[str, Any]:
    """Return how many parameters there are and how many are trained, for the card."""
    found = trainable(model)
    return {"trainable": found["trainable"], "parameters": found["all"], "trainable_share": found["share"]}


def _trained(job: Job, network: Pretrained, name: str, rate: float, told: Progress) -> Fitted:
    from cartpath.training.fitting import fit, forget_checkpoints, torch_session
    from cartpath.training.intent.network import IntentNetwork, IntentSource

    data, options, home = job.data, job.options, folder_of(job.workspace, name) / CHECKPOINTS
    if not options.resume:
        forget_checkpoints(home)
    train, encoded = data.rows.of("train"), encode(data.log, network.encoder)
    weight = weights_of(train, options.positive_weight)
    source = IntentSource(encoded, train, weight, int(network.model.config.window), options.seed)
    epochs = options.epochs or int(np.clip(round(_BUDGET / max(source.size, 1)), 3, _MOST_EPOCHS))
    plan = Plan(epochs, options.minutes, rate, seed=options.seed, patience=_PATIENCE, save_every=options.save_every)
    key = key_of(
        task=name,
        target=data.task.target,
        horizon=data.task.horizon,
        generation=data.log.generation,
        events=data.log.view.n_events,
        cuts=data.split.cuts,
        pretrained=str(job.card["made"]),
        positive_weight=options.positive_weight,
        settings=dict(options.settings),
        plan=plan.fixed(),
    )
    with torch_session(options.seed):
        state = fit(IntentNetwork(network.model), source, plan, home, key, _judge(job, network), told)
    forget_checkpoints(home)
    about = {
        "epochs": round(state.trained, 3),
        "best_epoch": state.best or None,
        "losses": state.losses,
        "validation_losses": [found["loss"] for found in state.scores],
        "fit_seconds": round(state.seconds, 1),
        "events_per_second": round(state.events_per_second),
        "resumed": state.resumed,
        "minutes": options.minutes,
    }
    return Fitted(BehaviourIntent(network), about, options.positive_weight)


def _judge(job: Job, network: Pretrained) -> Callable[[], dict[str, float]] | None:
    rows, weight = job.data.chosen_by(), job.options.positive_weight
    if not len(rows):
        return None
    scorer = BehaviourIntent(network)

    def figures() -> dict[str, Any]:
        # Positives that weighed more are predicted more often; the calibration will take that out again.
        return {"loss": log_loss(rows.label, sigmoid(scorer.logits(job.data.log, rows.ends) - np.log(weight)))}

    return figures
