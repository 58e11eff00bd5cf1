"""The best settings that a search found for a model: written into the workspace, and taken by later fits of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from cartpath.models import folder_of, read_json, write_json
from cartpath.training.checkpoint import key_of
from cartpath.training.intent.job import INTENT, Job

SEARCH = "search"


def search_home(workspace: Path) -> Path:
    """Return where searches lie."""
    return folder_of(workspace, INTENT) / SEARCH


def best_settings(job: Job, name: str) -> dict[str, Any] | None:
    """Return what a search found best for a model and the job's question; None without one.

    Returns
    -------
    dict or None
        ``id``, ``loss`` (log loss on validation), ``settings``, ``trials``, ``sampler``, ``seed``.
    """
    found = read_json(_file(job.workspace, name))
    if found is None or found["question"] != job.question:
        return None
    return {field: value for field, value in found.items() if field != "question"}


def keep_best(job: Job, name: str, best: Mapping[str, Any], about: Mapping[str, Any]) -> bool:
    """Write down the best of a search, unless another search of the same question found better; tell whether it is.

    Parameters
    ----------
    job : Job
    name : str
    best : mapping
        ``loss`` and ``settings``.
    about : mapping
        Of the search.
    """
    before = best_settings(job, name)
    if before is not None and before["loss"] < best["loss"]:
        return False
    content = {"loss": best["loss"], "settings": dict(best["settings"]), **about}
    known = key_of(settings=content["settings"], **job.question)[:12]
    write_json(_file(job.workspace, name), {"id": known, "question": job.question, **content})
    return True


def with_best(job: Job, best: Mapping[str, Any] | None) -> Job:
    """Return a job with the best settings, where its options want them; those that the options give win."""
    options = job.options
    found = best["settings"] if best is not None and options.searched else {}
    settings = {**found, **options.settings}
    weight = float(settings.pop("positive_weight", options.positive_weight))
    return job.variant(options=replace(options, settings=settings, positive_weight=weight))


def said_of(best: Mapping[str, Any] | None, settled: Job) -> dict[str, Any] | None:
    """Return what the card of a model says of the search: what it found, and which of its settings were taken."""
    if best is None:
        return None
    has = {**settled.options.settings, "positive_weight": settled.options.positive_weight}
    taken = [name for name, value in best["settings"].items() if settled.options.searched and has.get(name) == value]
    return {**best, "taken": taken}


def _file(workspace: Path, name: str) -> Path:
    return search_home(workspace) / f"{name}.json"
