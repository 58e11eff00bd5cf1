"""Every figure of a model of amounts, with intervals over draws of users, and models compared on the same draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cartpath.evaluation import drawn_errors, drawn_mean, spearman
from cartpath.evaluation.bootstrap import DRAWS
from cartpath.evaluation.drawn import Drawn
from cartpath.models.cutoff.scorer import Floats
from cartpath.tasks import SpendRows

#: Figures with an interval, and those that models are compared by.
WITH_INTERVAL: tuple[str, ...] = ("rmse", "mae", "r2", "coverage")
COMPARED: tuple[str, ...] = ("mse", "mae")


@dataclass(frozen=True)
class AmountFigures:
    """What is measured of a model of spend.

    Attributes
    ----------
    n, positives : int
        Rows, and those that spent anything.
    drawn : dict of str to Drawn
        ``mse``, ``rmse`` and ``r2`` on ``LogScale``, ``mae`` in currency, ``coverage``.
    spearman : float
    width : float
        Of the interval, in currency: the median.
    level : float
        Share of amounts that the interval is to hold.
    mean, predicted : float
        Of the amounts, and of those predicted, in currency.
    """

    n: int
    positives: int
    drawn: dict[str, Drawn]
    spearman: float
    width: float
    level: float
    mean: float
    predicted: float

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as a row of JSON."""
        found: dict[str, Any] = {"n": self.n, "positives": self.positives}
        for name in WITH_INTERVAL:
            interval = self.drawn[name].interval
            found |= {name: interval.value, f"{name}_ci": [interval.low, interval.high]}
        about = {"spearman": self.spearman, "interval_width": self.width, "level": self.level}
        return found | about | {"mean": self.mean, "mean_predicted": self.predicted}


@dataclass(frozen=True)
class Amounts:
    """What a model says of rows.

    Attributes
    ----------
    predicted : float64 array (n,)
        On ``LogScale``.
    score, low, high : float64 array (n,)
        The mean amount to be expected, and the ends of the interval, in currency.
    """

    predicted: Floats
    score: Floats
    low: Floats
    high: Floats


def amount_figures(rows: SpendRows, said: Amounts, level: float, seed: int, draws: int = DRAWS) -> AmountFigures:
    """Measure what a model says of rows.

    Parameters
    ----------
    rows : SpendRows (n)
    said : Amounts (n)
    level : float
    seed, draws : int
    """
    held = (rows.value >= said.low) & (rows.value <= said.high)
    drawn = {
        **drawn_errors(rows.scaled, said.predicted, rows.user, draws, seed),
        "mae": drawn_mean(np.abs(said.score - rows.value), rows.user, draws, seed),
        "coverage": drawn_mean(held.astype(np.float64), rows.user, draws, seed),
    }
    positives, width = int((rows.value > 0).sum()), float(np.median(said.high - said.low))
    found = spearman(rows.value, said.predicted)
    means = float(rows.value.mean()), float(said.score.mean())
    return AmountFigures(len(rows), positives, drawn, found, width, level, *means)


def compared_amounts(a: str, b: str, ours: AmountFigures, theirs: AmountFigures) -> list[dict[str, Any]]:
    """Compare two models: the difference, its interval and p, over the same draws of users."""
    found = []
    for metric in COMPARED:
        pair = ours.drawn[metric].less(theirs.drawn[metric])
        about = {"a": a, "b": b, "k": None, "metric": metric}
        found.append({**about, "difference": pair.difference, "ci": [pair.low, pair.high], "p": pair.p})
    return found
