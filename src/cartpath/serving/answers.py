"""What the thread of the models does: questions of live paths to slates and probabilities, several at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from cartpath.features import Log
from cartpath.features.log import join
from cartpath.schema import CartpathError
from cartpath.serving.logs import log_fault
from cartpath.serving.models import RECOMMEND, Loaded
from cartpath.serving.ports import Live, Ranks, Watches
from cartpath.serving.problems import Problem
from cartpath.serving.scorers.scored import Scored, Scorer

SIMILAR, POPULAR = "similar", "popular"
Failed = Callable[[str], None]
#: The answer to whoever asks for a score while live paths cannot be read.
NO_PATHS = Problem(503, "no-paths", "live paths cannot be read now", {"Retry-After": "2"})
#: What an item is said to be shown for where the ranking failed.
FAILED = "popular in this shop: the ranking failed"


@dataclass(frozen=True)
class Question:
    """What a request wants of the models.

    Attributes
    ----------
    kind : str
        ``recommend``, ``intent``, ``churn``, ``next`` or ``similar``.
    user : str
    path : Log, optional
        The path, where it came with the request; one user.
    k : int
        Items, or drivers of a score.
    item : str
        What others are to be similar to.
    """

    kind: str
    user: str = ""
    path: Log | None = None
    k: int = 20
    item: str = ""


@dataclass(frozen=True)
class Shown:
    """A slate, and who chose it.

    Attributes
    ----------
    slate : recommend.Slate
    policy : str
    model : str or None
        None where no model was asked.
    why : str, optional
        Said of every item in place of its own reason.
    """

    slate: Any
    policy: str
    model: str | None
    why: str | None = None


@dataclass(frozen=True)
class Told:
    """A probability, and whose it is."""

    scored: Scored
    model: str


class Answers:
    """Answers questions; called by one thread.

    Parameters
    ----------
    state : Live
    loaded : callable
        Returns what is loaded now.
    failed : callable
        Told the name of a scorer that failed, or ``state``.
    watch : Watches, optional
        Told the scores.
    """

    def __init__(self, state: Live, loaded: Callable[[], Loaded], failed: Failed, watch: Watches | None = None) -> None:
        self._state, self._loaded, self._failed, self._watch = state, loaded, failed, watch

    def __call__(self, questions: Sequence[Question]) -> list[Any]:
        """Return the answer to each question, or the exception that it ended with."""
        found: list[Any] = [None] * len(questions)
        groups: dict[Hashable, list[int]] = defaultdict(list)
        for place, question in enumerate(questions):
            alone = question.path is not None or question.kind == SIMILAR
            groups[(question.kind, question.k, place if alone else -1)].append(place)
        loaded = self._loaded()
        for places in groups.values():
            for place, answer in zip(places, self._group(loaded, [questions[at] for at in places]), strict=True):
                found[place] = answer
        return found

    def _group(self, loaded: Loaded, asked: list[Question]) -> list[Any]:
        kind, k = asked[0].kind, asked[0].k
        one = loaded.found.get(RECOMMEND if kind == SIMILAR else kind)
        try:
            if one is None:
                raise no_model(kind, loaded)
            if kind == SIMILAR:
                return [similar(one, asked[0])]
            log = asked[0].path or self._log(asked)
            if log is None:
                return [popular(one, k)] * len(asked) if kind == RECOMMEND else [NO_PATHS] * len(asked)
            now = max(self._state.latest(), _last(log))
            if kind == RECOMMEND:
                return shown(one, log, now, k, self._failed)
            found = told(one, log, now, k, self._failed)
            self._note(kind, one, found)
            return found
        except Exception as error:
            return [error] * len(asked)

    def _note(self, kind: str, scorer: Scorer, found: list[Told]) -> None:
        if self._watch is not None:
            scores = [one.scored.probability for one in found if not one.scored.fallback]
            self._watch.scored(kind, scorer.version, scores)

    def _log(self, asked: list[Question]) -> Log | None:
        """Return the paths of users; None where they cannot be read."""
        try:
            return self._state.log([question.user for question in asked])
        except Exception as error:
            log_fault("live paths cannot be read", error)
            self._failed("state")
            return None


def no_model(kind: str, loaded: Loaded) -> Problem:
    """Return the problem of a question that nothing is loaded for."""
    why = loaded.missing.get(kind, "it is not loaded")
    return Problem(503, "no-model", f"there is no model for {kind}: {why}", {"Retry-After": "60"})


def similar(ranker: Ranks, question: Question) -> Any:
    """Return what goes with an item; ``Problem`` 404 if nobody knows it."""
    try:
        return Shown(ranker.similar(question.item, question.k), ranker.policy, ranker.model)
    except CartpathError as error:
        raise Problem(404, "unknown-item", error.message) from None


def shown(ranker: Ranks, log: Log, now: int, k: int, failed: Failed) -> list[Any]:
    """Return a slate for each user of a log; popular items where the ranking fails.

    A path that the ranking fails at does not cost the others theirs.
    """
    n = log.view.n_users
    try:
        slates = ranker.slates(log, np.arange(n), log.view.offsets[1:], k, time=np.full(n, now))
        return [Shown(slate, ranker.policy, ranker.model) for slate in slates]
    except Exception as error:
        if n > 1:
            return [one for row in range(n) for one in shown(ranker, alone(log, row), now, k, failed)]
        log_fault("the ranking failed: popular items are shown", error)
    failed(RECOMMEND)
    return [popular(ranker, k)]


def popular(ranker: Ranks, k: int) -> Shown:
    """Return what is shown where nobody can rank."""
    return Shown(ranker.popular(k), POPULAR, None, FAILED)


def told(scorer: Scorer, log: Log, now: int, drivers: int, failed: Failed) -> list[Told]:
    """Return a probability for each user of a log; the base rate where the model fails."""
    n = log.view.n_users
    try:
        return [Told(scored, scorer.model) for scored in scorer.score(log, now, drivers)]
    except Exception as error:
        if n > 1:
            return [one for row in range(n) for one in told(scorer, alone(log, row), now, drivers, failed)]
        log_fault("a model failed: the base rate is told", error, model=scorer.model)
    failed(scorer.model)
    return [Told(scorer.base, scorer.model)]


def alone(log: Log, row: int) -> Log:
    """Return one user of a log."""
    return replace(log, view=join([log.view.user(row)]))


def _last(log: Log) -> int:
    """Return the moment of the latest event of a log: a path that comes with a request may be ahead of the shop."""
    return int(log.view.ts.max(initial=0))
