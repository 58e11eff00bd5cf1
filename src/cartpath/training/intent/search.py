"""Searching a model's settings: each trial learns from training and is judged on validation; nothing else is read."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cartpath.models import need
from cartpath.models.artefact import finite
from cartpath.schema import CartpathError
from cartpath.tasks import IntentTask
from cartpath.training.checkpoint import CHECKPOINTS, key_of
from cartpath.training.data import Progress, dates_in, open_log, silent
from cartpath.training.intent.finetune import check_task, horizon_of, open_job
from cartpath.training.intent.job import Job, Options
from cartpath.training.intent.keep import write_task
from cartpath.training.intent.registry import RECIPES
from cartpath.training.intent.searched import keep_best, search_home, with_best
from cartpath.training.intent.settings import checked_settings, search_space, usual_settings
from cartpath.training.setting import Setting, Value

if TYPE_CHECKING:
    from cartpath.training.samplers import How
    from cartpath.training.study import Objective, Report, Study


def search(
    workspace: Path | str,
    *,
    task: str = "intent",
    model: str = "behaviour-full",
    sampler: str = "tpe",
    trials: int = 20,
    pruner: str = "median",
    over: Sequence[str] | None = None,
    settings: Mapping[str, Any] | None = None,
    horizon: str | None = None,
    train_until: str | int | None = None,
    valid_until: str | int | None = None,
    calibrate_until: str | int | None = None,
    epochs: int | None = None,
    minutes: float | None = None,
    seed: int = 0,
    fresh: bool = False,
    save_every: float = 20.0,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Search a model's settings by log loss on the validation slice; ``finetune`` and ``evaluate`` take the best later.

    A search is of one question (generation, cuts, horizon, pretrained model), model, space, sampler and seed: a run of
    the same goes on where the last one ended or was stopped, and adds trials if more are asked for. Calibration and
    test are not read.

    Parameters
    ----------
    workspace : Path
    task : str
        ``intent``.
    model : str
        ``behaviour-METHOD``, ``gru``, ``lstm``, ``transformer``, ``lightgbm``, ``lightgbm-behaviour``, ``logistic``.
    sampler : str
        ``tpe``, ``random`` or ``grid``.
    trials : int
        In all, those of earlier runs counted.
    pruner : str
        ``median``, ``hyperband`` or ``none``: when a trial is ended early, by the loss after an epoch, or some trees.
    over : sequence of str, optional
        Settings to search; by default all that there is a range for, see ``search_space``.
    settings : mapping, optional
        Those that stay as they are said to be.
    horizon, train_until, valid_until, calibrate_until
        As in ``finetune``.
    epochs : int, optional
        Of each trial of a network.
    minutes : float, optional
        Longest time; the trial that it ends is gone on with by the next run.
    seed : int
    fresh : bool
        Whether to forget the trials of earlier runs.
    save_every, progress
        As in ``pretrain``.

    Returns
    -------
    dict
        ``task``, ``model``, ``sampler``, ``pruner``, ``seed``, ``trials`` (finished ones), ``pruned``, ``failed``,
        ``best`` (``loss``, ``settings``, ``trial``; None where none has ended well yet), ``kept`` (whether those are
        the model's settings from now on: no other search of the question found better), ``seconds`` (of this run),
        ``history`` (``trial``, ``state``, ``loss``, ``steps``, ``settings``, ``seconds``, ``error``).

    Raises
    ------
    CartpathError
        If there is no such model, sampler, pruner or setting, validation does not have answers of both kinds, or all
        trials failed.
    """
    need("optuna", "searching settings")
    from cartpath.training.samplers import How
    from cartpath.training.study import opened

    check_task(task)
    if model not in RECIPES:
        raise CartpathError(f"there is no intent model {model!r}", f"known: {', '.join(RECIPES)}")
    if trials < 1:
        raise CartpathError(f"a search has a trial at least, not {trials}", "--trials 20")
    how = How(sampler, pruner, seed)
    given = checked_settings(model, {**(settings or {}), **({} if epochs is None else {"epochs": epochs})})
    space = {name: found for name, found in search_space(model, over).items() if name not in given}
    if not space:
        raise CartpathError("every setting is given, so there is none to search", "leave one to search, or finetune")
    workspace, told, began = Path(workspace), progress or silent, time.monotonic()
    dates = dates_in(workspace, train_until, valid_until, calibrate_until)
    told("reading paths", 0.0)
    with open_log(workspace) as log:
        options = Options(seed=seed, save_every=save_every, searched=False)
        job = open_job(workspace, log, options, dates, IntentTask(horizon=horizon_of(horizon)))
        _check_validation(job)
        write_task(workspace, job.data.split, job.data.task)
        fixed = {name: value for name, value in usual_settings(model).items() if name not in space} | given
        file, name = search_home(workspace) / f"{model}.journal", _name(job, model, space, fixed, how)
        with opened(file, name, space, how, fresh) as study:
            objective = _objective(job, model, fixed, study, trials, told)
            study.run(objective, trials, minutes, _usual(job, model), told)
            result = _result(job, model, study, fixed, how)
    told("searched", 1.0)
    return dict(finite({**result, "seconds": round(time.monotonic() - began, 2)}))


def _check_validation(job: Job) -> None:
    label = job.data.chosen_by().label
    if not 0 < label.sum() < len(label):
        raise CartpathError(
            f"of {len(label):,} questions of the validation slice {int(label.sum()):,} are answered by a"
            f" {job.data.task.target}: there is nothing to choose settings by",
            "choose a longer validation slice: --train-until, --valid-until",
        )


def _name(job: Job, model: str, space: Mapping[str, Setting], fixed: Mapping[str, Value], how: How) -> str:
    """Return the study's name, a hash of what its losses depend on: another question is another study."""
    ranges = {name: [setting.tried, setting.log, setting.choice] for name, setting in space.items()}
    log = job.data.log
    about = {"generation": log.generation, "events": log.view.n_events, "share": log.share}
    return key_of(model=model, space=ranges, fixed=dict(fixed), how=asdict(how), **job.question, **about)


def _usual(job: Job, model: str) -> dict[str, Value]:
    """Return what the model is fitted with where nobody says, what the pretrained model says of it included."""
    config = job.pretrained.model.config
    of_base = {"dropout": config.dropout, "hidden": config.hidden, "layers": config.layers}
    return {**of_base, **usual_settings(model)}


def _objective(
    job: Job, model: str, fixed: Mapping[str, Value], study: Study, trials: int, told: Progress
) -> Objective:
    home, kept = search_home(job.workspace) / model / CHECKPOINTS, dict[str, Any]()

    def objective(number: int, settings: dict[str, Value], report: Report) -> float:
        def heard(message: str, share: float) -> None:
            told(f"trial {number + 1} of {trials}: {message}", (number + share) / trials)

        options = Options(
            seed=job.options.seed,
            save_every=job.options.save_every,
            settings={**fixed, **settings},
            searched=False,
            judged=report,
        )
        mine = with_best(job.variant(options=options, checkpoints=home, kept=kept), None)
        fitted = RECIPES[model].fit(mine, study.watched(heard))
        if fitted.loss is None:
            raise CartpathError("the model was not judged on validation")
        return fitted.loss

    return _cleared(objective, home)


def _cleared(objective: Objective, home: Path) -> Objective:
    """Remove a trial's checkpoints when it is over; what stops the search leaves them, to be gone on from."""

    def cleared(number: int, settings: dict[str, Value], report: Report) -> float:
        try:
            loss = objective(number, settings, report)
        except Exception:
            shutil.rmtree(home, ignore_errors=True)
            raise
        shutil.rmtree(home, ignore_errors=True)
        return loss

    return cleared


def _result(job: Job, model: str, study: Study, fixed: Mapping[str, Value], how: How) -> dict[str, Any]:
    history, best, kept = study.history(), study.best(), False
    count = {state: sum(row["state"] == state for row in history) for state in ("complete", "pruned", "failed")}
    if best is None and history and count["failed"] == len(history):
        raise CartpathError(
            f"all {len(history)} trials failed: {history[0]['error']}", "fix what it names, then --fresh"
        )
    if best is not None:
        best["settings"] = {**fixed, **best["settings"]}
        kept = keep_best(job, model, best, {"trials": sum(count.values()), **asdict(how)})
    return {
        "task": job.question["task"],
        "model": model,
        **asdict(how),
        "trials": sum(count.values()),
        "pruned": count["pruned"],
        "failed": count["failed"],
        "best": best,
        "kept": kept,
        "history": history,
    }
