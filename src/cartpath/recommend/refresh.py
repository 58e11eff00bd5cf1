"""``refresh`` of a shop: the behaviour model and what hangs on it. The blend is chosen anew, other models are named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cartpath.models import built_on, current_version
from cartpath.recommend.fit import NAME, fit_recommender
from cartpath.recommend.slates import count_feedback
from cartpath.training.card import read_card, trained_until
from cartpath.training.data import Progress, silent
from cartpath.training.refresh import MARGIN
from cartpath.training.refresh import refresh as refresh_behaviour


def refresh(
    workspace: Path | str,
    *,
    train_until: str | int | None = None,
    margin: float = MARGIN,
    epochs: int | None = None,
    minutes: float | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Train on with new events, and promote what is not worse; see ``cartpath.training.refresh``.

    Feedback is counted and shown, not learned from: clicks and purchases teach by the events that they are.

    Where a new behaviour model is promoted, the blend of recommendations is chosen anew for it. Models that were
    fine-tuned from the one before go on as they are, of older events, and are named.

    Parameters
    ----------
    workspace : Path
    train_until, margin, epochs, minutes, seed, progress
        As ``cartpath.training.refresh.refresh`` takes them.

    Returns
    -------
    dict
        What that returns, with ``feedback`` (what came of the slates shown since the running model stopped learning),
        ``refitted`` and ``out_of_date``: names of models.
    """
    workspace, told = Path(workspace), progress or silent
    home = current_version(workspace, "behaviour", "cartpath pretrain")
    feedback = count_feedback(workspace, trained_until(read_card(home))).to_dict()
    result = refresh_behaviour(
        workspace,
        train_until=train_until,
        margin=margin,
        epochs=epochs,
        minutes=minutes,
        seed=seed,
        progress=lambda message, share: told(message, 0.9 * share),
    )
    refitted = []
    if result["outcome"] == "promoted" and NAME in dict(built_on(workspace)):
        told("choosing the blend", 0.9)
        fit_recommender(workspace, seed=seed)
        refitted.append(NAME)
    stale = [name for name, fresh in built_on(workspace) if not fresh]
    told("refreshed", 1.0)
    return {**result, "feedback": feedback, "refitted": refitted, "out_of_date": stale}
