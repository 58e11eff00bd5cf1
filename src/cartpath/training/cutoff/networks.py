"""Networks for users at cut-offs: the pretrained one fine-tuned by a method, and others from random weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from cartpath.evaluation import log_loss
from cartpath.features import encode
from cartpath.models import Pretrained, folder_of, sigmoid
from cartpath.models.adaptation import adapt, trainable
from cartpath.models.cutoff.asked import asked_about
from cartpath.models.cutoff.behaviour import BehaviourCutoff
from cartpath.models.cutoff.scorer import Floats, target_of
from cartpath.models.cutoff.standing import COLUMNS, PAIR_COLUMNS, standing
from cartpath.tasks import RepeatRows, RepeatTask
from cartpath.training.checkpoint import CHECKPOINTS, key_of
from cartpath.training.cutoff.job import CutoffJob, Fitted
from cartpath.training.cutoff.start import start_head
from cartpath.training.data import Progress
from cartpath.training.plan import Plan, State

if TYPE_CHECKING:
    from torch import Tensor, nn

    from cartpath.training.cutoff.network import Questions

#: Highest learning rate by method: the fewer weights there are to move, the faster they may.
_RATES = {"full": 1e-3, "head": 3e-3, "top": 2e-3, "lora": 2e-3, "adapter": 2e-3, "prefix": 3e-3}
#: Events a training reads in all, passes counted; passes at least and at most.
_BUDGET, _LEAST_EPOCHS, _MOST_EPOCHS = 1_500_000, 4, 12
#: Passes without a better figure on validation after which a network stops.
_PATIENCE = 3
#: Decay of the average of weights that is judged and kept: users of one batch have paths of like length and so answer
#: alike, and the weights of a single step follow the last batch (on Online Retail, log loss .54 to .64 by the epoch).
_AVERAGE = 0.98


def fine_tuned(job: CutoffJob, method: str, told: Progress) -> Fitted:
    """Fine-tune the pretrained model by a method of ``models.adaptation``; the new head is trained in any case."""
    pretrained = Pretrained.load(job.base)
    adapted = adapt(pretrained.model, method, tasks=(), seed=job.options.seed, **job.options.settings)
    about = {"method": method, "settings": dict(vars(adapted.settings))}
    return _trained(job, pretrained, f"behaviour-{method}", _RATES[method], about, told)


def from_scratch(job: CutoffJob, backbone: str, told: Progress) -> Fitted:
    """Train a network of random weights on the answers alone, on the same input, of the pretrained model's size."""
    from cartpath.training.fitting import torch_session
    from cartpath.training.pretrain import build_model

    base = job.pretrained
    with torch_session(job.options.seed):
        size, words = str(job.card.get("size", "tiny")), base.words
        model = build_model(job.log, base.encoder, size, {"backbone": backbone}, words=words)
    about = {"method": "from scratch", "backbone": backbone}
    return _trained(job, Pretrained(model, base.encoder, words), backbone, _RATES["full"], about, told)


def _trained(
    job: CutoffJob, network: Pretrained, name: str, rate: float, about: dict[str, Any], told: Progress
) -> Fitted:
    from cartpath.training.cutoff.network import CutoffNetwork, CutoffSource
    from cartpath.training.fitting import fit, forget_checkpoints, torch_session

    options, name = job.options, f"{job.name}-{name}"
    home = folder_of(job.workspace, name) / CHECKPOINTS
    if not options.resume:
        forget_checkpoints(home)
    questions, weight = _questions(job, network), _positive_weight(job)
    scorer = _scorer(job, network, questions)
    source = CutoffSource(encode(job.log, network.encoder), questions, int(network.model.config.window), options.seed)
    epochs = options.epochs or int(np.clip(round(_BUDGET / max(source.size, 1)), _LEAST_EPOCHS, _MOST_EPOCHS))
    plan = Plan(
        epochs,
        options.minutes,
        rate,
        seed=options.seed,
        average=_AVERAGE,
        patience=_PATIENCE,
        save_every=options.save_every,
    )
    whole = CutoffNetwork(network.model, scorer.head, float(questions.target.std()) or 1.0)
    judge = _judge(job, scorer, weight)
    begin, before = _as_it_begins(whole, judge)
    with torch_session(options.seed):
        state = fit(whole, source, plan, home, _key(job, name, plan), judge, told)
    forget_checkpoints(home)
    losses = [found["loss"] for found in state.scores]
    if before is not None and losses and before < min(losses):
        # Nothing that was learned of paths holds on validation: the regression that the head began as is better.
        whole.load_state_dict(begin)
        state.best = 0
    course = {**_course(state), "validation_loss_before": before, "minutes": options.minutes}
    return Fitted(scorer, {**about, **_sizes(whole), **course}, weight)


def _as_it_begins(
    network: nn.Module, judge: Callable[[], dict[str, float]] | None
) -> tuple[dict[str, Tensor], float | None]:
    """Return a network's weights before it is trained, and how they do on validation."""
    begin = {name: value.detach().clone() for name, value in network.state_dict().items()}
    return begin, None if judge is None else judge()["loss"]


def _questions(job: CutoffJob, network: Pretrained) -> Questions:
    """Return the training rows as a network is asked them."""
    from cartpath.training.cutoff.network import Questions

    rows, of, asked = job.learned_from, _asked_of(job), None
    if of is not None:
        assert isinstance(rows, RepeatRows)
        asked = asked_about(network, job.log, rows, of)
    target = target_of(rows).astype(np.float32)
    weight = np.where(target == 1, _positive_weight(job), 1.0).astype(np.float32)
    return Questions(rows.ends, standing(job.log, rows, of).astype(np.float32), target, weight, asked)


def _scorer(job: CutoffJob, network: Pretrained, questions: Questions) -> BehaviourCutoff:
    """Return the model with a new head, which begins with where users stand; see ``start_head``."""
    from cartpath.models.cutoff.head import CutoffHead
    from cartpath.training.fitting import torch_session

    of, config = _asked_of(job), network.model.config
    columns = len(COLUMNS) + (0 if of is None else len(PAIR_COLUMNS))
    with torch_session(job.options.seed):
        head = CutoffHead(
            int(config.hidden),
            columns,
            outputs=2 if job.of_amounts else 1,
            asked=of is not None,
            dropout=float(config.dropout),
        )
    start_head(head, questions)
    return BehaviourCutoff(network, head, of)


def _asked_of(job: CutoffJob) -> str | None:
    return job.task.of if isinstance(job.task, RepeatTask) else None


def _positive_weight(job: CutoffJob) -> float:
    return 1.0 if job.of_amounts else job.options.positive_weight


def _key(job: CutoffJob, name: str, plan: Plan) -> str:
    return key_of(
        task=name,
        asked=vars(job.task),
        generation=job.log.generation,
        events=job.log.view.n_events,
        cuts=job.split.cuts,
        pretrained=str(job.card["made"]),
        positive_weight=_positive_weight(job),
        settings=dict(job.options.settings),
        plan=plan.fixed(),
    )


def _judge(job: CutoffJob, scorer: BehaviourCutoff, weight: float) -> Callable[[], dict[str, float]] | None:
    """Return what judges on validation: log loss, or squared error on ``LogScale``; None without rows."""
    rows = job.chosen_by
    if not len(rows):
        return None
    target = target_of(rows)

    def figures() -> dict[str, float]:
        found = scorer.predicted(job.log, rows)
        return {"loss": _mean_squared_error(target, found) if job.of_amounts else _log_loss(target, found, weight)}

    return figures


def _mean_squared_error(target: Floats, found: Floats) -> float:
    return float(np.mean((target - found) ** 2))


def _log_loss(label: Floats, logits: Floats, weight: float) -> float:
    # Positives that weighed more are predicted more often; the calibration will take that out again.
    return float(log_loss(label.astype(np.int8), sigmoid(logits - np.log(weight))))


def _sizes(network: nn.Module) -> dict[str, Any]:
    """Return how many parameters there are and how many are trained, the head's with them."""
    found = trainable(network)
    return {"trainable": found["trainable"], "parameters": found["all"], "trainable_share": found["share"]}


def _course(state: State) -> dict[str, Any]:
    return {
        "epochs": round(state.trained, 3),
        "best_epoch": state.best if state.scores else None,
        "losses": state.losses,
        "validation_losses": [found["loss"] for found in state.scores],
        "fit_seconds": round(state.seconds, 1),
        "events_per_second": round(state.events_per_second),
        "resumed": state.resumed,
    }
