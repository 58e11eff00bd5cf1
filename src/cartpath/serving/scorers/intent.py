"""Purchase intent as of a shopper's latest event: the scorer of ``cartpath predict``."""

from __future__ import annotations

from pathlib import Path

from cartpath.features import Log
from cartpath.models import current_version
from cartpath.serving.scorers.scored import Scored, base_rate, known_rows
from cartpath.training.intent.chosen import Chosen, chosen_model
from cartpath.training.intent.explain import explained
from cartpath.training.intent.keep import artefact


class IntentScores:
    """Answers with the promoted intent model.

    Parameters
    ----------
    chosen : Chosen
    version : str
    """

    def __init__(self, chosen: Chosen, version: str) -> None:
        self.chosen, self.version, self.model = chosen, version, chosen.name
        self.made = str(chosen.card.get("made"))
        self.base = Scored(base_rate(chosen.card), fallback=True)

    @classmethod
    def load(cls, workspace: Path) -> IntentScores:
        """Load the model that is promoted; ``CartpathError`` if none is fitted."""
        chosen = chosen_model(workspace)
        return cls(chosen, current_version(workspace, artefact(chosen.name), "cartpath finetune").name)

    def score(self, log: Log, now: int, drivers: int) -> list[Scored]:
        """Return an answer for each user; see ``Scorer``."""
        answers, rows = [self.base] * log.view.n_users, known_rows(log)
        ends = log.view.offsets[1:][rows]
        if not len(rows):
            return answers
        if not drivers:
            for row, score in zip(rows, self.chosen.scorer.score(log, ends), strict=True):
                answers[row] = Scored(float(score))
            return answers
        for row, told in zip(rows, explained(self.chosen, log, ends, drivers), strict=True):
            answers[row] = Scored(told["score"], drivers=told["drivers"])
        return answers
