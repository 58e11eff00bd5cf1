"""Judging the intent models on a slice that none of them has seen."""

from __future__ import annotations

from collections.abc import Mapping
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
from cartpath.evaluation.bootstrap import DRAWS
from cartpath.models import BaseRate, BehaviourIntent, IntentScorer, TreeIntent, current_version, folder_of, write_json
from cartpath.models.artefact import finite
from cartpath.schema import CartpathError
from cartpath.tasks import SLICES, IntentRows, IntentTask, check_trained_before, intent_rows
from cartpath.training.card import read_card, split_of, versions
from cartpath.training.data import Progress, open_log, silent
from cartpath.training.finetune import BASE, INTENT, TREES
from cartpath.training.next_event import judge_next_event
from cartpath.training.pretrain import NAME
from cartpath.training.results import METRICS, about_version, row

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
#: What the cards of the intent models must agree on.
_SHARED = ("cuts", "k", "target", "pretrained")
#: A mean of absolute values: drawing users again adds to it, so the draws do not lie around the figure.
_NO_INTERVAL = frozenset({"calibration_error"})
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
        tests), ``calibration``, ``n``, ``positives``, ``slice``, ``split``, ``generation``, ``seed``, ``versions``,
        ``judged`` (version of each model and when it was made). The next event's rows are left out where the
        behaviour model has been pretrained with other cuts since.
        Also written to ``models/intent/metrics.json``.

    Raises
    ------
    CartpathError
        If nothing is fine-tuned, the models are not of one fine-tuning or saw what they are judged on, or the slice
        has no sessions to judge on.
    """
    if task != "intent":
        raise CartpathError(f"there is no task {task!r}", "known: intent")
    if slice not in SLICES[2:]:
        raise CartpathError(f"there is no slice {slice!r} to judge on", f"known: {', '.join(SLICES[2:])}")
    workspace, told = Path(workspace), progress or silent
    homes = {artefact: current_version(workspace, artefact, "cartpath finetune") for _, artefact, _ in MODELS}
    card = shared_card(homes)
    with open_log(workspace) as log:
        told("scoring", 0.1)
        split = split_of(card)
        check_trained_before(int(card.get("pretrained_until", split.train_until)), split)
        rows = intent_rows(log, split, IntentTask(int(card["k"]), str(card["target"]))).of(slice)
        if not len(rows):
            raise CartpathError(
                f"no session of the {slice} slice reaches {card['k']} steps",
                "ask earlier in the session (finetune --k 2), or ingest more days and pretrain again",
            )
        scorers: dict[str, IntentScorer] = {name: kind.load(homes[artefact]) for name, artefact, kind in MODELS}
        scores = {name: scorer.score(log, rows.ends) for name, scorer in scorers.items()}
        told("intervals", 0.5)
        about = {"slice": slice, "generation": log.generation, "seed": seed, "n": len(rows)}
        about["positives"] = int(rows.label.sum())
        result = _result(rows, scores, card, about)
        homes[NAME] = current_version(workspace, NAME, "cartpath pretrain")
        result["leaderboard"] += judge_next_event(homes[NAME], log, split_of(card), slice, seed)
        result["judged"] = {artefact: about_version(home) for artefact, home in homes.items()}
    result = finite(result)
    write_json(folder_of(workspace, INTENT) / METRICS, result)
    told("evaluated", 1.0)
    return dict(result)


def shared_card(homes: dict[str, Path]) -> Mapping[str, Any]:
    """Return our intent model's card, having made sure that the others answer the same question.

    Raises
    ------
    CartpathError
        If they are of different cuts, steps, targets or pretrained models: a fine-tuning was interrupted.
    """
    cards = {artefact: read_card(home) for artefact, home in homes.items()}
    for artefact, card in cards.items():
        differ = [name for name in _SHARED if card.get(name) != cards[INTENT].get(name)]
        if differ:
            raise CartpathError(
                f"the models {INTENT!r} and {artefact!r} are of different trainings (not the same {', '.join(differ)})",
                "fine-tune again: cartpath finetune",
            )
    return cards[INTENT]


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
    """Return a row for each model and metric, with intervals over draws of users; calibration error has none."""
    found = []
    for model, score in scores.items():
        for name, metric in METRIC_OF.items():
            interval = bootstrap(
                lambda at, metric=metric, score=score: metric(rows.label[at], score[at]),  # type: ignore[misc]
                rows.user,
                draws=0 if name in _NO_INTERVAL else DRAWS,
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
