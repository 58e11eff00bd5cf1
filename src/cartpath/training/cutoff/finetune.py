"""Fine-tuning the pretrained model for churn, spend or repeat purchase, by one method."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cartpath.schema import CartpathError
from cartpath.training.cutoff.keep import fit_model, promote
from cartpath.training.cutoff.opening import opened
from cartpath.training.cutoff.question import Asked, check_task, read_question, words_of, write_question
from cartpath.training.data import Progress, dates_in, silent
from cartpath.training.intent.job import Options
from cartpath.training.intent.registry import METHODS


def finetune(
    workspace: Path | str,
    *,
    task: str,
    method: str = "full",
    asked: Asked | None = None,
    train_until: str | int | None = None,
    valid_until: str | int | None = None,
    calibrate_until: str | int | None = None,
    options: Options | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Fine-tune the pretrained model for a task of users at cut-offs.

    Parameters
    ----------
    workspace : Path
    task : str
        ``churn``, ``spend`` or ``repeat``.
    method : str
        ``full``, ``head``, ``top``, ``lora``, ``adapter`` or ``prefix``; see ``cartpath.models.adaptation``.
    asked : Asked, optional
        The question; it becomes the last one, which every model of the workspace is fitted and judged by.
    train_until, valid_until, calibrate_until : str or int, optional
        The three cuts; by default the pretrained model's, as in ``training.intent``.
    options : Options, optional
    progress : callable, optional

    Returns
    -------
    dict
        The model's card, with ``promoted`` (the best model of the question), and ``replaced``: the question before,
        if it was another one.

    Raises
    ------
    CartpathError
        As ``opened``, or if there is no such task or method.
    """
    check_task(task)
    if method not in METHODS:
        raise CartpathError(f"there is no method {method!r}", f"known: {', '.join(METHODS)}")
    name = f"behaviour-{method}"
    workspace, told, options = Path(workspace), progress or silent, options or Options()
    dates = dates_in(workspace, train_until, valid_until, calibrate_until)
    told("reading paths", 0.0)
    before = read_question(workspace, task)
    with opened(workspace, task, options, asked or Asked(), dates) as job:
        write_question(workspace, job.split, task, job.task)
        card = fit_model(job, name, lambda message, share: told(f"fine-tuning: {message}", 0.95 * share))
        best = promote(job, {name: card})
        other = before is not None and before != (job.split, job.task)
    told("fine-tuning", 1.0)
    return {**card, "promoted": best, "replaced": _words(task, before) if other else None}


def _words(task: str, question: Any) -> Mapping[str, Any]:
    split, asked = question
    return {**words_of(task, asked), "split": split.to_dict()}
