"""Judging every intent model on the same rows of a slice that none of them has learned from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cartpath.models import current_version, folder_of, write_json
from cartpath.models.artefact import finite
from cartpath.models.intent import IntentScorer
from cartpath.schema import CartpathError
from cartpath.tasks import JUDGED, STEPS, IntentRows, check_judged
from cartpath.training.card import versions
from cartpath.training.data import Progress, open_log, silent
from cartpath.training.intent.by_groups import check_groups, group_tables
from cartpath.training.intent.finetune import check_task, open_job
from cartpath.training.intent.job import Job, Options
from cartpath.training.intent.judging import Judged, measured, scored
from cartpath.training.intent.keep import INTENT, artefact, ensure, fitted_models, fresh_cards, promote
from cartpath.training.intent.profits import Worth, profit_tables, worth_of
from cartpath.training.intent.registry import named
from cartpath.training.intent.tables import leaderboard, middle_step, paired, reliability_rows
from cartpath.training.kept import Ready, make_ready
from cartpath.training.next_event import judge_next_event
from cartpath.training.pretrain import NAME
from cartpath.training.results import METRICS, about_version


def evaluate(
    workspace: Path | str,
    *,
    task: str = INTENT,
    models: str | None = None,
    at_k: Sequence[int] = STEPS,
    slice: str | None = None,
    by: Sequence[str] = (),
    value: float | None = None,
    cost: float | None = None,
    uplift: float = 1.0,
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
    by : sequence of str
        Properties of sessions (``channel``, ``device``, ``country`` ...) or ``returning``: figures of each group, at
        the middle step.
    value, cost, uplift : float, optional
        Of a coupon: what a purchase that it brings about is worth, what it costs, and of which share of the purchases
        that is assumed; see ``profits.Worth``.
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
        ``cartpath.training``, of the middle step), ``generation``, ``seed``, ``versions``, ``judged``; with ``by``
        ``groups``, with ``value`` ``profit``. Also written to ``models/intent/metrics.json``.

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
    check_groups(by)
    worth = worth_of(value, cost, uplift)
    workspace, told = Path(workspace), progress or silent
    told("reading paths", 0.0)
    with open_log(workspace) as log:
        job = open_job(workspace, log, Options(seed=seed, refit=refit))
        names = named(models, fitted_models(workspace))
        part, rows = _judged_rows(job, steps, slice)
        ready = make_ready(names, lambda name, heard: ensure(job, name, heard), told)
        told("judging", 0.8)
        judged = {name: measured(job, ready, name, rows, part, steps, seed) for name in ready.scorers}
        result = _result(job, ready, judged, rows, part, steps, seed)
        result |= _more(job, ready, judged, rows, result, by, worth)
        homes = {artefact(name): current_version(workspace, artefact(name), "") for name in judged}
        homes[NAME] = job.base
        result["leaderboard"] += judge_next_event(job.base, log, job.data.split, part, seed)
        result["judged"] = {name: about_version(home) for name, home in homes.items()}
    result = finite(result)
    write_json(folder_of(workspace, INTENT) / METRICS, result)
    told("evaluated", 1.0)
    return dict(result)


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


def _result(
    job: Job,
    ready: Ready[IntentScorer],
    judged: Mapping[str, Judged],
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
    middle = middle_step([step for step in steps if any(step in found.at for found in judged.values())])
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
        "paired": paired(judged, steps),
        "k": middle,
        "leaderboard": leaderboard(judged, middle, about),
        "calibration": reliability_rows(judged, rows, middle),
        "versions": versions(),
    }


def _more(
    job: Job,
    ready: Ready[IntentScorer],
    judged: Mapping[str, Judged],
    rows: IntentRows,
    result: Mapping[str, Any],
    by: Sequence[str],
    worth: Worth | None,
) -> dict[str, Any]:
    """Return what is asked about groups and coupons, at the middle step."""
    step, part, seed = int(result["k"]), str(result["slice"]), int(result["seed"])
    mine = np.flatnonzero(rows.step == step)
    at, probabilities = rows.take(mine), {name: found.probabilities[mine] for name, found in judged.items()}
    more: dict[str, Any] = {}
    if by:
        said = {name: (found.scores[mine], found.probabilities[mine]) for name, found in judged.items()}
        more["groups"] = group_tables(job.data.log, at, said, by, step, seed)
    if worth is not None:
        # A threshold chosen where it is judged would flatter itself.
        chosen_on = "validation" if part == "calibration" else "calibration"
        theirs = job.data.rows.of(chosen_on).at(step)
        before = {
            name: scored(job, scorer, ready.cards[name], theirs, chosen_on, seed)[1]
            for name, scorer in ready.scorers.items()
        }
        more["profit"] = profit_tables(worth, at, probabilities, (chosen_on, theirs, before), part, step, seed)
    return more
