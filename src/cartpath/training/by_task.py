"""Fine-tuning, judging and asking, by the name of the task."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cartpath.schema import CartpathError
from cartpath.training.cutoff.evaluate import evaluate as evaluate_cutoffs
from cartpath.training.cutoff.finetune import finetune as finetune_cutoffs
from cartpath.training.cutoff.predict import predict as predict_cutoffs
from cartpath.training.cutoff.question import TASKS, Asked
from cartpath.training.intent.evaluate import evaluate as evaluate_intent
from cartpath.training.intent.finetune import finetune as finetune_intent
from cartpath.training.intent.job import Options
from cartpath.training.intent.keep import INTENT
from cartpath.training.intent.predict import predict as predict_intent
from cartpath.training.intent.settings import METHODS, checked_settings, method_settings

#: What models are fine-tuned for.
KNOWN: tuple[str, ...] = (INTENT, *TASKS)
#: Options that make the question of a task of users at cut-offs, and those that only intent has.
_ASKED = ("horizon", "active_within", "event", "of", "step")
_OF_INTENT = ("at_k", "by", "value", "cost", "uplift", "refit")
_CUTS = ("train_until", "valid_until", "calibrate_until", "minutes")
_FITTING = ("epochs", "minutes", "seed", "positive_weight", "resume", "save_every", "settings")


def finetune(workspace: Path | str, *, task: str = INTENT, **options: Any) -> dict[str, Any]:
    """Fine-tune the pretrained model for a task, by a method.

    Parameters
    ----------
    workspace : Path
    task : str
        ``intent``, ``churn``, ``spend`` or ``repeat``.
    **options
        ``method``, ``horizon``, ``train_until``, ``valid_until``, ``calibrate_until``, ``epochs``, ``minutes``,
        ``seed``, ``positive_weight``, ``settings``, ``resume``, ``save_every``, ``progress``; of intent ``searched``
        and ``refit``: see ``training.intent.finetune``.
        Of users at cut-offs also ``active_within``, ``event``, ``of`` and ``step``: see ``training.cutoff.question``.

    Returns
    -------
    dict
        The model's card.

    Raises
    ------
    CartpathError
        If there is no such task, an option means nothing to it, or nothing can be learned.
    """
    check_known(task)
    if task == INTENT:
        return finetune_intent(workspace, task=task, **_without(options, task, _ASKED[1:]))
    options = _without({**options, "refit": options.get("refit") or None}, task, ("refit",))
    options.pop("searched", None)  # nothing is searched of these
    options |= _settings(options.get("method") or "full", options.get("settings") or {})
    fitting = {name: options.pop(name) for name in _FITTING if options.get(name) is not None}
    options = {name: value for name, value in options.items() if name not in _FITTING}
    return finetune_cutoffs(workspace, task=task, options=Options(**fitting), asked=_asked(options), **options)


def evaluate(workspace: Path | str, *, task: str = INTENT, **options: Any) -> dict[str, Any]:
    """Judge the models of a task on a later slice; those that are not fitted yet are fitted first.

    Parameters
    ----------
    workspace : Path
    task : str
        ``intent``, ``churn``, ``spend`` or ``repeat``.
    **options
        ``models``, ``slice``, ``seed``, ``progress``. Of intent ``at_k``, ``by``, ``value``, ``cost``, ``uplift`` and
        ``refit``; of users at cut-offs those of their question,
        ``train_until``, ``valid_until`` and ``calibrate_until``, which then take the place of the last ones, and
        ``minutes``.

    Returns
    -------
    dict
        See ``training.intent.evaluate`` and ``training.cutoff.evaluate``.

    Raises
    ------
    CartpathError
        If there is no such task, an option means nothing to it, or there is nothing to judge.
    """
    check_known(task)
    if task == INTENT:
        return evaluate_intent(workspace, task=task, **_without(options, task, (*_ASKED, *_CUTS)))
    asked, options = _asked(options), _without(options, task, _OF_INTENT)
    return evaluate_cutoffs(workspace, task=task, asked=asked or None, **options)


def predict(workspace: Path | str, out: Path | str, *, task: str = INTENT, **options: Any) -> dict[str, Any]:
    """Score users for a task, into a file.

    Parameters
    ----------
    workspace : Path
    out : Path
    task : str
        ``intent``, ``churn``, ``spend`` or ``repeat``.
    **options
        ``users``, ``model``, ``progress``; of intent ``drivers``; of users at cut-offs ``at``: as of when.

    Returns
    -------
    dict
        See ``training.intent.predict`` and ``training.cutoff.predict``.

    Raises
    ------
    CartpathError
        If there is no such task, an option means nothing to it, or no model is fitted.
    """
    check_known(task)
    if task == INTENT:
        return predict_intent(workspace, out, task=task, **_without(options, task, ("at",)))
    return predict_cutoffs(workspace, out, task=task, **_without(options, task, ("drivers",)))


def check_known(task: str) -> None:
    """Refuse a task that there is no model of."""
    if task not in KNOWN:
        raise CartpathError(f"there is no task {task!r}", f"known: {', '.join(KNOWN)}")


def _settings(method: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as what fitting users at cut-offs takes: the method's own, and the weight of a positive."""
    checked = checked_settings(f"behaviour-{method}", given) if method in METHODS else dict(given)
    weight = {"positive_weight": checked.pop("positive_weight")} if "positive_weight" in checked else {}
    for name, value in checked.items():
        if method in METHODS and not method_settings(method, {name: value}):
            raise CartpathError(f"{name} can be set for {INTENT} alone", "leave it out")
    return {**weight, "settings": method_settings(method, checked) if method in METHODS else checked}


def _asked(options: dict[str, Any]) -> Asked:
    """Take the options of a question out of all options."""
    return Asked(**{name: options.pop(name, None) for name in _ASKED})


def _without(options: dict[str, Any], task: str, names: tuple[str, ...]) -> dict[str, Any]:
    """Return options without those that mean nothing to a task; refuse one of these that was given."""
    for name in names:
        if options.get(name) is not None:
            raise CartpathError(f"--{name.replace('_', '-')} means nothing to the task {task}", "leave it out")
    return {name: value for name, value in options.items() if name not in names}
