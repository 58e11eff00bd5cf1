"""Fine-tuning the pretrained model for intent, by one method."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cartpath import config
from cartpath.features import Log
from cartpath.models import current_version, need, read_json
from cartpath.models.intent import check_catalogue
from cartpath.schema import CartpathError
from cartpath.tasks import Dates, IntentTask, check_trained_before, check_unshaped
from cartpath.training.card import read_card, split_for, trained_until
from cartpath.training.data import Progress, dates_in, open_log, silent
from cartpath.training.intent.data import intent_data
from cartpath.training.intent.job import Job, Options
from cartpath.training.intent.keep import fit_model, fresh_cards, promote, read_task, write_task
from cartpath.training.intent.registry import METHODS
from cartpath.training.intent.settings import checked_settings
from cartpath.training.pretrain import NAME

#: What models can be fine-tuned for.
TASKS: tuple[str, ...] = ("intent",)


def finetune(
    workspace: Path | str,
    *,
    task: str = "intent",
    method: str = "full",
    horizon: str | None = None,
    train_until: str | int | None = None,
    valid_until: str | int | None = None,
    calibrate_until: str | int | None = None,
    epochs: int | None = None,
    minutes: float | None = None,
    seed: int = 0,
    positive_weight: float | None = None,
    settings: Mapping[str, Any] | None = None,
    searched: bool = True,
    refit: bool = False,
    resume: bool = True,
    save_every: float = 20.0,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Fine-tune the pretrained model for intent: at a step of a session, will a purchase follow?

    Every step of the training sessions is learned from, in one pass over each path; the pass whose weights are kept is
    chosen on validation, and probabilities are calibrated on the slice after it. The test slice is not looked at.

    Parameters
    ----------
    workspace : Path
    task : str
        ``intent``.
    method : str
        ``full``, ``head``, ``top``, ``lora``, ``adapter`` or ``prefix``; see ``cartpath.models.adaptation``.
    horizon : str, optional
        Within which the purchase must follow, such as ``"24h"``; the rest of the session by default.
    train_until : str or int, optional
        The first cut, as in ``pretrain``; by default the pretrained model's.
    valid_until, calibrate_until : str or int, optional
        The two cuts after it; by default the pretrained model's, or with ``train_until`` the middle of what is left
        and the end of the log. See ``cartpath.tasks.time_split_of``.
    epochs, minutes, seed, resume, save_every, progress
        As in ``pretrain``.
    positive_weight : float, optional
        What the loss of a positive is multiplied by; the calibration takes it out again. 1 by default.
    settings : mapping, optional
        Of training and of the method, such as ``{"learning_rate": 5e-4, "rank": 8}``; see
        ``cartpath.training.intent.settings.known_settings``.
    searched : bool
        Whether settings that are not given are the best that ``search`` found, where it has looked.
    refit : bool
        Whether the same is learned again from training and validation, once everything is chosen: as many epochs, the
        same settings. Calibration and test are not learned from, and the pretrained model has seen nothing from
        ``train_until`` on, all the same. It takes about as long again, whatever ``minutes`` says.

    Returns
    -------
    dict
        The model's card: ``generation``, ``split``, ``method``, ``trainable``, ``n_train``, ``positives_train``,
        ``epochs``, ``settings``, ``searched``, ``refit``, ``learned_until``, ``seconds``, ``promoted`` (the best model
        of the workspace) …

    Raises
    ------
    CartpathError
        If nothing is pretrained, or what is pretrained saw events at or after ``train_until``, there is no such method
        or setting, or the training slice does not give answers of both kinds.
    """
    check_task(task)
    if method not in METHODS:
        raise CartpathError(f"there is no method {method!r}", f"known: {', '.join(METHODS)}")
    workspace, told, name = Path(workspace), progress or silent, f"behaviour-{method}"
    given = dict(settings or {}) | ({} if positive_weight is None else {"positive_weight": positive_weight})
    options = Options(
        epochs, minutes, seed, 1.0, resume, save_every, checked_settings(name, given), searched=searched, refit=refit
    )
    dates = dates_in(workspace, train_until, valid_until, calibrate_until)
    told("reading paths", 0.0)
    with open_log(workspace) as log:
        job = open_job(workspace, log, options, dates, IntentTask(horizon=horizon_of(horizon)))
        write_task(workspace, job.data.split, job.data.task)
        card = fit_model(job, name, lambda message, share: told(f"fine-tuning: {message}", 0.95 * share))
        best = promote(workspace, {**fresh_cards(job), name: card})
    told("fine-tuning", 1.0)
    return {**card, "promoted": best["model"]}


def check_task(task: str) -> None:
    """Refuse a task that there is no model of."""
    if task not in TASKS:
        raise CartpathError(f"there is no task {task!r}", f"known: {', '.join(TASKS)}")


def horizon_of(text: str | None) -> int | None:
    """Return a horizon as microseconds; none, or ``session``, is the rest of the session.

    Examples
    --------
    >>> horizon_of("24h"), horizon_of("session")
    (86400000000, None)
    """
    from cartpath.schema import MICROSECONDS, seconds

    return None if text in (None, "session") else seconds(text) * MICROSECONDS


def open_job(
    workspace: Path, log: Log, options: Options, dates: Dates | None = None, task: IntentTask | None = None
) -> Job:
    """Find what is asked of a log, and the pretrained model.

    Parameters
    ----------
    workspace : Path
    log : Log
        The workspace's.
    options : Options
    dates, task : optional
        By default those of the last fine-tuning.

    Raises
    ------
    CartpathError
        If nothing is pretrained, the pretrained model saw too much, or there is nothing to learn.
    """
    for module in ("torch", "transformers", "accelerate", "lightgbm"):
        need(module)
    base = current_version(workspace, NAME, "cartpath pretrain")
    card = read_card(base)
    asked = read_task(workspace) if task is None else None
    split = asked[0] if asked else split_for(log.view, card, dates or dates_in(workspace))
    check_trained_before(trained_until(card), split)
    check_unshaped(log.shaped_until, split)
    _check_base(base, log, workspace)
    data = intent_data(log, split, asked[1] if asked else task)
    return Job(workspace, data, base, card, options, zone=config.load(workspace).shop.time_zone)


def _check_base(base: Path, log: Log, workspace: Path) -> None:
    """Refuse a pretrained model of another shop: a fine-tuned one would know none of its items."""
    try:
        known = (read_json(base / "encoder.json") or {})["vocabularies"]["item"]["values"]
    except (KeyError, TypeError) as error:
        raise CartpathError(
            f"{base} is damaged: encoder.json has no {error}", "train it again: cartpath pretrain"
        ) from None
    check_catalogue(known, log.codes("item"), f"the pretrained model in {base}", str(workspace))
