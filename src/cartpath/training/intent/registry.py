"""Every intent model by name, and how it is fitted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cartpath.schema import CartpathError
from cartpath.training.data import Progress
from cartpath.training.intent import blends, classical, networks
from cartpath.training.intent.job import Fitted, Job
from cartpath.training.intent.settings import METHODS as METHODS


@dataclass(frozen=True)
class Recipe:
    """How a model is fitted.

    Attributes
    ----------
    about : str
    fit : callable
        A job and a listener to what was fitted.
    """

    about: str
    fit: Callable[[Job, Progress], Fitted]


def _fine_tuned(method: str) -> Recipe:
    return Recipe(f"the pretrained model, {method}", lambda job, told: networks.fine_tuned(job, method, told))


def _from_scratch(backbone: str, about: str) -> Recipe:
    return Recipe(about, lambda job, told: networks.from_scratch(job, backbone, told))


#: Blends come last: they are made of the others.
RECIPES: Mapping[str, Recipe] = {
    "base-rate": Recipe("the share of positives at the step", classical.base_rate),
    "logistic": Recipe("logistic regression on the features", classical.logistic),
    "lightgbm": Recipe("LightGBM on the features", lambda job, told: classical.boosted(job, False, told)),
    "gru": _from_scratch("gru", "a GRU on the same input, from scratch"),
    "lstm": _from_scratch("lstm", "an LSTM on the same input, from scratch"),
    "transformer": _from_scratch("transformer", "the behaviour model's network, not pretrained"),
    **{f"behaviour-{method}": _fine_tuned(method) for method in METHODS},
    "lightgbm-behaviour": Recipe(
        "LightGBM on the features and the pretrained model's view of the path",
        lambda job, told: classical.boosted(job, True, told),
    ),
    "lightgbm-text": Recipe(
        "LightGBM on the features and vectors of what the session came to: TF-IDF and item2vec",
        lambda job, told: classical.boosted(job, False, told, text=True),
    ),
    "average": Recipe("mean log odds of the best kinds", blends.average),
    "stack": Recipe("log odds of the best kinds, weighed on validation", blends.stacked),
}
#: Those that are made of others, which are fitted before.
BLENDS: tuple[str, ...] = ("average", "stack")
#: What is judged where nobody names models.
USUAL: tuple[str, ...] = ("base-rate", "lightgbm")


def named(models: str | None, fitted: list[str]) -> list[str]:
    """Return the names that a list with commas, ``all`` or nothing stands for, in the order of fitting.

    Parameters
    ----------
    models : str, optional
        By default what is fitted already, with the base rate and LightGBM.
    fitted : list of str

    Raises
    ------
    CartpathError
        If there is no such model.

    Examples
    --------
    >>> named("lightgbm,base-rate", []), named(None, ["behaviour-full"])
    (['base-rate', 'lightgbm'], ['base-rate', 'lightgbm', 'behaviour-full'])
    """
    wanted = {*USUAL, *fitted} if models is None else {name.strip() for name in models.split(",") if name.strip()}
    if "all" in wanted:
        return list(RECIPES)
    if unknown := sorted(wanted - set(RECIPES)):
        raise CartpathError(f"there is no intent model {unknown[0]!r}", f"known: all, {', '.join(RECIPES)}")
    return [name for name in RECIPES if name in wanted]
