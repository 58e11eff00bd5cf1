"""What comes next on a path: the behaviour model's distribution over items and over kinds of events."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath import store
from cartpath.features import Log
from cartpath.models import Pretrained, current_version
from cartpath.schema import CartpathError
from cartpath.serving.scorers.scored import Scored, known_rows
from cartpath.store import Snapshot
from cartpath.training.card import read_card

Floats = npt.NDArray[np.float64]
NAME = "behaviour"
#: Items and events that an answer tells.
TOP = 5
#: Ids of a vocabulary before its values: absent, unknown.
_FIRST = 2


class NextScores:
    """Answers with the pretrained behaviour model: the likeliest next item, of those it was trained on.

    Parameters
    ----------
    pretrained : Pretrained
    version, made : str
    items, events : float64 array
        Shares of the shop's events, by item and by kind: the answer where there is no path.
    """

    def __init__(self, pretrained: Pretrained, version: str, made: str, items: Floats, events: Floats) -> None:
        self.pretrained, self.version, self.made, self.model = pretrained, version, made, NAME
        encoder, network = pretrained.encoder, pretrained.model
        self._items, self._events = encoder.items.values, encoder.events.values
        if not len(self._items):
            raise CartpathError("the behaviour model knows no items", "pretrain it on a log that has items")
        # Without the items' and events' own vectors being worked out for every question.
        import torch

        with torch.inference_mode():
            self._vectors = network.item_vectors()[_FIRST:][: len(self._items)].clone()
            self._bias = network.item_bias[_FIRST:][: len(self._items)].clone()
        self.base = self._told(items, events, fallback=True)

    @classmethod
    def load(cls, workspace: Path) -> NextScores:
        """Load the pretrained model; ``CartpathError`` if there is none."""
        home = current_version(workspace, NAME, "cartpath pretrain")
        pretrained = Pretrained.load(home)
        with store.open_snapshot(workspace) as snapshot:
            shares = [
                _shares(snapshot, name, vocabulary.values)
                for name, vocabulary in (("item", pretrained.encoder.items), ("event", pretrained.encoder.events))
            ]
        return cls(pretrained, home.name, str(read_card(home).get("made")), *shares)

    def score(self, log: Log, now: int, drivers: int) -> list[Scored]:
        """Return an answer for each user; see ``Scorer``."""
        answers, rows = [self.base] * log.view.n_users, known_rows(log)
        if not len(rows):
            return answers
        items, events = self.distributions(log, log.view.offsets[1:][rows])
        for place, row in enumerate(rows):
            answers[row] = self._told(items[place], events[place])
        return answers

    def distributions(self, log: Log, ends: npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Return the probability of each item trained on (n, n_items) and of each kind of event (n, n_events).

        Parameters
        ----------
        log : Log
        ends : int64 array (n,)
            Each after the last event that may be known.
        """
        import torch

        network = self.pretrained.model
        with torch.inference_mode():
            hidden = self.pretrained.last_hidden(log, ends)
            # Type 0 asks for the next different item, whatever is done with it.
            query = network.item_query(hidden, torch.zeros(len(hidden), dtype=torch.long))
            items = torch.addmm(self._bias, query, self._vectors.T).softmax(1).double().numpy()
            events = network.next_type(hidden)[:, _FIRST:][:, : len(self._events)].softmax(1).double().numpy()
        return items, events

    def _told(self, items: Floats, events: Floats, *, fallback: bool = False) -> Scored:
        more: dict[str, Any] = {
            "items": [{"item_id": self._items[at], "probability": float(items[at])} for at in _highest(items)],
            "events": [{"event": self._events[at], "probability": float(events[at])} for at in _highest(events)],
        }
        return Scored(float(items.max()), fallback, more=more)


def _highest(values: Floats) -> list[int]:
    """Return the places of the highest values, the highest first."""
    top = min(TOP, len(values))
    places = np.argpartition(-values, top - 1)[:top]
    return [int(at) for at in places[np.argsort(-values[places], kind="stable")]]


def _shares(snapshot: Snapshot, name: str, values: Any) -> Floats:
    """Return the share of the store's events of each value of a dictionary (n_values,); alike where there are none."""
    texts = snapshot.codes(name)
    counts = np.zeros(len(texts) + 1)
    for bucket in range(snapshot.n_buckets):
        codes = getattr(snapshot.bucket(bucket), name)
        counts += np.bincount(codes[codes >= 0], minlength=len(counts))
    by_text = dict(zip(texts, counts, strict=False))
    found = np.array([by_text.get(value, 0.0) for value in values])
    return found / found.sum() if found.sum() else np.full(len(found), 1 / len(found))
