"""Fitted models of users at cut-offs: fitted, calibrated, written, found again, and the best of them named."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from cartpath.evaluation import conformal_quantile, log_loss
from cartpath.models import new_version
from cartpath.models.calibration import choose_calibrator
from cartpath.models.cutoff import AmountCurve, Band, LabelScorer, SpendScorer, load_cutoff, target_of
from cartpath.models.cutoff.scorer import Floats, Ints
from cartpath.tasks import SpendRows
from cartpath.training import kept
from cartpath.training.card import trained_until, write_card
from cartpath.training.cutoff.blends import MEMBERS
from cartpath.training.cutoff.classical import loss_of
from cartpath.training.cutoff.job import AnsweredRows, CutoffJob, Fitted
from cartpath.training.cutoff.question import words_of
from cartpath.training.cutoff.registry import RECIPES, names_for
from cartpath.training.data import Progress

Scorer = LabelScorer | SpendScorer
_BLENDS = ("average", "stack")
#: Parts of the users, each calibrated on the others, where the calibration slice itself is judged.
_FOLDS = 5


def fit_model(job: CutoffJob, name: str, told: Progress) -> dict[str, Any]:
    """Fit a model, calibrate it, write it, and return its card; ``job.done`` has the model afterwards."""
    began = time.monotonic()
    fitted = RECIPES[name].fit(job, told)
    rows = job.of("calibration")
    predicted = fitted.model.predicted(job.log, rows) if len(rows) else np.zeros(0)
    band = _band(job, fitted)
    scorer = calibrated(job, fitted, band, predicted, rows)
    by = _chosen_by(job, fitted, predicted, rows)
    job.done[name] = fitted.model
    return _write(job, name, scorer, fitted, by, time.monotonic() - began)


def ensure(job: CutoffJob, name: str, told: Progress) -> tuple[Scorer, Mapping[str, Any]]:
    """Return a model that answers the job's question, and its card; fitted now where there is none."""
    for member in MEMBERS if name in _BLENDS else ():
        if member not in job.done and fresh(job, member):
            job.done[member] = _load(job, member).model
    if not fresh(job, name):
        fit_model(job, name, told)
    scorer = _load(job, name)
    job.done.setdefault(name, scorer.model)
    return scorer, kept.card_of(job.workspace, job.name, name)


def fresh(job: CutoffJob, name: str) -> bool:
    """Tell whether a model is fitted that answers the job's question, from the same pretrained model."""
    return kept.answers(job.workspace, job.name, name, _question(job, name))


def promote(job: CutoffJob, cards: Mapping[str, Mapping[str, Any]]) -> str:
    """Name the best of all models that answer the question, by the calibration slice, and return its name."""
    fitted = kept.fitted_of(job.workspace, job.name, names_for(job.name))
    known = {name: kept.card_of(job.workspace, job.name, name) for name in fitted if fresh(job, name)}
    by = "squared error on the log scale" if job.of_amounts else "log loss, calibrated on other users"
    where = "calibration" if len(job.of("calibration")) else "validation"
    found = kept.promote(job.workspace, job.name, {**known, **cards}, f"{by}, on the {where} slice")
    return str(found["model"])


def calibrated(job: CutoffJob, fitted: Fitted, band: Band | None, predicted: Floats, rows: AnsweredRows) -> Scorer:
    """Calibrate a model by what it says of rows of the calibration slice, all of them or those of some users.

    Parameters
    ----------
    job : CutoffJob
    fitted : Fitted
    band : Band, optional
        Of spend, without its margin.
    predicted : float64 array (n,)
    rows : AnsweredRows (n)
    """
    target = target_of(rows)
    if not job.of_amounts:
        if not len(rows):
            return LabelScorer(fitted.model)
        found = choose_calibrator(predicted, target.astype(np.int8), rows.user, job.options.seed, fitted.weight)
        return LabelScorer(fitted.model, found.calibrator)
    band, value = band or Band(), rows.value if isinstance(rows, SpendRows) else target
    margin = _margin(band.misses(predicted, target), band.level)
    return SpendScorer(fitted.model, AmountCurve.fit(predicted, value), replace(band, margin=margin))


def held_out(
    job: CutoffJob, rows: AnsweredRows, predicted: Floats, make: Callable[[Floats, AnsweredRows], Scorer]
) -> list[tuple[Ints, Scorer]]:
    """Part the rows of the calibration slice by users; return each part, and a calibration on all other users.

    Parameters
    ----------
    job : CutoffJob
    rows : AnsweredRows (n)
    predicted : float64 array (n,)
    make : callable
        What a model says of rows, and the rows, to a scorer.
    """
    known, code = np.unique(rows.user, return_inverse=True)
    fold = (np.random.default_rng(job.options.seed).permutation(len(known)) % _FOLDS)[code]
    found = []
    for number in np.unique(fold).tolist():
        others = np.flatnonzero(fold != number)
        found.append((np.flatnonzero(fold == number), make(predicted[others], rows.take(others))))
    return found


def apart(
    job: CutoffJob, fitted: Fitted, band: Band | None, predicted: Floats, rows: AnsweredRows
) -> list[tuple[Ints, Scorer]]:
    """Return the parts of the calibration slice and a scorer for each, calibrated on other users."""
    return held_out(job, rows, predicted, lambda said, others: calibrated(job, fitted, band, said, others))


def _margin(misses: Floats, level: float) -> float:
    """Return what a share of answers will not miss a band by: without end where rows are too few to tell."""
    return conformal_quantile(misses, level) if len(misses) + 1 >= 1 / (1 - level) - 1e-9 else float("inf")


def _band(job: CutoffJob, fitted: Fitted) -> Band:
    """Return the band without its margin: by quantiles of errors on validation where there are enough rows."""
    if not job.of_amounts or not job.can_choose:
        return Band()
    return Band.of(fitted.model.predicted(job.log, job.chosen_by), target_of(job.chosen_by))


def _chosen_by(job: CutoffJob, fitted: Fitted, predicted: Floats, rows: AnsweredRows) -> float | None:
    """Return the loss on the calibration slice; of probabilities each user's from a calibration on others.

    Where that slice is empty it is the loss on validation, if there is one.
    """
    if not len(rows):
        return loss_of(job, fitted.model.predicted(job.log, job.chosen_by), job.chosen_by) if job.can_choose else None
    target = target_of(rows)
    if job.of_amounts:
        return float(np.mean((predicted - target) ** 2))
    found = np.zeros(len(rows))
    for mine, scorer in apart(job, fitted, None, predicted, rows):
        assert isinstance(scorer, LabelScorer)
        found[mine] = scorer.of(predicted[mine])
    return log_loss(target.astype(np.int8), found)


def _question(job: CutoffJob, name: str) -> dict[str, Any]:
    """Return what the card of a model says if it is of the job's question."""
    found = {**words_of(job.name, job.task), "cuts": list(job.split.cuts), "pretrained": str(job.card["made"])}
    if name in _BLENDS:
        found["members"] = {
            member: str(kept.card_of(job.workspace, job.name, member)["made"])
            for member in MEMBERS
            if member in job.done and fresh(job, member)
        }
    return found


def _load(job: CutoffJob, name: str) -> Scorer:
    return load_cutoff(kept.home_of(job.workspace, job.name, name))


def _write(
    job: CutoffJob, name: str, scorer: Scorer, fitted: Fitted, by: float | None, seconds: float
) -> dict[str, Any]:
    with new_version(job.workspace, kept.artefact(job.name, name)) as folder:
        scorer.save(folder)
        counts: dict[str, int] = {}
        for part in ("train", "validation", "calibration"):
            rows = job.of(part)
            counts |= {f"n_{part}": len(rows), f"positives_{part}": int((target_of(rows) > 0).sum())}
        return write_card(
            folder,
            job.log,
            job.split,
            job.options.seed,
            **_question(job, name),
            model=name,
            pretrained_until=trained_until(job.card),
            chosen_by=by,
            positive_weight=fitted.weight,
            seconds=round(seconds, 2),
            **counts,
            **fitted.about,
        )
