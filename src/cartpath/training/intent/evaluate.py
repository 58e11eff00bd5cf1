"""Judging every intent model on the same rows of a slice that none of them has learned from."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.evaluation import reliability
from cartpath.models import current_version, folder_of, write_json
from cartpath.models.artefact import finite
from cartpath.models.intent import IntentScorer, held_out_probabilities
from cartpath.schema import CartpathError
from cartpath.tasks import JUDGED, STEPS, IntentRows, check_judged
from cartpath.training.card import versions
from cartpath.training.data import Progress, open_log, silent
from cartpath.training.intent.figures import StepFigures, compared, figures_at
from cartpath.training.intent.finetune import check_task, open_job
from cartpath.training.intent.job import Job, Options
from cartpath.training.intent.keep import INTENT, artefact, ensure, fitted_models, fresh_cards, promote
from cartpath.training.intent.registry import named
from cartpath.training.next_event import judge_next_event
from cartpath.training.pretrain import NAME
from cartpath.training.results import METRICS, about_version, row

Floats = npt.NDArray[np.float64]
#: Every model is compared with these, where they are judged too.
BARS: tuple[str, ...] = ("lightgbm", "base-rate")
_LEADERBOARD = {"log_loss": "log_loss", "auc": "auc", "ap": "average_precision"}


def evaluate(
    workspace: Path | str,
    *,
    task: str = INTENT,
    models: str | None = None,
    at_k: Sequence[int] = STEPS,
    slice: str | None = None,
    seed: int = 0,
    refit: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Judge intent models on the same sessions of a later slice; those that are not fitted yet are fitted first.

    Parameters
    ----------
    workspace : Path
    task : str
        ``intent``.
    models : str, optional
        Names with commas between, or ``all``; by default those that are fitted, the base rate and LightGBM.
    at_k : sequence of int
        Steps at which they are asked.
    slice : str, optional
        ``test``, or ``calibration``: there the probabilities of a user's sessions come from a calibration on others'.
        By default test where it has sessions to judge on.
    seed : int
        Of fits and of the bootstrap.
    refit : bool
        Whether models are fitted again on training and validation, once everything is chosen; see ``finetune``.
    progress : callable, optional

    Returns
    -------
    dict
        ``results`` (a row for each model and step, in the order of steps; a model that could not be fitted has
        ``error``), ``paired`` (each model less LightGBM and less the base rate), ``n`` and ``positives`` of all steps,
        ``slice``, ``split``, ``best`` (by the calibration slice), ``calibration``, ``leaderboard`` (rows as in
        ``cartpath.training``, of the middle step), ``generation``, ``seed``, ``versions``, ``judged``. Also written to
        ``models/intent/metrics.json``.

    Raises
    ------
    CartpathError
        If nothing is pretrained, a name is unknown, no model can be fitted, or the slice has nothing to judge on.
    """
    check_task(task)
    check_judged(slice)
    steps = sorted(set(at_k))
    if not steps or steps[0] < 1:
        raise CartpathError("steps are whole numbers from 1", "ask at some: --at-k 1,3,5,10,20")
    workspace, told = Path(workspace), progress or silent
    told("reading paths", 0.0)
    with open_log(workspace) as log:
        job = open_job(workspace, log, Options(seed=seed, refit=refit))
        names = named(models, fitted_models(workspace))
        part, rows = _judged_rows(job, steps, slice)
        ready = _ready(job, names, told)
        told("judging", 0.8)
        judged = {name: _measured(job, ready, name, rows, part, steps, seed) for name in ready.scorers}
        result = _result(job, ready, judged, rows, part, steps, seed)
        homes = {artefact(name): current_version(workspace, artefact(name), "") for name in judged}
        homes[NAME] = job.base
        result["leaderboard"] += judge_next_event(job.base, log, job.data.split, part, seed)
        result["judged"] = {name: about_version(home) for name, home in homes.items()}
    result = finite(result)
    write_json(folder_of(workspace, INTENT) / METRICS, result)
    told("evaluated", 1.0)
    return dict(result)


@dataclass(frozen=True)
class _Ready:
    scorers: dict[str, IntentScorer]
    cards: dict[str, Mapping[str, Any]]
    errors: dict[str, str]


@dataclass(frozen=True)
class _Judged:
    probabilities: Floats
    at: dict[int, StepFigures]
    seconds: float


def _judged_rows(job: Job, steps: Sequence[int], slice: str | None) -> tuple[str, IntentRows]:
    """Return the slice to judge on, and its rows at some steps."""
    rows = job.data.rows.take(np.flatnonzero(np.isin(job.data.rows.step, steps)))
    parts = JUDGED if slice is None else (slice,)
    part = next((part for part in parts if len(rows.of(part))), parts[-1])
    if not len(rows.of(part)):
        raise CartpathError(
            f"no session of the {part} slice reaches step {steps[0]}",
            "ask earlier in the session (--at-k 1), or ingest more days and fine-tune again",
        )
    return part, rows.of(part)


def _ready(job: Job, names: Sequence[str], told: Progress) -> _Ready:
    """Fit what is missing; a model that cannot be fitted says why, and the others go on."""
    ready = _Ready({}, {}, {})
    for place, name in enumerate(names):

        def heard(message: str, share: float, name: str = name, place: int = place) -> None:
            told(f"{name}: {message}", 0.05 + 0.75 * (place + share) / len(names))

        try:
            ready.scorers[name], ready.cards[name] = ensure(job, name, heard)
        except CartpathError as error:
            ready.errors[name] = str(error)
    if not ready.scorers:
        raise CartpathError(f"no model could be fitted: {next(iter(ready.errors.values()), 'none was named')}")
    return ready


def _measured(
    job: Job, ready: _Ready, name: str, rows: IntentRows, part: str, steps: Sequence[int], seed: int
) -> _Judged:
    scorer, earlier = ready.scorers[name], job.data.rows.of("validation")
    earlier = earlier.take(np.flatnonzero(np.isin(earlier.step, steps)))
    began = time.monotonic()
    scores, found = _scored(job, scorer, ready.cards[name], rows, part, seed)
    seconds, before = time.monotonic() - began, job.scores_of(name, earlier)
    at = {}
    for step in steps:
        mine, theirs = np.flatnonzero(rows.step == step), np.flatnonzero(earlier.step == step)
        if len(mine):
            chosen_by = earlier.take(theirs), before[theirs]
            at[step] = figures_at(rows.take(mine), scores[mine], found[mine], chosen_by, seed)
    return _Judged(found, at, seconds)


def _scored(
    job: Job, scorer: IntentScorer, card: Mapping[str, Any], rows: IntentRows, part: str, seed: int
) -> tuple[Floats, Floats]:
    """Return what rows are ranked by, and their probabilities: the same but on the slice of the calibration.

    There the model's own calibration ranks, and the probability of a user's row comes from one on other users.
    """
    if part != "calibration":
        found = scorer.score(job.data.log, rows.ends)
        return found, found
    every = job.data.rows.of(part)
    logits = scorer.model.logits(job.data.log, every.ends)
    weight = float(card.get("positive_weight", 1.0))
    apart = held_out_probabilities(logits, every.label, every.step, every.user, seed, weight)
    asked = np.isin(every.step, np.unique(rows.step))
    return scorer.calibration.apply(logits, every.step)[asked], apart[asked]


def _result(
    job: Job,
    ready: _Ready,
    judged: Mapping[str, _Judged],
    rows: IntentRows,
    part: str,
    steps: Sequence[int],
    seed: int,
) -> dict[str, Any]:
    data, results = job.data, []
    for step in steps:
        for name, found in judged.items():
            if step in found.at:
                seconds = ready.cards[name].get("seconds")
                results.append({"model": name, "k": step, **found.at[step].to_dict(), "seconds": seconds})
        results += [{"model": name, "k": step, "error": error} for name, error in ready.errors.items()]
    middle = _middle([step for step in steps if any(step in found.at for found in judged.values())])
    about = {"slice": part, "generation": data.log.generation, "seed": seed}
    return {
        "task": INTENT,
        "target": data.task.target,
        "horizon_seconds": None if data.task.horizon is None else data.task.horizon // 1_000_000,
        "n": len(rows),
        "positives": int(rows.label.sum()),
        **about,
        "split": data.split.to_dict(),
        "best": promote(job.workspace, {**fresh_cards(job), **ready.cards})["model"],
        "results": results,
        "paired": _paired(judged, steps),
        "k": middle,
        "leaderboard": _leaderboard(judged, middle, about),
        "calibration": _reliability(judged, rows, middle),
        "versions": versions(),
    }


def _paired(judged: Mapping[str, _Judged], steps: Sequence[int]) -> list[dict[str, Any]]:
    found = []
    for bar in (bar for bar in BARS if bar in judged):
        for name in (name for name in judged if name not in (bar, BARS[-1])):
            for step in (step for step in steps if step in judged[name].at):
                found += compared(name, bar, step, judged[name].at[step], judged[bar].at[step])
    return found


def _middle(steps: Sequence[int]) -> int:
    """Return the step that is shown where there is room for one: the fifth, or else the middle one."""
    return 5 if 5 in steps else steps[len(steps) // 2]


def _leaderboard(judged: Mapping[str, _Judged], step: int, about: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a row for each model and figure, the models of the lowest log loss first."""
    found = []
    for model in sorted(judged, key=lambda model: judged[model].at[step].drawn["log_loss"].value):
        at = judged[model].at[step]
        sizes = {"n": at.n, "positives": at.positives, "k": step}
        for name, shown in _LEADERBOARD.items():
            found.append(row(INTENT, model, shown, at.drawn[name].interval, {**about, **sizes}))
        found.append(row(INTENT, model, "calibration_error", at.calibration, {**about, **sizes}))
    return found


def _reliability(judged: Mapping[str, _Judged], rows: IntentRows, step: int) -> list[dict[str, Any]]:
    mine = np.flatnonzero(rows.step == step)
    return [
        {"model": name, "k": step, **bin.to_dict()}
        for name, found in judged.items()
        for bin in reliability(rows.label[mine], found.probabilities[mine])
    ]
