"""Every model of users at cut-offs by name, which tasks it can answer, and how it is fitted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cartpath.training.cutoff import classical
from cartpath.training.cutoff.job import CutoffJob, Fitted
from cartpath.training.data import Progress

TASKS: tuple[str, ...] = ("churn", "spend", "repeat")


@dataclass(frozen=True)
class Recipe:
    """How a model is fitted.

    Attributes
    ----------
    about : str
    fit : callable
        A job and a listener to what was fitted.
    tasks : tuple of str
        What it can answer.
    """

    about: str
    fit: Callable[[CutoffJob, Progress], Fitted]
    tasks: tuple[str, ...] = TASKS


#: Blends come last: they are made of the others.
RECIPES: Mapping[str, Recipe] = {
    "base-rate": Recipe("the share of positives, or the mean, in training", classical.constant),
}
