"""Sets of users bound to a store: who of a bucket did, has or is something."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from cartpath.paths.counted import Counted
from cartpath.paths.matching import Matcher, Test
from cartpath.paths.properties import SESSION, USER
from cartpath.paths.segments.tree import Period
from cartpath.store import PathView
from cartpath.store.hashing import combine, hash_strings
from cartpath.store.jit import kernel

Mask = npt.NDArray[np.bool_]
Keys = npt.NDArray[np.uint64]

_COMPARE = {
    "=": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}


class Atom(Protocol):
    """A set of users; it may be pickled."""

    def mask(self, view: PathView) -> Mask:
        """Return for each user of a bucket whether they belong, bool (n_users,)."""


@dataclass(frozen=True)
class All:
    """Everyone."""

    def mask(self, view: PathView) -> Mask:
        """Return for each user of a bucket whether they belong."""
        return np.ones(view.n_users, np.bool_)


@dataclass(frozen=True)
class Doers:
    """Users with a number of steps that hold an event of a pattern."""

    matcher: Matcher
    op: str
    times: int
    period: Period

    def mask(self, view: PathView) -> Mask:
        """Return for each user of a bucket whether they belong."""
        hit = self.matcher.bits(Counted(view)) != 0
        found: Mask = _COMPARE[self.op](
            _steps_with(view.offsets, view.step, view.ts, hit, *self.period.ends), self.times
        )
        return found


@kernel
def _steps_with(
    offsets: npt.NDArray[np.int64],
    step: npt.NDArray[np.uint8],
    ts: npt.NDArray[np.int64],
    hit: Mask,
    since: int,
    until: int,
) -> npt.NDArray[np.int64]:
    found = np.zeros(len(offsets) - 1, np.int64)
    for user in range(len(found)):
        counted = False  # whether this step was counted already
        for i in range(offsets[user], offsets[user + 1]):
            counted = counted and step[i] == 0
            if hit[i] and not counted and since <= ts[i] < until:
                found[user] += 1
                counted = True
    return found


@dataclass(frozen=True)
class Havers:
    """Users with an event, a session or a record of which a condition holds."""

    test: Test
    period: Period

    def mask(self, view: PathView) -> Mask:
        """Return for each user of a bucket whether they belong."""
        level = self.test.property.level
        if self.period == Period():
            holds = self.test.holds(view)
            if level == USER:
                return holds
            if level == SESSION:
                found = np.zeros(view.n_users, np.bool_)
                found[view.sessions.user[holds]] = True
                return found
        return _any_of(view.offsets, view.ts, self.test.of_events(view), *self.period.ends)


@kernel
def _any_of(
    offsets: npt.NDArray[np.int64], ts: npt.NDArray[np.int64], hit: Mask, since: int, until: int
) -> npt.NDArray[np.bool_]:
    found = np.zeros(len(offsets) - 1, np.bool_)
    for user in range(len(found)):
        for i in range(offsets[user], offsets[user + 1]):
            if hit[i] and since <= ts[i] < until:
                found[user] = True
                break
    return found


@dataclass(frozen=True)
class Beginners:
    """Users whose first event is in a period."""

    period: Period

    def mask(self, view: PathView) -> Mask:
        """Return for each user of a bucket whether they belong."""
        since, until = self.period.ends
        found = np.zeros(view.n_users, np.bool_)
        some = np.flatnonzero(np.diff(view.offsets))
        first = view.ts[view.offsets[some]]
        found[some] = (first >= since) & (first < until)
        return found


@dataclass(frozen=True)
class Listed:
    """Users whose id is one of a list; ``keys`` are the hashes of the ids, ascending."""

    keys: Keys = field(repr=False)

    def mask(self, view: PathView) -> Mask:
        """Return for each user of a bucket whether they belong."""
        if not len(self.keys):
            return np.zeros(view.n_users, np.bool_)
        own = hash_strings(view.user_id)
        found: Mask = self.keys[np.minimum(np.searchsorted(self.keys, own), len(self.keys) - 1)] == own
        return found


@dataclass(frozen=True)
class Drawn:
    """A share of the users, drawn by a hash of their ids: the same users whatever else the store holds."""

    share: float
    seed: int

    def mask(self, view: PathView) -> Mask:
        """Return for each user of a bucket whether they belong."""
        own = hash_strings(view.user_id)
        seeds = np.full(len(own), self.seed, np.uint64)
        drawn = combine(own, seeds, np.zeros_like(seeds)) / 2.0**64  # uniform from 0 to 1
        found: Mask = drawn < self.share
        return found


@dataclass(frozen=True)
class Joined:
    """Sets joined by ``! & | -``."""

    op: str
    parts: tuple[Atom, ...]

    def mask(self, view: PathView) -> Mask:
        """Return for each user of a bucket whether they belong."""
        found = self.parts[0].mask(view)
        if self.op == "!":
            return ~found
        for part in self.parts[1:]:
            other = part.mask(view)
            found = found | other if self.op == "|" else found & (other if self.op == "&" else ~other)
        return found
