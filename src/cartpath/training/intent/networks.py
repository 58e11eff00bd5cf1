"""Networks for intent: the pretrained one fine-tuned by a method, and recurrent ones from random weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
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
from cartpath.training.intent.settings import method_settings, usual_settings
from cartpath.training.plan import Plan, State

if TYPE_CHECKING:
    from cartpath.models.behaviour import BehaviourModel

#: Events a training reads in all, passes counted, and passes at most.
_BUDGET, _MOST_EPOCHS = 3_000_000, 8
_SHAPE = ("hidden", "layers")


def fine_tuned(job: Job, method: str, told: Progress) -> Fitted:
    """Fine-tune the pretrained model by a method of ``models.adaptation``."""
    name, given = f"behaviour-{method}", job.options.settings
    pretrained = Pretrained.load(job.base)
    _set_dropout(pretrained.model, given)
    adapted = adapt(pretrained.model, method, seed=job.options.seed, **method_settings(method, given))
    about = {"method": method, **_sizes(adapted.model)}
    fitted = _trained(job, pretrained, name, about, told)
    return replace(fitted, model=BehaviourIntent(pretrained, adapted))


def from_scratch(job: Job, backbone: str, told: Progress) -> Fitted:
    """Train a network of random weights on the labels alone, on the same input, of the pretrained model's size."""
    from cartpath.training.fitting import torch_session
    from cartpath.training.pretrain import build_model

    base, given = job.pretrained, job.options.settings
    shape = {"backbone": backbone, **{name: given[name] for name in _SHAPE if name in given}}
    with torch_session(job.options.seed):
        size, words = str(job.card.get("size", "tiny")), base.words
        model = build_model(job.data.log, base.encoder, size, shape, words=words)
    _set_dropout(model, given)
    about = {"method": "from scratch", "backbone": backbone, **_sizes(model)}
    return _trained(job, Pretrained(model, base.encoder, words), backbone, about, told)


def _set_dropout(model: BehaviourModel, given: Mapping[str, Any]) -> None:
    from cartpath.models.dropout import set_dropout

    if "dropout" in given:
        set_dropout(model, given["dropout"])


def _sizes(model: BehaviourModel) -> dict[str, Any]:
    """Return how many parameters there are and how many are trained, for the card."""
    found = trainable(model)
    return {"trainable": found["trainable"], "parameters": found["all"], "trainable_share": found["share"]}


def checkpoints_of(job: Job, name: str) -> Path:
    """Return where the checkpoints of a network lie."""
    return job.checkpoints or folder_of(job.workspace, f"intent-{name}") / CHECKPOINTS


def _trained(job: Job, network: Pretrained, name: str, about: Mapping[str, Any], told: Progress) -> Fitted:
    from cartpath.training.fitting import fit, forget_checkpoints, torch_session
    from cartpath.training.intent.network import IntentNetwork, IntentSource

    data, options, home = job.data, job.options, checkpoints_of(job, name)
    if not options.resume:
        forget_checkpoints(home)
    train, encoded = data.rows.of("train"), encode(data.log, network.encoder)
    weight = weights_of(train, options.positive_weight)
    source = IntentSource(encoded, train, weight, int(network.model.config.window), options.seed)
    config = network.model.config
    settings = {**usual_settings(name), "dropout": config.dropout, **options.settings}
    plan = _plan(job, settings, source.size)
    with torch_session(options.seed):
        judge, judged = _judge(job, network), _judged(job)
        state = fit(IntentNetwork(network.model), source, plan, home, _key(job, name, plan), judge, told, judged=judged)
    shape = {name: getattr(config, name) for name in _SHAPE} if about["method"] == "from scratch" else {}
    said = {**shape, **settings, "positive_weight": options.positive_weight}
    loss = min((found["loss"] for found in state.scores), default=None)
    again = _again(state, plan, options.settings)
    return Fitted(
        BehaviourIntent(network),
        {**about, "settings": said, **_told(state, options.minutes)},
        options.positive_weight,
        loss,
        again,
    )


def _plan(job: Job, settings: Mapping[str, Any], size: int) -> Plan:
    options = job.options
    usual = int(np.clip(round(_BUDGET / max(size, 1)), 3, _MOST_EPOCHS))
    return Plan(
        options.epochs or settings.get("epochs") or usual,
        options.minutes,
        settings["learning_rate"],
        weight_decay=settings["weight_decay"],
        layer_decay=settings["layer_decay"],
        warm_up=settings["warm_up"],
        average=settings["average"],
        patience=settings["patience"],
        seed=options.seed,
        save_every=options.save_every,
        stop=options.stop,
    )


def _key(job: Job, name: str, plan: Plan) -> str:
    data, options = job.data, job.options
    return key_of(
        model=name,
        **job.question,
        generation=data.log.generation,
        events=data.log.view.n_events,
        positive_weight=options.positive_weight,
        settings=dict(options.settings),
        plan=plan.fixed(),
    )


def _told(state: State, minutes: float | None) -> dict[str, Any]:
    return {
        "epochs": round(state.trained, 3),
        "best_epoch": state.best or None,
        "losses": state.losses,
        "validation_losses": [found["loss"] for found in state.scores],
        "fit_seconds": round(state.seconds, 1),
        "events_per_second": round(state.events_per_second),
        "resumed": state.resumed,
        "minutes": minutes,
    }


def _again(state: State, plan: Plan, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return how to train the same on more data: as many epochs as the best weights had, the rate falling as it did."""
    epochs = plan.epochs if plan.minutes is None else max(math.ceil(state.trained), 1)
    return {"epochs": epochs, "stop": min(state.best or epochs, epochs), "minutes": None, "settings": dict(settings)}


def _judged(job: Job) -> Callable[[State], None] | None:
    told = job.options.judged
    if told is None:
        return None
    return lambda state: told(len(state.scores), state.scores[-1]["loss"], state.over)


def _judge(job: Job, network: Pretrained) -> Callable[[], dict[str, float]] | None:
    rows, weight = job.data.chosen_by(), job.options.positive_weight
    if not len(rows):
        return None
    scorer = BehaviourIntent(network)

    def figures() -> dict[str, Any]:
        # Positives that weighed more are predicted more often; the calibration will take that out again.
        return {"loss": log_loss(rows.label, sigmoid(scorer.logits(job.data.log, rows.ends) - np.log(weight)))}

    return figures
