"""Judging every model of users at cut-offs on the same rows of a slice that none of them has learned from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cartpath.evaluation import reliability
from cartpath.models import folder_of, write_json
from cartpath.models.artefact import finite
from cartpath.schema import CartpathError
from cartpath.tasks import JUDGED, SpendRows, check_judged
from cartpath.training import kept
from cartpath.training.card import versions
from cartpath.training.cutoff.figures import AmountFigures
from cartpath.training.cutoff.job import CutoffJob
from cartpath.training.cutoff.judge import Judged, judged
from cartpath.training.cutoff.keep import Scorer, ensure, promote
from cartpath.training.cutoff.opening import opened
from cartpath.training.cutoff.question import Asked, check_task, words_of, write_question
from cartpath.training.cutoff.registry import named, names_for
from cartpath.training.data import Progress, dates_in, silent
from cartpath.training.intent.job import Options
from cartpath.training.pretrain import NAME
from cartpath.training.results import METRICS, about_version, row

#: Every model is compared with these, where they are judged too.
BARS: tuple[str, ...] = ("lightgbm", "rfm", "base-rate")
_LABEL_BOARD = {"log_loss": "log_loss", "auc": "auc", "ap": "average_precision"}
_AMOUNT_BOARD = {"rmse": "rmse", "mae": "mae", "r2": "r2"}


def evaluate(
    workspace: Path | str,
    *,
    task: str,
    models: str | None = None,
    slice: str | None = None,
    seed: int = 0,
    asked: Asked | None = None,
    train_until: str | int | None = None,
    valid_until: str | int | None = None,
    calibrate_until: str | int | None = None,
    minutes: float | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Judge models on the same users of a later slice; those that are not fitted yet are fitted first.

    Parameters
    ----------
    workspace : Path
    task : str
        ``churn``, ``spend`` or ``repeat``.
    models : str, optional
        Names with commas between, or ``all``; by default those that are fitted, the base rate, RFM and LightGBM.
    slice : str, optional
        ``test``, or ``calibration``: there what is said of a user comes from a calibration on others. By default test
        where somebody is asked about in it.
    seed : int
        Of fits and of the bootstrap.
    asked : Asked, optional
        Another question than the last one; it becomes the last one.
    train_until, valid_until, calibrate_until : str or int, optional
        Other cuts than those of the last question, as in ``finetune``.
    minutes : float, optional
        Longest to fit each network; as long as it takes by default.
    progress : callable, optional

    Returns
    -------
    dict
        ``task``, ``asked``, ``n``, ``positives``, ``results`` (a row for each model; one that could not be fitted has
        ``error``), ``paired`` (each model less LightGBM, RFM and the base rate), ``slice``, ``cutoffs``, ``split``,
        ``best`` (by the calibration slice), ``calibration``, ``leaderboard``, ``generation``, ``seed``, ``versions``,
        ``judged``. Also written to ``models/TASK/metrics.json``.

    Raises
    ------
    CartpathError
        If nothing is pretrained, a name is unknown, no model can be fitted, or nobody is asked about in the slice.
    """
    check_task(task)
    check_judged(slice)
    workspace, told = Path(workspace), progress or silent
    told("reading paths", 0.0)
    cuts = (train_until, valid_until, calibrate_until)
    dates = None if cuts == (None, None, None) else dates_in(workspace, *cuts)
    with opened(workspace, task, Options(seed=seed, minutes=minutes), asked, dates) as job:
        names = named(task, models, kept.fitted_of(workspace, task, names_for(task)))
        part = _judged_part(job, slice)
        write_question(workspace, job.split, task, job.task)
        ready = kept.make_ready(names, lambda name, heard: ensure(job, name, heard), told)
        told("judging", 0.85)
        found = {name: judged(job, ready.scorers[name], ready.cards[name], part, seed) for name in ready.scorers}
        result = _result(job, ready, found, part, seed)
        homes = {kept.artefact(task, name): kept.home_of(workspace, task, name) for name in found}
        result["judged"] = {name: about_version(home) for name, home in {**homes, NAME: job.base}.items()}
    result = finite(result)
    write_json(folder_of(workspace, task) / METRICS, result)
    told("evaluated", 1.0)
    return dict(result)


def _judged_part(job: CutoffJob, slice: str | None) -> str:
    parts = JUDGED if slice is None else (slice,)
    part = next((part for part in parts if len(job.of(part))), parts[-1])
    if not len(job.of(part)):
        raise CartpathError(
            f"nobody is asked about in the {part} slice, so there is nothing to judge on",
            "leave it time for the horizon: --train-until, --valid-until, --calibrate-until of cartpath finetune",
        )
    return part


def _result(
    job: CutoffJob, ready: kept.Ready[Scorer], found: Mapping[str, Judged], part: str, seed: int
) -> dict[str, Any]:
    rows = job.of(part)
    about = {"slice": part, "generation": job.log.generation, "seed": seed}
    results: list[dict[str, Any]] = [
        {"model": name, "k": None, **one.figures.to_dict(), "seconds": ready.cards[name].get("seconds")}
        for name, one in found.items()
    ]
    results += [{"model": name, "k": None, "error": error} for name, error in ready.errors.items()]
    positive = rows.value > 0 if isinstance(rows, SpendRows) else rows.label
    return {
        **words_of(job.name, job.task),
        "n": len(rows),
        "positives": int(positive.sum()),
        "users": len(np.unique(rows.user)),
        **about,
        "cutoffs": len(np.unique(rows.cutoff)),
        "split": job.split.to_dict(),
        "best": promote(job, ready.cards),
        "results": results,
        "paired": _paired(found),
        "leaderboard": _leaderboard(job, found, about),
        "calibration": _reliability(job, found, part),
        "versions": versions(),
    }


def _paired(found: Mapping[str, Judged]) -> list[dict[str, Any]]:
    bars = [bar for bar in BARS if bar in found]
    pairs = [(name, bar) for place, bar in enumerate(bars) for name in found if name not in bars[place:]]
    return [test for name, bar in pairs for test in found[name].less(name, bar, found[bar])]


def _leaderboard(job: CutoffJob, found: Mapping[str, Judged], about: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a row for each model and figure, the models of the lowest loss first."""
    board, first = (_AMOUNT_BOARD, "rmse") if job.of_amounts else (_LABEL_BOARD, "log_loss")
    rows = []
    for model in sorted(found, key=lambda model: found[model].figures.drawn[first].value):
        figures = found[model].figures
        sizes = {"n": figures.n, "positives": figures.positives, "k": None}
        for name, shown in board.items():
            rows.append(row(job.name, model, shown, figures.drawn[name].interval, {**about, **sizes}))
        if not isinstance(figures, AmountFigures):
            rows.append(row(job.name, model, "calibration_error", figures.calibration, {**about, **sizes}))
    return rows


def _reliability(job: CutoffJob, found: Mapping[str, Judged], part: str) -> list[dict[str, Any]]:
    rows = job.of(part)
    if isinstance(rows, SpendRows):
        return []
    return [
        {"model": name, **bin.to_dict()} for name, one in found.items() for bin in reliability(rows.label, one.said)
    ]
