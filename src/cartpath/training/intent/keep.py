"""Fitted intent models of a workspace: fitted, calibrated, written, found again, and the best of them named."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cartpath.evaluation import log_loss
from cartpath.models import current_version, folder_of, new_version, read_json, write_json
from cartpath.models.intent import BlendIntent, IntentScorer, fit_step_calibration, held_out_probabilities, load_intent
from cartpath.schema import CartpathError, iso
from cartpath.tasks import STEPS, IntentTask, TimeSplit
from cartpath.training import kept
from cartpath.training.card import read_card, trained_until, write_card
from cartpath.training.checkpoint import CHECKPOINTS
from cartpath.training.data import Progress
from cartpath.training.intent.blends import MEMBERS
from cartpath.training.intent.data import answers_of
from cartpath.training.intent.job import INTENT as INTENT
from cartpath.training.intent.job import Fitted, HeldOut, Job
from cartpath.training.intent.refit import fit_again, held_out, read_held_out, write_held_out
from cartpath.training.intent.registry import BLENDS, RECIPES
from cartpath.training.intent.searched import best_settings, said_of, with_best

_TASK = "task.json"


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
    """Fit a model, calibrate it, write it, and return its card; ``job.done`` has it afterwards.

    What a search found, and ``Options.settings`` before it, is how it is fitted.
    """
    began, best = time.monotonic(), best_settings(job, name)
    settled = with_best(job, best)
    fitted = RECIPES[name].fit(settled, told)
    held = held_out(settled, name, fitted) if _needs_held(settled, fitted) else None
    if job.options.refit:
        fitted = fit_again(settled, name, fitted, told)
    scorer, chosen_by = _calibrated(job, fitted)
    about = {"chosen_by": chosen_by, "searched": said_of(best, settled), "seconds": round(time.monotonic() - began, 2)}
    card = _write(job, name, scorer, fitted, held, about)
    shutil.rmtree(folder_of(job.workspace, artefact(name)) / CHECKPOINTS, ignore_errors=True)
    job.done[name] = scorer
    job.held.pop(name, None)
    if held is not None:
        job.held[name] = held
    return card


def _needs_held(job: Job, fitted: Fitted) -> bool:
    """Tell whether a model, or a member of it, learns from validation."""
    if isinstance(fitted.model, BlendIntent):
        return any(member in job.held for member in fitted.model.members)
    return job.options.refit


def ensure(job: Job, name: str, told: Progress) -> tuple[IntentScorer, Mapping[str, Any]]:
    """Return a model that answers the job's question, and its card; fitted now where there is none."""
    if name in BLENDS:
        for member in MEMBERS:
            if member not in job.done and answers(job, member):
                _kept(job, member, told)
    kept = _kept(job, name, told) if fresh(job, name) else None
    if kept is not None:
        return kept, read_card(_home(job, name))
    card = fit_model(job, name, told)
    return job.done[name], card


def _kept(job: Job, name: str, told: Progress) -> IntentScorer | None:
    """Return a model that was fitted before; None where it has to be fitted again, as where a file is damaged."""
    home = _home(job, name)
    try:
        found = load_intent(home)
    except CartpathError as error:
        told(f"{error.message}: it is ignored", 0.0)
        return None
    if read_card(home).get("refit"):
        job.held[name] = read_held_out(home)
    job.done[name] = found
    return found


def answers(job: Job, name: str) -> bool:
    """Tell whether a model is fitted that answers the job's question, from the same pretrained model."""
    if not kept.answers(job.workspace, INTENT, name, _question(job, name)):
        return False
    card = read_card(_home(job, name))
    # What a refitted one said of validation, before it learned from it, is of its generation.
    return not card.get("refit") or card.get("generation") == job.data.log.generation


def fresh(job: Job, name: str) -> bool:
    """Tell whether a model answers the job's question, and is not to be fitted again for it.

    It is where a search has found better settings since, or where models are to learn from validation too, and this
    one has not.
    """
    if not answers(job, name):
        return False
    card, found = read_card(_home(job, name)), best_settings(job, name)
    searched_since = found is not None and found["id"] != (card.get("searched") or {}).get("id")
    return not searched_since and (bool(card.get("refit")) or not job.options.refit or name in BLENDS)


def fitted_models(workspace: Path) -> list[str]:
    """Return the names of the models that are fitted, for whatever question."""
    return kept.fitted_of(workspace, INTENT, RECIPES)


def fresh_cards(job: Job) -> dict[str, Mapping[str, Any]]:
    """Return the cards of all fitted models that answer the job's question."""
    return {name: read_card(_home(job, name)) for name in fitted_models(job.workspace) if answers(job, name)}


def promote(workspace: Path, cards: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Name the model with the lowest log loss on the calibration slice as the best, and return what was written."""
    return kept.promote(workspace, INTENT, cards, "log loss on the calibration slice, calibrated on other users")


def promoted(workspace: Path) -> str:
    """Return the name of the best model; ``CartpathError`` if none is fitted."""
    return kept.promoted(workspace, INTENT)


def _question(job: Job, name: str) -> dict[str, Any]:
    """Return what the card of a model says if it is of the job's question."""
    return {**job.question, "members": _members(job)} if name in BLENDS else job.question


def _members(job: Job) -> dict[str, str]:
    """Return when each member of a blend was made, as far as they are fitted."""
    return {name: str(read_card(_home(job, name))["made"]) for name in MEMBERS if name in job.done}


def _home(job: Job, name: str) -> Path:
    return current_version(job.workspace, artefact(name), "cartpath finetune")


def _calibrated(job: Job, fitted: Fitted) -> tuple[IntentScorer, float | None]:
    """Calibrate a model on the calibration slice; return its log loss there, each user calibrated on the others."""
    data, seed, answers = job.data, job.options.seed, answers_of(job.data)
    rows = data.rows.of("calibration")
    if not len(rows):
        return IntentScorer(fitted.model, answers=answers), None
    logits = fitted.model.logits(data.log, rows.ends)
    about = (logits, rows.label, rows.step, rows.user, seed, fitted.weight)
    apart, at = held_out_probabilities(*about), np.isin(rows.step, STEPS)
    loss = log_loss(rows.label[at], apart[at]) if at.any() else None
    return IntentScorer(fitted.model, fit_step_calibration(*about), answers), loss


def _write(
    job: Job, name: str, scorer: IntentScorer, fitted: Fitted, held: HeldOut | None, about: Mapping[str, Any]
) -> dict[str, Any]:
    data, refit = job.data, held is not None
    with new_version(job.workspace, artefact(name)) as folder:
        scorer.save(folder)
        if held is not None:
            write_held_out(folder, held)
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
            refit=refit,
            learned_until=iso(data.split.cuts[1 if refit else 0]),
            positive_weight=fitted.weight,
            **about,
            **counts,
            **fitted.about,
        )
