"""Learning an encoder from events that are read piece by piece: only counts of values are held."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.features.catalogue import content_of_items, event_prices, listed_prices, price_edges
from cartpath.features.encoder import TEXT, PathEncoder, section_of
from cartpath.features.log import Log
from cartpath.features.moments import user_of_event
from cartpath.features.vocabulary import Vocabulary, most_used, users_of_code
from cartpath.schema import CODED_CONTEXT

Codes = npt.NDArray[np.int32]
#: Values kept, places for the rest, users a value needs: of what the catalogue says, and of a session's context.
_CONTENT_SIZE = (500, 32, 1)
_CONTEXT_SIZE = (300, 32, 5)


def fit_encoder(log: Log, until: int) -> PathEncoder:
    """Learn the values of each field from the events before a moment.

    Parameters
    ----------
    log : Log
    until : int
        Microseconds since 1970 UTC. Events at or after it have no influence.

    Returns
    -------
    PathEncoder
    """
    return fit_encoder_over(lambda: [log], until)


def fit_encoder_over(logs: Callable[[], Iterable[Log]], until: int) -> PathEncoder:
    """Learn the values of each field from logs that are read one after another.

    Parameters
    ----------
    logs : callable
        Gives the pieces of a log, whole users each, of the same codes and catalogue; the same each time. At least one.
    until : int
        Microseconds since 1970 UTC. Events at or after it have no influence.

    Returns
    -------
    PathEncoder
        The one that ``fit_encoder`` learns from all of it at once.
    """
    counter: _Counter | None = None
    for log in logs():
        counter = counter or _Counter(log)
        counter.add(log, until)
    if counter is None:
        raise ValueError("no logs to fit an encoder on")
    listed = counter.listed

    def prices() -> Iterable[npt.NDArray[np.float64]]:
        return (event_prices(log.view, listed)[log.view.ts < until] for log in logs())

    return PathEncoder(counter.vocabularies(), price_edges(prices), until, counter.timed)


class _Counter:
    """How many users have each value of each field."""

    def __init__(self, log: Log) -> None:
        self.listed, self.timed = listed_prices(log), log.timed
        self.content = content_of_items(log)
        self.sections, self.section_by_page = _sections(log.codes("page"))
        self.texts: dict[str, Sequence[str]] = {name: values for name, (values, _) in self.content.items()}
        for name in (*(name for name, *_ in TEXT), *CODED_CONTEXT):
            self.texts[name] = self.sections if name == "section" else log.codes(name)
        self.counts = {name: np.zeros(len(values), np.int64) for name, values in self.texts.items()}
        self.seen: set[str] = set()

    def add(self, log: Log, until: int) -> None:
        view = log.view
        before = view.ts < until
        users = user_of_event(view)[before]
        for name, *_ in TEXT:
            codes = self.section_by_page[view.page[before]] if name == "section" else getattr(view, name)[before]
            self._count(name, codes, users)
        for name, (_, by_item) in self.content.items():
            self._count(name, by_item[view.item[before]], users)
        sessions = view.sessions
        known = np.maximum(sessions.start, sessions.context_ts) < until
        for name in CODED_CONTEXT:
            self._count(name, sessions.context[name][known], sessions.user[known])

    def _count(self, name: str, codes: Codes, users: npt.NDArray[Any]) -> None:
        if not (codes >= 0).any():
            return
        self.seen.add(name)
        # Each user is in one piece alone, so counts of users add up.
        self.counts[name] += users_of_code(codes, users, len(self.counts[name]))

    def vocabularies(self) -> dict[str, Vocabulary]:
        sizes = {name: (size, hashed, least) for name, size, hashed, least in TEXT}
        sizes |= dict.fromkeys(self.content, _CONTENT_SIZE) | dict.fromkeys(CODED_CONTEXT, _CONTEXT_SIZE)
        kept = [name for name in sizes if name in self.seen or name in ("event", "item")]
        return {name: most_used(self.texts[name], self.counts[name], *sizes[name]) for name in kept}


def _sections(pages: Sequence[str]) -> tuple[list[str], Codes]:
    """Return the sections of pages, and a section's place by page code; the last is of no page."""
    sections = [section_of(page) for page in pages]
    texts = list(dict.fromkeys(sections))
    place = {text: code for code, text in enumerate(texts)}
    return texts, np.array([*(place[section] for section in sections), -1], np.int32)
