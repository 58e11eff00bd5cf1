"""What was measured as the tables of a result: pairs of models, the leaderboard, reliability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cartpath.evaluation import reliability
from cartpath.tasks import IntentRows
from cartpath.training.intent.figures import compared
from cartpath.training.intent.judging import Judged
from cartpath.training.intent.keep import INTENT
from cartpath.training.results import row

#: Every model is compared with these, where they are judged too.
BARS: tuple[str, ...] = ("lightgbm", "base-rate")
_LEADERBOARD = {"log_loss": "log_loss", "auc": "auc", "ap": "average_precision"}


def paired(judged: Mapping[str, Judged], steps: Sequence[int]) -> list[dict[str, Any]]:
    """Return each model less LightGBM and less the base rate, at each step."""
    found = []
    for bar in (bar for bar in BARS if bar in judged):
        for name in (name for name in judged if name not in (bar, BARS[-1])):
            for step in (step for step in steps if step in judged[name].at):
                found += compared(name, bar, step, judged[name].at[step], judged[bar].at[step])
    return found


def middle_step(steps: Sequence[int]) -> int:
    """Return the step that is shown where there is room for one: the fifth, or else the middle one."""
    return 5 if 5 in steps else steps[len(steps) // 2]


def leaderboard(judged: Mapping[str, Judged], step: int, about: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a row for each model and figure, the models of the lowest log loss first."""
    found = []
    for model in sorted(judged, key=lambda model: judged[model].at[step].drawn["log_loss"].value):
        at = judged[model].at[step]
        sizes = {"n": at.n, "positives": at.positives, "k": step}
        for name, shown in _LEADERBOARD.items():
            found.append(row(INTENT, model, shown, at.drawn[name].interval, {**about, **sizes}))
        found.append(row(INTENT, model, "calibration_error", at.calibration, {**about, **sizes}))
    return found


def reliability_rows(judged: Mapping[str, Judged], rows: IntentRows, step: int) -> list[dict[str, Any]]:
    """Return the bins of the reliability diagram of each model at a step."""
    mine = np.flatnonzero(rows.step == step)
    return [
        {"model": name, "k": step, **bin.to_dict()}
        for name, found in judged.items()
        for bin in reliability(rows.label[mine], found.probabilities[mine])
    ]
