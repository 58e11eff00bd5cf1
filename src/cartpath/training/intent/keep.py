"""Fitted intent models of a workspace: fitted, calibrated, written, found again, and the best of them named."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cartpath.evaluation import log_loss
from cartpath.models import current_version, folder_of, new_version, read_json, write_json
from cartpath.models.intent import IntentScorer, fit_step_calibration, held_out_probabilities, load_intent
from cartpath.tasks import STEPS, IntentTask, TimeSplit
from cartpath.training import kept
from cartpath.training.card import read_card, trained_until, write_card
from cartpath.training.data import Progress
from cartpath.training.intent.blends import MEMBERS
from cartpath.training.intent.job import Fitted, Job
from cartpath.training.intent.registry import RECIPES

INTENT = "intent"
_TASK = "task.json"
_BLENDS = ("average", "stack")


def artefact(name: str) -> str:
    """Return the folder, below ``models``, of a model's versions."""
    return kept.artefact(INTENT, name)


def write_task(workspace: Path, split: TimeSplit, task: IntentTask) -> None:
    """Write down what is asked: every model of the workspace is fitted and judged by it."""
    content = {"cuts": list(split.cuts), "target": task.target, "horizon": task.horizon}
    write_json(folder_of(workspace, INTENT) / _TASK, content)


def read_task(workspace: Path) -> tuple[TimeSplit, IntentTask] | None:
    """Return what was asked last; None before anything was."""
    raw = read_json(folder_of(workspace, INTENT) / _TASK)
    if raw is None:
        return None
    first, second, third = (int(cut) for cut in raw["cuts"])
    return TimeSplit((first, second, third)), IntentTask(raw["target"], raw["horizon"])


def fit_model(job: Job, name: str, told: Progress) -> dict[str, Any]:
    """Fit a model, calibrate it, write it, and return its card; ``job.done`` has it afterwards."""
    began = time.monotonic()
    fitted = RECIPES[name].fit(job, told)
    scorer, chosen_by = _calibrated(job, fitted)
    card = _write(job, name, scorer, fitted, chosen_by, time.monotonic() - began)
    job.done[name] = scorer
    return card


def ensure(job: Job, name: str, told: Progress) -> tuple[IntentScorer, Mapping[str, Any]]:
    """Return a model that answers the job's question, and its card; fitted now where there is none."""
    if name in _BLENDS:
        for member in MEMBERS:
            if member not in job.done and fresh(job, member):
                job.done[member] = load_intent(_home(job, member))
    if fresh(job, name):
        job.done[name] = load_intent(_home(job, name))
        return job.done[name], read_card(_home(job, name))
    card = fit_model(job, name, told)
    return job.done[name], card


def fresh(job: Job, name: str) -> bool:
    """Tell whether a model is fitted that answers the job's question, from the same pretrained model."""
    return kept.answers(job.workspace, INTENT, name, _question(job, name))


def fitted_models(workspace: Path) -> list[str]:
    """Return the names of the models that are fitted, for whatever question."""
    return kept.fitted_of(workspace, INTENT, RECIPES)


def fresh_cards(job: Job) -> dict[str, Mapping[str, Any]]:
    """Return the cards of all fitted models that answer the job's question."""
    return {name: read_card(_home(job, name)) for name in fitted_models(job.workspace) if fresh(job, name)}


def promote(workspace: Path, cards: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Name the model with the lowest log loss on the calibration slice as the best, and return what was written."""
    return kept.promote(workspace, INTENT, cards, "log loss on the calibration slice, calibrated on other users")


def promoted(workspace: Path) -> str:
    """Return the name of the best model; ``CartpathError`` if none is fitted."""
    return kept.promoted(workspace, INTENT)


def _question(job: Job, name: str) -> dict[str, Any]:
    """Return what the card of a model says if it is of the job's question."""
    asked: dict[str, Any] = {
        "task": INTENT,
        "cuts": list(job.data.split.cuts),
        "target": job.data.task.target,
        "horizon": job.data.task.horizon,
        "pretrained": str(job.card["made"]),
    }
    if name in _BLENDS:
        asked["members"] = _members(job)
    return asked


def _members(job: Job) -> dict[str, str]:
    """Return when each member of a blend was made, as far as they are fitted."""
    return {name: str(read_card(_home(job, name))["made"]) for name in MEMBERS if name in job.done}


def _home(job: Job, name: str) -> Path:
    return current_version(job.workspace, artefact(name), "cartpath finetune")


def _calibrated(job: Job, fitted: Fitted) -> tuple[IntentScorer, float | None]:
    """Calibrate a model on the calibration slice; return its log loss there, each user calibrated on the others."""
    data, seed = job.data, job.options.seed
    rows = data.rows.of("calibration")
    if not len(rows):
        return IntentScorer(fitted.model), None
    logits = fitted.model.logits(data.log, rows.ends)
    about = (logits, rows.label, rows.step, rows.user, seed, fitted.weight)
    apart, at = held_out_probabilities(*about), np.isin(rows.step, STEPS)
    loss = log_loss(rows.label[at], apart[at]) if at.any() else None
    return IntentScorer(fitted.model, fit_step_calibration(*about)), loss


def _write(
    job: Job, name: str, scorer: IntentScorer, fitted: Fitted, chosen_by: float | None, seconds: float
) -> dict[str, Any]:
    data = job.data
    with new_version(job.workspace, artefact(name)) as folder:
        scorer.save(folder)
        counts: dict[str, int] = {}
        for part in ("train", "validation", "calibration"):
            rows = data.rows.of(part)
            counts |= {f"n_{part}": len(rows), f"positives_{part}": int(rows.label.sum())}
        return write_card(
            folder,
            data.log,
            data.split,
            job.options.seed,
            **_question(job, name),
            model=name,
            pretrained_until=trained_until(job.card),
            chosen_by=chosen_by,
            positive_weight=fitted.weight,
            seconds=round(seconds, 2),
            **counts,
            **fitted.about,
        )
