"""Churn as of the shop's latest event: the scorer of ``cartpath predict --task churn``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cartpath import config, store
from cartpath.features import Log
from cartpath.features.profile.reference import Reference
from cartpath.features.surroundings import Surroundings, in_snapshot, surrounded
from cartpath.models.cutoff import LabelScorer
from cartpath.schema import CartpathError
from cartpath.serving.scorers.scored import Scored, base_rate
from cartpath.training import kept
from cartpath.training.cutoff.asking import asked_at
from cartpath.training.cutoff.chosen import Chosen, chosen_model

TASK = "churn"


class ChurnScores:
    """Answers with the promoted churn model.

    Churn is asked as of a moment of the shop, not of the shopper: just after the latest event that the shop has had,
    as ``cartpath predict`` asks by default. A clock that is wrong changes nothing then.

    Parameters
    ----------
    chosen : Chosen
    version : str
    card : mapping
    reference : Reference
        What is usual in the shop; as of when the model was loaded.
    zone : str
    """

    def __init__(self, chosen: Chosen, version: str, card: Mapping[str, Any], reference: Reference, zone: str) -> None:
        if not isinstance(chosen.scorer, LabelScorer):
            raise CartpathError(f"the {TASK} model {chosen.name!r} gives no probabilities", "fit it again")
        self.chosen, self.scorer, self.version, self.model = chosen, chosen.scorer, version, chosen.name
        self.made = str(card.get("made"))
        self.base = Scored(base_rate(card), fallback=True)
        self._reference, self._zone = reference, zone

    @classmethod
    def load(cls, workspace: Path) -> ChurnScores:
        """Load the model that is promoted; ``CartpathError`` if none is fitted, or the store is empty."""
        chosen = chosen_model(workspace, TASK)
        card, zone = kept.card_of(workspace, TASK, chosen.name), config.load(workspace).shop.time_zone
        version = kept.home_of(workspace, TASK, chosen.name).name
        with store.open_snapshot(workspace) as snapshot:
            last = snapshot.totals.last_ts
            if last is None:
                raise CartpathError("the store has no events", "ingest some first: cartpath ingest SHOP SOURCE")
            reference = in_snapshot(snapshot, zone).reference_at(last + 1)
        return cls(chosen, version, card, reference, zone)

    def score(self, log: Log, now: int, drivers: int) -> list[Scored]:
        """Return an answer for each user; the base rate for who was not active in the way that the question wants."""
        answers = [self.base] * log.view.n_users
        if not log.view.n_events:
            return answers
        # Made anew: what it keeps is of a moment, and every question has its own.
        around = surrounded(log, Surroundings(lambda at: self._reference, _no_repurchase, self._zone))
        rows = asked_at(around, now + 1, self.chosen.task)
        if len(rows):
            for user, score in zip(rows.user, self.scorer.score(around, rows), strict=True):
                answers[user] = Scored(float(score))
        return answers


def _no_repurchase(*asked: Any) -> Any:
    raise CartpathError("churn is not asked of things", "ask cartpath predict --task repeat")
