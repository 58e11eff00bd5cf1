"""Are the drivers of a score its drivers? Without the top events it must move further than without random ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.evaluation import paired_test
from cartpath.features import Log, join, only
from cartpath.models.artefact import finite
from cartpath.models.intent import Explanation, Intent, explain
from cartpath.schema import CartpathError
from cartpath.store import PathView

Index = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
#: What the deletion is to do, and the sign of the contributions that do it.
DIRECTIONS = {"lower": 1.0, "raise": -1.0}


@dataclass(frozen=True)
class Deletion:
    """What leaving out so many events does to the log odds of a score, in the direction asked about.

    Attributes
    ----------
    direction : str
        ``lower`` (events that made a purchase likelier are left out) or ``raise``.
    deleted : int
        Events left out of each path.
    n, users : int
        Paths that have more events than that beside the latest, and their users.
    top, random : float
        Mean change of the log odds without the events of the largest contributions, and without random ones.
    difference, low, high, p : float
        Of the two, paired by path, with its 95% interval over draws of users.
    """

    direction: str
    deleted: int
    n: int
    users: int
    top: float
    random: float
    difference: float
    low: float
    high: float
    p: float

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return dict(finite(vars(self)))


def deletion_check(
    model: Intent,
    log: Log,
    ends: Index,
    counts: Sequence[int] = (1, 2, 3, 5),
    repeats: int = 5,
    seed: int = 0,
) -> list[Deletion]:
    """Leave the events that contribute most out of paths, and as many at random, and score what is left.

    The latest event stays: it is the moment that is asked about. Events that an explanation does not look at (before
    the window of a network) stay too.

    Parameters
    ----------
    model : Intent
        One whose drivers are events, at least some of them.
    log : Log
    ends : int64 array (n,)
        As ``Intent.logits`` takes them.
    counts : sequence of int
        How many events are left out.
    repeats : int
        Random choices of a path that are averaged.
    seed : int

    Returns
    -------
    list of Deletion
        For each direction and each count that some path is long enough for.

    Raises
    ------
    CartpathError
        If no driver of any score is an event.
    """
    told = explain(model, log, ends)
    if not any(driver.kind == "event" for one in told for driver in one.drivers):
        raise CartpathError("no driver of these scores is an event", "check a model whose drivers are: a network")
    paths = [_Path.of(log, int(end), one) for end, one in zip(ends, told, strict=True)]
    found = []
    for direction, sign in DIRECTIONS.items():
        for count in counts:
            long = [path for path in paths if len(path.places) > count]
            if long:
                found.append(_deleted(model, log, long, direction, sign, count, repeats, seed))
    return found


@dataclass(frozen=True)
class _Path:
    """One user's path until an end, the places that may be left out, and what they contribute."""

    view: PathView
    user: int
    odds: float
    places: Index
    contributions: Floats

    @classmethod
    def of(cls, log: Log, end: int, told: Explanation) -> _Path:
        view = log.view
        user = int(np.searchsorted(view.offsets, end - 1, side="right")) - 1
        n = end - int(view.offsets[user])
        by_place: dict[int, float] = {}
        for driver in told.drivers:
            if driver.kind == "event" and driver.place < n - 1:
                by_place[driver.place] = by_place.get(driver.place, 0.0) + driver.contribution
        path = only(view.user(user), np.arange(n))
        places = np.array(sorted(by_place), np.int64)
        return cls(path, user, told.log_odds, places, np.array([by_place[place] for place in places.tolist()]))

    def without(self, places: Index) -> PathView:
        """Return the path without some events."""
        return only(self.view, np.setdiff1d(np.arange(self.view.n_events), places))


def _deleted(
    model: Intent,
    log: Log,
    paths: Sequence[_Path],
    direction: str,
    sign: float,
    count: int,
    repeats: int,
    seed: int,
) -> Deletion:
    rng = np.random.default_rng([seed, count])
    top = [path.without(path.places[np.argsort(-sign * path.contributions, kind="stable")[:count]]) for path in paths]
    drawn = [path.without(rng.choice(path.places, count, replace=False)) for path in paths for _ in range(repeats)]
    before = np.array([path.odds for path in paths])
    by_top = sign * (before - _scored(model, log, top))
    by_chance = sign * (before - _scored(model, log, drawn).reshape(len(paths), repeats).mean(axis=1))
    users = np.array([path.user for path in paths])
    pair = paired_test(by_top, by_chance, users, seed)
    means = float(by_top.mean()), float(by_chance.mean())
    n_users = len(np.unique(users))
    return Deletion(direction, count, len(paths), n_users, *means, pair.difference, pair.low, pair.high, pair.p)


def _scored(model: Intent, log: Log, views: Sequence[PathView]) -> Floats:
    """Return the log odds at the end of each path (n,)."""
    joined = replace(log, view=join(views))
    return model.logits(joined, joined.view.offsets[1:])
