"""Fitted again: once everything is chosen on validation, the same is learned from training and validation together.

The calibration slice stays what it is: no model learns from it, and the calibration is fitted on what the model that
was fitted again says of it. Test is not looked at. What has to be chosen on validation afterwards, thresholds and the
weights of blends, is chosen by what the model said of validation before, when it had not learned from it.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from cartpath.models.intent import BlendIntent
from cartpath.training.data import Progress
from cartpath.training.intent.job import Fitted, HeldOut, Job
from cartpath.training.intent.networks import checkpoints_of
from cartpath.training.intent.registry import RECIPES

_HELD = "validation.npz"


def fit_again(job: Job, name: str, chosen: Fitted, told: Progress) -> Fitted:
    """Fit a model on training and validation, by what was chosen: as many epochs or trees, the same settings.

    A blend stays as it is: its members have learned from validation, its weights were chosen by what they said before.

    Parameters
    ----------
    job : Job
    name : str
    chosen : Fitted
        By the same recipe, on training alone.
    told : callable
    """
    if isinstance(chosen.model, BlendIntent):
        return chosen
    options = replace(job.options, **chosen.again, judged=None)
    whole = job.variant(
        data=job.data.with_validation(), options=options, checkpoints=checkpoints_of(job, name) / "refit"
    )
    again = RECIPES[name].fit(whole, lambda message, share: told(f"on validation too: {message}", share))
    return replace(chosen, model=again.model)


def held_out(job: Job, name: str, chosen: Fitted) -> HeldOut:
    """Return what a model that has not learned from validation says of its rows; see ``Job.logits_of``."""
    rows = job.data.rows.of("validation")
    rows = rows.take(np.argsort(rows.ends, kind="stable"))
    if isinstance(chosen.model, BlendIntent):
        logits = chosen.model.of({member: job.logits_of(member, rows) for member in chosen.model.members})
    else:
        logits = chosen.model.logits(job.data.log, rows.ends)
    return HeldOut(rows.ends, logits)


def write_held_out(folder: Path, held: HeldOut) -> None:
    """Write what a model said of validation beside it."""
    np.savez(folder / _HELD, ends=held.ends, logits=held.logits)


def read_held_out(folder: Path) -> HeldOut:
    """Read what ``write_held_out`` wrote."""
    with np.load(folder / _HELD) as arrays:
        return HeldOut(arrays["ends"], arrays["logits"])
