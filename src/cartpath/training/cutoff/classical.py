"""Models on columns that need no trees: one answer for everybody, and linear ones on RFM or on the whole profile."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from cartpath.evaluation import log_loss
from cartpath.models import need, sigmoid
from cartpath.models.cutoff import ColumnSet, Constant, LinearModel, describe, target_of
from cartpath.models.cutoff.scorer import Floats
from cartpath.models.intent import Design
from cartpath.schema import CartpathError, Event
from cartpath.tasks import ChurnRows, ChurnTask, CutoffRows, RepeatTask, SpendRows, SpendTask
from cartpath.training.cutoff.job import CutoffJob, Fitted
from cartpath.training.data import Progress

#: How strongly weights are held: the inverse of the penalty, from strong to weak.
_STRENGTHS: tuple[float, ...] = (0.001, 0.01, 0.1, 1.0)
_UNCHOSEN = 0.01
#: Recency, frequency, monetary value and tenure: of buyers, and of visitors.
_OF_BUYERS = ("days_since_purchase", "orders", "spend", "tenure")
_OF_VISITORS = ("days_since_visit", "visits", "spend", "tenure")
_OF_PAIRS = ("pair_days_since", "pair_purchases")


def constant(job: CutoffJob, told: Progress) -> Fitted:
    """Take the share of positives, or the mean amount, of training."""
    rows = job.of("train")
    return Fitted(Constant.of(rows), {"n_rows": len(rows)})


def rfm(job: CutoffJob, told: Progress) -> Fitted:
    """Fit a linear model on recency, frequency, monetary value and tenure; see ``linear``."""
    return _linear(job, told, rfm_columns(job))


def linear(job: CutoffJob, told: Progress) -> Fitted:
    """Fit logistic regression, or of spend ridge regression, on every column.

    How strongly weights are held is chosen on validation.
    """
    return _linear(job, told, None)


def lifetime(job: CutoffJob, told: Progress) -> Fitted:
    """Fit BG/NBD to the purchases that training knows, and of spend gamma-gamma."""
    need("scipy", "BG/NBD")
    from cartpath.models.lifetime import LifetimeChurn, LifetimeSpend, fit_lifetime_churn, fit_lifetime_spend

    model: LifetimeChurn | LifetimeSpend
    rows = job.of("train")
    if isinstance(job.task, ChurnTask) and isinstance(rows, ChurnRows):
        model = fit_lifetime_churn(job.log, rows, job.task, job.zone)
    elif isinstance(job.task, SpendTask) and isinstance(rows, SpendRows):
        model = fit_lifetime_spend(job.log, rows, job.task, job.zone)
    else:
        raise CartpathError("BG/NBD tells whether and what a user buys, not what of", "use another model")
    loss = loss_of(job, model.predicted(job.log, job.chosen_by), job.chosen_by) if job.can_choose else 0.0
    about = {name: getattr(model, name) for name in ("buying", "paying") if hasattr(model, name)}
    parameters = {name: vars(value) for name, value in about.items()}
    return Fitted(model, {"n_rows": len(rows), "parameters": parameters, **chosen(job, loss)})


def rfm_columns(job: CutoffJob) -> tuple[str, ...]:
    """Return the columns of RFM: of visits where their absence is asked about, of pairs where these are."""
    if isinstance(job.task, RepeatTask):
        return (*_OF_PAIRS, *_OF_BUYERS)
    of_visits = isinstance(job.task, ChurnTask) and job.task.event != Event.purchase
    return _OF_VISITORS if of_visits else _OF_BUYERS


def weights_of(job: CutoffJob, rows: CutoffRows) -> Floats:
    """Return how much each row weighs in training (n,): of a positive what the options say."""
    positive = (target_of(rows) > 0) & (not job.of_amounts)
    return np.where(positive, job.options.positive_weight, 1.0)


def loss_of(job: CutoffJob, predicted: Floats, rows: CutoffRows) -> float:
    """Return what models are chosen by: log loss in nats, or the mean squared error on ``LogScale``."""
    target = target_of(rows)
    if job.of_amounts:
        return float(np.mean((predicted - target) ** 2))
    # Positives that weighed more are predicted more often; the calibration will take that out again.
    return log_loss(target.astype(np.int8), sigmoid(predicted - np.log(weight_of(job))))


def _linear(job: CutoffJob, told: Progress, names: Iterable[str] | None) -> Fitted:
    need("sklearn", "a linear model")
    told("features", 0.0)
    train, valid = job.learned_from, job.chosen_by
    described = describe(job.log, train)
    columns = ColumnSet.of(described, names)
    table = columns.read(described)
    design = Design.of(table)
    inputs, checked = design.columns(table), columns.read(describe(job.log, valid)) if job.can_choose else None
    tried: list[tuple[float, int, LinearModel]] = []
    for number, strength in enumerate(_STRENGTHS if checked is not None else (_UNCHOSEN,)):
        told(f"{number + 1} of {len(_STRENGTHS)}", 0.3 + 0.15 * number)
        found = _fit(job, inputs, train, strength)
        model = LinearModel(columns, design, np.ravel(found.coef_), float(np.ravel(found.intercept_)[0]))
        tried.append((0.0 if checked is None else loss_of(job, model.of(checked), valid), number, model))
    loss, number, model = min(tried, key=lambda one: one[:2])
    strength = _STRENGTHS[number] if checked is not None else _UNCHOSEN
    about = {"columns": len(columns.names), "n_rows": len(train), "C": strength, **chosen(job, loss)}
    return Fitted(model, about, weight_of(job))


def _fit(job: CutoffJob, inputs: Floats, rows: CutoffRows, strength: float) -> Any:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression, Ridge

    if job.of_amounts:
        # The penalty as in logistic regression, against the sum of squares over twice their variance.
        target = target_of(rows)
        return Ridge(alpha=max(float(target.var()), 1e-6) / strength).fit(inputs, target)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return LogisticRegression(C=strength, max_iter=300).fit(inputs, target_of(rows), weights_of(job, rows))


def chosen(job: CutoffJob, loss: float) -> dict[str, Any]:
    """Return what a card says of how a model was chosen."""
    return {"validation_loss": loss} if job.can_choose else {"validation_loss": None, "not_chosen": why_not(job)}


def why_not(job: CutoffJob) -> str:
    """Say why validation chooses nothing."""
    kind = "every answer of the validation slice is the same" if len(job.chosen_by) else "the validation slice is empty"
    return f"{kind}: settings are the usual ones, not chosen"


def weight_of(job: CutoffJob) -> float:
    """Return what the loss of a positive was multiplied by."""
    return 1.0 if job.of_amounts else job.options.positive_weight
