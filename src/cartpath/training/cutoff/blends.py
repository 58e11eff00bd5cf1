"""Models of models: the mean of what they say, and weights that validation chooses (stacking)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cartpath.models import fit_platt, need, sigmoid
from cartpath.models.cutoff import BlendModel, CutoffModel, target_of
from cartpath.models.cutoff.scorer import Floats
from cartpath.schema import CartpathError
from cartpath.training.cutoff.classical import chosen, loss_of, why_not
from cartpath.training.cutoff.job import CutoffJob, Fitted
from cartpath.training.data import Progress

#: What is blended, as far as it is fitted: ours, the linear model, the trees, and the trees that see what ours does.
MEMBERS: tuple[str, ...] = ("behaviour-full", "behaviour-lora", "linear", "lightgbm", "lightgbm-behaviour")
#: Rows with an answer above zero that weights need.
_LEAST = 20
_Said = Mapping[str, Floats]


def average(job: CutoffJob, told: Progress) -> Fitted:
    """Average what the members say: log odds brought to one scale on validation where that can choose.

    Amounts have one scale as they are.
    """
    members = _members(job)
    said = _said(job, members)
    moved = job.can_choose and not job.of_amounts
    lines = {name: _line(job, found) if moved else (1.0, 0.0) for name, found in said.items()}
    weights = {name: slope / len(lines) for name, (slope, _) in lines.items()}
    bias = float(np.mean([shift for _, shift in lines.values()]))
    return _fitted(job, BlendModel(members, weights, bias), said)


def stacked(job: CutoffJob, told: Progress) -> Fitted:
    """Weigh the members by a regression on validation, logistic or of least squares, no weight below zero.

    Source: Wolpert, Stacked generalization, 1992; Breiman, Stacked regressions, 1996 (weights not negative).

    Raises
    ------
    CartpathError
        If validation has too few answers to say anything.
    """
    members = _members(job)
    positives = int((target_of(job.chosen_by) > 0).sum())
    if not job.can_choose or positives < _LEAST:
        what = f"the validation slice has {positives} answers above zero" if job.can_choose else why_not(job)
        raise CartpathError(
            f"stacking needs {_LEAST} of them that differ: {what}", "choose a longer validation slice, or take average"
        )
    said = _said(job, members)
    columns = np.column_stack([*said.values(), np.ones(len(job.chosen_by))])
    found = (_least_squares if job.of_amounts else _logistic)(columns, target_of(job.chosen_by))
    weights = {name: float(weight) for name, weight in zip(members, found[:-1], strict=True)}
    if not any(weights.values()):
        raise CartpathError("no member of the stack says anything about validation", "take the average")
    return _fitted(job, BlendModel(members, weights, float(found[-1])), said)


def _fitted(job: CutoffJob, blend: BlendModel, said: _Said) -> Fitted:
    loss = loss_of(job, blend.of(said), job.chosen_by) if job.can_choose else 0.0
    return Fitted(blend, {"weights": dict(blend.weights), **chosen(job, loss)})


def _line(job: CutoffJob, predicted: Floats) -> tuple[float, float]:
    """Return the slope and the shift that make log odds those of validation's answers."""
    found = fit_platt(predicted, target_of(job.chosen_by).astype(np.int8))
    return found.slope, found.shift


def _least_squares(columns: Floats, target: Floats) -> Floats:
    need("scipy", "stacking")
    from scipy.optimize import lsq_linear

    lowest = np.append(np.zeros(columns.shape[1] - 1), -np.inf)
    return np.asarray(lsq_linear(columns, target, bounds=(lowest, np.inf)).x, np.float64)


def _logistic(columns: Floats, target: Floats) -> Floats:
    need("scipy", "stacking")
    from scipy.optimize import minimize

    sign, n = np.where(target > 0, 1.0, -1.0), columns.shape[1] - 1

    def loss(weights: Floats) -> tuple[float, Floats]:
        margin = sign * (columns @ weights)
        slope = -sign * sigmoid(-margin)
        return float(np.logaddexp(0, -margin).mean()), columns.T @ slope / len(sign)

    start, bounds = np.append(np.full(n, 1 / n), 0.0), [(0.0, None)] * n + [(None, None)]
    return np.asarray(minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x, np.float64)


def _members(job: CutoffJob) -> dict[str, CutoffModel]:
    members = {name: job.done[name] for name in MEMBERS if name in job.done}
    if len(members) < 2:
        raise CartpathError(
            f"a blend needs two of {', '.join(MEMBERS)}; fitted: {', '.join(members) or 'none'}",
            "name them too: --models all",
        )
    return members


def _said(job: CutoffJob, members: Mapping[str, CutoffModel]) -> dict[str, Floats]:
    return {name: member.predicted(job.log, job.chosen_by) for name, member in members.items()}
