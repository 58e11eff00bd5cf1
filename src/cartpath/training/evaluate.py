"""Judging the intent models on a slice that none of them has seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.evaluation import (
    Interval,
    average_precision,
    bootstrap,
    brier_score,
    delong,
    expected_calibration_error,
    log_loss,
    paired_bootstrap,
    reliability,
    roc_auc,
)
from cartpath.models import BaseRate, BehaviourIntent, IntentScorer, TreeIntent, current_version, folder_of, write_json
from cartpath.models.artefact import finite
from cartpath.schema import CartpathError
from cartpath.tasks import SLICES, IntentRows, IntentTask, intent_rows
from cartpath.training.card import read_card, split_of, versions
from cartpath.training.data import Progress, open_log, silent
from cartpath.training.finetune import BASE, INTENT, TREES
from cartpath.training.next_event import judge_next_event
from cartpath.training.results import METRICS, row

#: Name on the leaderboard, artefact and class of each intent model, ours first.
MODELS: tuple[tuple[str, str, type[Any]], ...] = (
    ("behaviour", INTENT, BehaviourIntent),
    ("lightgbm", TREES, TreeIntent),
    ("base_rate", BASE, BaseRate),
)
METRIC_OF = {
    "log_loss": log_loss,
    "auc": roc_auc,
    "average_precision": average_precision,
    "brier": brier_score,
    "calibration_error": expected_calibration_error,
}
Scores = dict[str, npt.NDArray[np.float64]]


def evaluate(
    workspace: Path | str,
    *,
    task: str = "intent",
    slice: str = "validation",
    seed: int = 0,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Judge the behaviour model, LightGBM and the base rate on the same sessions of a later slice.

    Parameters
    ----------
    workspace : Path
    task : str
        ``intent``.
    slice : str
        ``validation`` or ``test``; keep the latter for the end.
    seed : int
        Of the bootstrap.
    progress : callable, optional

    Returns
    -------
    dict
        ``leaderboard`` (rows as in ``cartpath.training``), ``comparisons`` (ours less theirs, with intervals and
        tests), ``calibration``, ``n``, ``positives``, ``slice``, ``split``, ``generation``, ``seed``, ``versions``.
        Also written to ``models/intent/metrics.json``.

    Raises
    ------
    CartpathError
        If nothing is fine-tuned, or the slice has no sessions to judge on.
    """
    if task != "intent":
        raise CartpathError(f"there is no task {task!r}", "known: intent")
    if slice not in SLICES[2:]:
        raise CartpathError(f"there is no slice {slice!r} to judge on", f"known: {', '.join(SLICES[2:])}")
    workspace, told = Path(workspace), progress or silent
    home = current_version(workspace, INTENT, "cartpath finetune")
    card = read_card(home)
    with open_log(workspace) as log:
        told("scoring", 0.1)
        rows = intent_rows(log, split_of(card), IntentTask(int(card["k"]), str(card["target"]))).of(slice)
        if not len(rows):
            raise CartpathError(
                f"no session of the {slice} slice reaches {card['k']} steps",
                "ask earlier in the session (finetune --k 2), or ingest more days and pretrain again",
            )
        scorers = {name: load(workspace, artefact, kind) for name, artefact, kind in MODELS}
        scores = {name: scorer.score(log, rows.ends) for name, scorer in scorers.items()}
        told("intervals", 0.5)
        about = {"slice": slice, "generation": log.generation, "seed": seed, "n": len(rows)}
        about["positives"] = int(rows.label.sum())
        result = _result(rows, scores, card, about)
        result["leaderboard"] += judge_next_event(workspace, log, slice, seed)
    result = finite(result)
    write_json(folder_of(workspace, INTENT) / METRICS, result)
    told("evaluated", 1.0)
    return dict(result)


def load(workspace: Path, artefact: str, kind: type[Any]) -> IntentScorer:
    """Load one of the intent models of a workspace."""
    scorer: IntentScorer = kind.load(current_version(workspace, artefact, "cartpath finetune"))
    return scorer


def _result(rows: IntentRows, scores: Scores, card: Any, about: dict[str, Any]) -> dict[str, Any]:
    return {
        "task": INTENT,
        "k": card["k"],
        **about,
        "split": card["split"],
        "trained_on_generation": card["generation"],
        "rate": float(rows.label.mean()),
        "versions": versions(),
        "leaderboard": leaderboard(rows, scores, about),
        "comparisons": comparisons(rows, scores, int(about["seed"])),
        "calibration": [
            {"model": name, **found.to_dict()} for name in scores for found in reliability(rows.label, scores[name])
        ],
    }


def leaderboard(rows: IntentRows, scores: Scores, about: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a row for each model and metric, with intervals over draws of users."""
    found = []
    for model, score in scores.items():
        for name, metric in METRIC_OF.items():
            interval = bootstrap(
                lambda at, metric=metric, score=score: metric(rows.label[at], score[at]),  # type: ignore[misc]
                rows.user,
                seed=about["seed"],
            )
            found.append(row(INTENT, model, name, interval, about))
    return found


def comparisons(rows: IntentRows, scores: Scores, seed: int) -> list[dict[str, Any]]:
    """Compare ours with each other model: log loss and AUC by paired bootstrap over users, AUC also by DeLong."""
    ours = scores["behaviour"]
    found = []
    for name in (name for name in scores if name != "behaviour"):
        theirs = scores[name]
        loss = _difference(rows, log_loss, ours, theirs, seed)
        auc = _difference(rows, roc_auc, ours, theirs, seed)
        test = delong(rows.label, ours, theirs)
        found.append(
            {
                "against": name,
                "log_loss": vars(loss),
                "auc": vars(auc),
                "delong_z": test.z,
                "delong_p": test.p,
            }
        )
    return found


def _difference(rows: IntentRows, metric: Any, ours: Any, theirs: Any, seed: int) -> Interval:
    return paired_bootstrap(
        lambda at: metric(rows.label[at], ours[at]), lambda at: metric(rows.label[at], theirs[at]), rows.user, seed=seed
    )
