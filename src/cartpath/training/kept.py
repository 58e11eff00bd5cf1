"""Fitted models of a task in a workspace: where they lie, and which of them is named the best."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from cartpath.models import current_version, folder_of, has_version, read_json, write_json
from cartpath.schema import CartpathError
from cartpath.training.card import read_card
from cartpath.training.data import Progress

Scorer = TypeVar("Scorer")

_BEST = "best.json"


def artefact(task: str, name: str) -> str:
    """Return the folder, below ``models``, of a model's versions.

    Examples
    --------
    >>> artefact("churn", "lightgbm")
    'churn-lightgbm'
    """
    return f"{task}-{name}"


def home_of(workspace: Path, task: str, name: str) -> Path:
    """Return the folder of a model's current version; ``CartpathError`` if there is none."""
    return current_version(workspace, artefact(task, name), "cartpath finetune")


def card_of(workspace: Path, task: str, name: str) -> Mapping[str, Any]:
    """Return the card of a model's current version."""
    return read_card(home_of(workspace, task, name))


def fitted_of(workspace: Path, task: str, names: Iterable[str]) -> list[str]:
    """Return those of some models that are fitted, for whatever question."""
    return [name for name in names if has_version(workspace, artefact(task, name))]


def answers(workspace: Path, task: str, name: str, question: Mapping[str, Any]) -> bool:
    """Tell whether a model is fitted whose card says all that a question does."""
    if not has_version(workspace, artefact(task, name)):
        return False
    try:
        card = card_of(workspace, task, name)
    except CartpathError:
        # Damaged: nothing says what it is, so it is fitted again.
        return False
    return all(card.get(field) == value for field, value in question.items())


def promote(workspace: Path, task: str, cards: Mapping[str, Mapping[str, Any]], by: str) -> dict[str, Any]:
    """Name the model whose ``chosen_by`` is the lowest as the best, and return what was written.

    Parameters
    ----------
    workspace : Path
    task : str
    cards : mapping of str to mapping
        Of the models to choose from, by name; of none with a figure the first is taken.
    by : str
        What ``chosen_by`` is, in words.
    """
    losses = {name: card["chosen_by"] for name, card in cards.items() if card.get("chosen_by") is not None}
    best = min(losses or dict.fromkeys(cards, 0.0), key=lambda name: losses.get(name, 0.0))
    content = {"model": best, "by": by, "losses": losses}
    write_json(folder_of(workspace, task) / _BEST, content)
    return content


def promoted(workspace: Path, task: str) -> str:
    """Return the name of the best model.

    Raises
    ------
    CartpathError
        If none is fitted.
    """
    raw = read_json(folder_of(workspace, task) / _BEST)
    if raw is None:
        raise CartpathError(f"no {task} model is fitted yet", f"fit one: cartpath finetune {workspace} --task {task}")
    return str(raw["model"])


@dataclass(frozen=True)
class Ready(Generic[Scorer]):
    """Models that can be judged, their cards, and why others cannot.

    Attributes
    ----------
    scorers : dict of str to Scorer
    cards : dict of str to mapping
    errors : dict of str to str
    """

    scorers: dict[str, Scorer]
    cards: dict[str, Mapping[str, Any]]
    errors: dict[str, str]


def make_ready(
    names: Sequence[str], ensure: Callable[[str, Progress], tuple[Scorer, Mapping[str, Any]]], told: Progress
) -> Ready[Scorer]:
    """Fit what is missing; a model that cannot be fitted says why, and the others go on.

    Parameters
    ----------
    names : sequence of str
    ensure : callable
        Returns the model of a name and its card, fitted now where there is none.
    told : callable

    Raises
    ------
    CartpathError
        If no model can be fitted.
    """
    ready: Ready[Scorer] = Ready({}, {}, {})
    for place, name in enumerate(names):

        def heard(message: str, share: float, name: str = name, place: int = place) -> None:
            told(f"{name}: {message}", 0.05 + 0.75 * (place + share) / len(names))

        try:
            ready.scorers[name], ready.cards[name] = ensure(name, heard)
        except CartpathError as error:
            ready.errors[name] = str(error)
    if not ready.scorers:
        raise CartpathError(f"no model could be fitted: {next(iter(ready.errors.values()), 'none was named')}")
    return ready
