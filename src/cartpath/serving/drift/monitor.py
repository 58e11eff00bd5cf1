"""Watches what is served: events as they come, a few users at a time, and scores as they are given."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from cartpath.features import Log
from cartpath.serving.drift.columns import observed
from cartpath.serving.drift.reference import Reference, psi
from cartpath.serving.drift.window import Window

#: Users whose new events wait to be looked at; those beyond are not looked at, so that looking takes milliseconds (16
#: live paths took 3 to 11 on two busy cores), which is what a request may have to wait.
USERS = 16
#: Below so many values nothing is said: the index of ten bins is then some 0.02 by chance.
LEAST = 500
#: The first scores of a version, which later ones are compared with where there is no other reference.
FIRST_SCORES = 2_000
#: What is uneven within a day, so that only whole days can be compared.
_DAILY = frozenset({"hour"})


@dataclass(frozen=True)
class Moved:
    """How far a feature or a score is from its reference.

    Attributes
    ----------
    kind : str
        ``feature`` or ``score``.
    name : str
    psi : float
    n : int
        Values in the window.
    """

    kind: str
    name: str
    psi: float
    n: int


class _Watched:
    """A reference and the window that is compared with it."""

    def __init__(self, reference: Reference, seconds: float, clock: Callable[[], float]) -> None:
        self.reference = reference
        self.window = Window(len(reference.counts), seconds, clock=clock)

    def moved(self, kind: str, name: str) -> Moved:
        served = self.window.counts()
        return Moved(kind, name, psi(self.reference.counts, served), int(served.sum()))


@dataclass
class _Scores:
    """The scores of one version of a model, the first of them until they are a reference."""

    version: str
    first: list[float] = field(default_factory=list)
    watched: _Watched | None = None


class Drift:
    """Compares what is served in a sliding day with references. Threads may share it.

    Memory is bounded by the number of features, and by ``USERS`` ids that wait. What a request pays is an entry in a
    dictionary; ``look`` is for a thread in the background, every few seconds.

    Parameters
    ----------
    references : mapping of str to Reference
        By feature.
    seconds : float
        Length of the window.
    clock : callable
        Seconds that never go back.

    Examples
    --------
    >>> drift = Drift({})
    >>> drift.scored("intent", "v1", np.linspace(0, 1, 2_000))
    >>> drift.scored("intent", "v1", np.linspace(0.5, 1, 1_000))
    >>> [(moved.kind, moved.name, moved.psi > 0.25, moved.n) for moved in drift.moved()]
    [('score', 'intent', True, 1000)]
    """

    def __init__(
        self,
        references: Mapping[str, Reference],
        seconds: float = 86_400,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._seconds, self._clock = seconds, clock
        self._lock = threading.Lock()
        self._features: dict[str, _Watched] = {}
        self.compare_with(references)
        self._scores: dict[str, _Scores] = {}
        self._waiting: dict[str, int] = {}

    def _watch(self, reference: Reference) -> _Watched:
        return _Watched(reference, self._seconds, self._clock)

    def compare_with(self, references: Mapping[str, Reference]) -> None:
        """Exchange the references of features; their windows begin anew."""
        with self._lock:
            self._features = {name: self._watch(reference) for name, reference in references.items()}

    def seen(self, user: str, n: int = 1) -> None:
        """Note that events of a user were taken."""
        with self._lock:
            if user in self._waiting or len(self._waiting) < USERS:
                self._waiting[user] = self._waiting.get(user, 0) + n

    def look(self, paths: Callable[[Sequence[str]], Log]) -> int | None:
        """Count the newest events of the users that were seen since the last look, as many as were.

        Parameters
        ----------
        paths : callable
            Users to the log of their whole paths in that order, such as ``LiveState.log``: so gaps and contexts are
            what a model reads.

        Returns
        -------
        int or None
            Time of the newest of these events, microseconds since 1970; None if there were none.
        """
        with self._lock:
            waiting, self._waiting = self._waiting, {}
        if not waiting:
            return None
        log = paths(list(waiting))
        offsets = log.view.offsets
        begin = np.maximum(offsets[:-1], offsets[1:] - np.fromiter(waiting.values(), np.int64, len(waiting)))
        rows = np.flatnonzero(np.arange(log.view.n_events) >= np.repeat(begin, np.diff(offsets)))
        if not len(rows):
            return None
        self._count(log, rows)
        return int(log.view.ts[rows].max())

    def _count(self, log: Log, rows: npt.NDArray[np.int64]) -> None:
        found = observed(log, rows)
        with self._lock:
            for name, watched in self._features.items():
                if name in found:
                    watched.window.add(watched.reference.bin(found[name]))

    def scored(self, name: str, version: str, values: npt.ArrayLike) -> None:
        """Count scores that were given.

        Parameters
        ----------
        name : str
            Of the score, such as ``intent``; there should be few.
        version : str
            Of its model. The first 2,000 scores of a version are what its later ones are compared with.
        values : array of float (n,)
        """
        given = np.atleast_1d(np.asarray(values, np.float64))
        with self._lock:
            scores = self._scores.get(name)
            if scores is None or scores.version != version:
                scores = self._scores[name] = _Scores(version)
            if scores.watched is None:
                free = FIRST_SCORES - len(scores.first)
                scores.first += given[:free].tolist()
                given = given[free:]
                if len(scores.first) < FIRST_SCORES:
                    return
                scores.watched, scores.first = self._watch(Reference.of_values(scores.first)), []
            scores.watched.window.add(scores.watched.reference.bin_values(given))

    def moved(self) -> list[Moved]:
        """Return how far each feature and score has moved; those with few values yet, or half a day, are left out."""
        with self._lock:
            found = [
                watched.moved("feature", name)
                for name, watched in self._features.items()
                if name not in _DAILY or watched.window.is_whole
            ]
            found += [
                scores.watched.moved("score", name)
                for name, scores in self._scores.items()
                if scores.watched is not None
            ]
        return [moved for moved in found if moved.n >= LEAST]
