"""Every model of users at cut-offs by name, which tasks it can answer, and how it is fitted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cartpath.schema import CartpathError
from cartpath.training.cutoff import blends, boosted, classical, networks
from cartpath.training.cutoff.job import CutoffJob, Fitted
from cartpath.training.cutoff.question import TASKS
from cartpath.training.data import Progress
from cartpath.training.intent.registry import METHODS


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


def _fine_tuned(method: str) -> Recipe:
    return Recipe(f"the pretrained model, {method}", lambda job, told: networks.fine_tuned(job, method, told))


def _from_scratch(backbone: str, about: str) -> Recipe:
    return Recipe(about, lambda job, told: networks.from_scratch(job, backbone, told))


#: Blends come last: they are made of the others.
RECIPES: Mapping[str, Recipe] = {
    "base-rate": Recipe("the share of positives, or the mean, in training", classical.constant),
    "rfm": Recipe("a linear model on recency, frequency, monetary value and tenure", classical.rfm),
    "bg-nbd": Recipe("BG/NBD, of spend with gamma-gamma, on purchases", classical.lifetime, ("churn", "spend")),
    "linear": Recipe("logistic or ridge regression on every column", classical.linear),
    "lightgbm": Recipe("LightGBM on every column", lambda job, told: boosted.boosted(job, False, told)),
    "gru": _from_scratch("gru", "a GRU on the same input, from scratch"),
    "lstm": _from_scratch("lstm", "an LSTM on the same input, from scratch"),
    "transformer": _from_scratch("transformer", "the behaviour model's network, not pretrained"),
    **{f"behaviour-{method}": _fine_tuned(method) for method in METHODS},
    "lightgbm-behaviour": Recipe(
        "LightGBM on every column and the pretrained model's view of the user",
        lambda job, told: boosted.boosted(job, True, told),
    ),
    "average": Recipe("the mean of what the best kinds say", blends.average),
    "stack": Recipe("what the best kinds say, weighed on validation", blends.stacked),
}
#: What is judged where nobody names models.
USUAL: tuple[str, ...] = ("base-rate", "rfm", "lightgbm")


def names_for(task: str) -> list[str]:
    """Return the models that can answer a task, in the order of fitting."""
    return [name for name, recipe in RECIPES.items() if task in recipe.tasks]


def named(task: str, models: str | None, fitted: Sequence[str]) -> list[str]:
    """Return the names that a list with commas, ``all`` or nothing stands for, in the order of fitting.

    Parameters
    ----------
    task : str
    models : str, optional
        By default what is fitted already, with the base rate, RFM and LightGBM.
    fitted : sequence of str

    Raises
    ------
    CartpathError
        If there is no such model of the task.

    Examples
    --------
    >>> named("churn", "lightgbm, base-rate", [])
    ['base-rate', 'lightgbm']
    """
    known = names_for(task)
    wanted = {*USUAL, *fitted} if models is None else {name.strip() for name in models.split(",") if name.strip()}
    if "all" in wanted:
        return known
    if unknown := sorted(wanted - set(known)):
        raise CartpathError(f"there is no {task} model {unknown[0]!r}", f"known: all, {', '.join(known)}")
    return [name for name in known if name in wanted]
