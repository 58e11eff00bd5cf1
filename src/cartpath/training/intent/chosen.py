"""The fitted model that predicts: the best, or one by name; and paths scored by it a stretch at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cartpath import store
from cartpath.features import stretch
from cartpath.models import current_version, has_version
from cartpath.models.intent import IntentScorer, check_catalogue, encoders_of, load_intent
from cartpath.schema import MICROSECONDS, CartpathError
from cartpath.store import PathView
from cartpath.training.card import read_card
from cartpath.training.intent.keep import INTENT, artefact, promoted
from cartpath.training.intent.registry import METHODS, RECIPES

#: Events of the paths that are scored at once; a user's path is never cut.
AT_ONCE = 50_000


@dataclass(frozen=True)
class Chosen:
    """A fitted model.

    Attributes
    ----------
    name : str
    scorer : IntentScorer
    card : mapping
    """

    name: str
    scorer: IntentScorer
    card: Mapping[str, Any]

    def about(self) -> dict[str, Any]:
        """Return what every result of it says: task, model, and what was asked of it when it was fitted."""
        horizon = self.card.get("horizon")
        asked = {"target": self.card.get("target"), "horizon_seconds": horizon and int(horizon) // MICROSECONDS}
        return {"task": INTENT, "model": self.name, **asked}


def chosen_model(workspace: Path, name: str | None = None) -> Chosen:
    """Load the model that is promoted as the best, or another one.

    Parameters
    ----------
    workspace : Path
    name : str, optional

    Raises
    ------
    CartpathError
        If none is fitted, the name is unknown or not fitted, or a file of the model is damaged.
    """
    name = promoted(workspace) if name is None else name
    if name not in RECIPES:
        raise CartpathError(f"there is no intent model {name!r}", f"known: {', '.join(RECIPES)}")
    if not has_version(workspace, artefact(name)):
        raise CartpathError(f"the intent model {name!r} is not fitted yet", f"fit it: {_fits(name, workspace)}")
    home = current_version(workspace, artefact(name), "cartpath finetune")
    scorer, card = load_intent(home), read_card(home)
    with store.open_snapshot(workspace) as snapshot:
        check_model(name, scorer, snapshot.codes, workspace)
    return Chosen(name, scorer, card)


def check_model(name: str, scorer: IntentScorer, codes: Callable[[str], list[str]], workspace: Path) -> None:
    """Refuse a model that was fitted on another catalogue; see ``models.intent.check_catalogue``."""
    for encoder in encoders_of(scorer.model):
        check_catalogue(encoder.items.values, codes("item"), f"the intent model {name!r}", str(workspace))


def _fits(name: str, workspace: Path) -> str:
    method = name.removeprefix("behaviour-")
    if method in METHODS:
        return f"cartpath finetune {workspace} --task intent --method {method}"
    return f"cartpath evaluate {workspace} --task intent --models {name}"


def pieces(view: PathView, most: int = AT_ONCE) -> Iterator[tuple[int, PathView]]:
    """Cut paths into stretches of whole users; yield the row of the first user of each, and the stretch.

    Parameters
    ----------
    view : PathView
    most : int
        Events of a stretch, unless one user has more.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from cartpath.features import log_from_table
    >>> when = pa.array([0, 1, 2], pa.timestamp("s", tz="UTC"))
    >>> log = log_from_table(pa.table({"user_id": ["u", "u", "v"], "ts": when, "event": ["view"] * 3}))
    >>> sorted(part.n_events for _, part in pieces(log.view, 1))
    [1, 2]
    """
    first = 0
    while first < view.n_users:
        within = int(np.searchsorted(view.offsets, view.offsets[first] + most, side="right")) - 1
        last = min(max(within, first + 1), view.n_users)
        yield first, stretch(view, first, last)
        first = last
