"""The fitted model of a task that predicts: the best, or one by name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cartpath.models import has_version
from cartpath.models.cutoff import LabelScorer, SpendScorer, load_cutoff
from cartpath.schema import CartpathError
from cartpath.training import kept
from cartpath.training.cutoff.job import CutoffTask
from cartpath.training.cutoff.question import task_of
from cartpath.training.cutoff.registry import names_for
from cartpath.training.intent.registry import METHODS


@dataclass(frozen=True)
class Chosen:
    """A fitted model, and what it was asked when it was fitted.

    Attributes
    ----------
    name : str
    scorer : LabelScorer or SpendScorer
    task : CutoffTask
    """

    name: str
    scorer: LabelScorer | SpendScorer
    task: CutoffTask


def chosen_model(workspace: Path, task: str, name: str | None = None) -> Chosen:
    """Load the model that is promoted as the best for a task, or another one.

    Raises
    ------
    CartpathError
        If none is fitted, the name is unknown or not fitted, or a file of the model is damaged.
    """
    name = kept.promoted(workspace, task) if name is None else name
    if name not in names_for(task):
        raise CartpathError(f"there is no {task} model {name!r}", f"known: {', '.join(names_for(task))}")
    if not has_version(workspace, kept.artefact(task, name)):
        raise CartpathError(f"the {task} model {name!r} is not fitted yet", f"fit it: {_fits(task, name, workspace)}")
    home = kept.home_of(workspace, task, name)
    try:
        card = kept.card_of(workspace, task, name)
        return Chosen(name, load_cutoff(home), task_of(task, card["asked"]))
    except CartpathError:
        raise
    except Exception as error:
        # Each kind of model has its own files, and each of their readers its own errors.
        raise CartpathError(f"{home} is damaged: {error}", f"fit it again: {_fits(task, name, workspace)}") from error


def _fits(task: str, name: str, workspace: Path) -> str:
    method = name.removeprefix("behaviour-")
    if method in METHODS:
        return f"cartpath finetune {workspace} --task {task} --method {method}"
    return f"cartpath evaluate {workspace} --task {task} --models {name}"
