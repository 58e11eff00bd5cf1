"""Models of models: the mean of their log odds, and weights that validation chooses (stacking)."""

from __future__ import annotations

import numpy as np

from cartpath.evaluation import log_loss
from cartpath.models import fit_platt, need, sigmoid
from cartpath.models.intent import BlendIntent, Intent
from cartpath.schema import CartpathError
from cartpath.training.data import Progress
from cartpath.training.intent.job import Fitted, Job

#: What is blended, as far as it is fitted: ours, the trees, and the trees that see what ours does.
MEMBERS: tuple[str, ...] = ("behaviour-full", "behaviour-lora", "lightgbm", "lightgbm-behaviour")
_LEAST_POSITIVES = 20


def average(job: Job, told: Progress) -> Fitted:
    """Average the members' log odds, each brought to one scale on validation."""
    members = _members(job)
    logits, rows = _logits(job, members), job.data.chosen_by()
    scales = {name: fit_platt(found, rows.label) for name, found in logits.items()}
    weights = {name: scale.slope / len(scales) for name, scale in scales.items()}
    bias = float(np.mean([scale.shift for scale in scales.values()]))
    blend = BlendIntent(members, weights, bias)
    return Fitted(blend, {"weights": weights, "validation_loss": _loss(blend, job, logits)})


def stacked(job: Job, told: Progress) -> Fitted:
    """Weigh the members' log odds by a logistic regression on validation, none below zero.

    Source: Wolpert, Stacked generalization, 1992; Breiman, Stacked regressions, 1996 (weights not negative).

    Raises
    ------
    CartpathError
        If validation has too few positives to say anything.
    """
    need("scipy", "stacking")
    from scipy.optimize import minimize

    members = _members(job)
    logits, rows = _logits(job, members), job.data.chosen_by()
    positives = int(rows.label.sum())
    if positives < _LEAST_POSITIVES:
        raise CartpathError(
            f"stacking needs {_LEAST_POSITIVES} positives in validation, there are {positives}",
            "choose a longer validation slice (--valid-until), or take the average",
        )
    columns = np.column_stack([*logits.values(), np.ones(len(rows))])
    sign = np.where(rows.label == 1, 1.0, -1.0)

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        margin = sign * (columns @ weights)
        slope = -sign * sigmoid(-margin)
        return float(np.logaddexp(0, -margin).mean()), columns.T @ slope / len(sign)

    start = np.append(np.full(len(members), 1 / len(members)), 0.0)
    bounds = [(0.0, None)] * len(members) + [(None, None)]
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    weights = {name: float(weight) for name, weight in zip(members, found.x[:-1], strict=True)}
    if not any(weights.values()):
        raise CartpathError("no member of the stack says anything about validation", "take the average")
    blend = BlendIntent(members, weights, float(found.x[-1]))
    return Fitted(blend, {"weights": weights, "validation_loss": _loss(blend, job, logits)})


def _members(job: Job) -> dict[str, Intent]:
    members = {name: job.done[name].model for name in MEMBERS if name in job.done}
    if len(members) < 2:
        raise CartpathError(
            f"a blend needs two of {', '.join(MEMBERS)}; fitted: {', '.join(members) or 'none'}",
            "name them too: --models all",
        )
    return members


def _logits(job: Job, members: dict[str, Intent]) -> dict[str, np.ndarray]:
    rows = job.data.chosen_by()
    if not len(rows):
        raise CartpathError("the validation slice has no session to blend by", "choose a later --valid-until")
    return {name: job.logits_of(name, rows) for name in members}


def _loss(blend: BlendIntent, job: Job, logits: dict[str, np.ndarray]) -> float:
    return log_loss(job.data.chosen_by().label, sigmoid(blend.of(logits)))
