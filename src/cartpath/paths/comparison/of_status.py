"""``status`` compared: what users of two groups do and spend, per user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath import engine
from cartpath.paths.comparison.evidence import Measure
from cartpath.paths.comparison.means import Mean
from cartpath.paths.comparison.rates import Rate
from cartpath.paths.comparison.registry import Comparable, Found
from cartpath.paths.counting import Counting
from cartpath.paths.orders import spent
from cartpath.paths.rule import Rule
from cartpath.schema import Event
from cartpath.store import ERASED, PathView, Snapshot
from cartpath.store.jit import kernel

#: Numbers per user, in this order.
_MEANS = ("orders per user", "revenue per user", "sessions per user", "steps per user")


@dataclass(frozen=True)
class PerUser:
    """Sums over the users of a group.

    Attributes
    ----------
    users : int
    did : int64 array (n_codes,)
        Users with each event.
    sums, squares : float64 array (4,)
        Of orders, revenue, sessions and steps.
    """

    users: int
    did: npt.NDArray[np.int64]
    sums: npt.NDArray[np.float64]
    squares: npt.NDArray[np.float64]

    def mean(self, i: int) -> Mean:
        """One of the numbers per user."""
        return Mean(self.users, float(self.sums[i]), float(self.squares[i]))

    def rate(self, code: int) -> Rate:
        """Users with an event."""
        return Rate(int(self.did[code]), self.users)


def measures(snap: Snapshot, a: Counting, b: Counting, options: Mapping[str, Any]) -> Found:
    """Return what is compared: means per user, and the share of users with each event."""
    names = snap.codes("event")
    one, other = (_count(snap, counting, len(names)) for counting in (a, b))
    found = [Measure(name, "mean", one.mean(i), other.mean(i)) for i, name in enumerate(_MEANS)]
    total = one.did + other.did
    ranked = sorted(range(len(names)), key=lambda code: (-total[code], names[code]))
    seen = [code for code in ranked if total[code] and names[code] != ERASED]
    return Found(found + [Measure(f"did {names[code]}", "rate", one.rate(code), other.rate(code)) for code in seen])


COMPARABLE = Comparable(measures)


def _count(snap: Snapshot, counting: Counting, n_codes: int) -> PerUser:
    purchase = snap.code_of("event", Event.purchase)
    scan = partial(scan_per_user, rule=counting.bind(snap), n_codes=n_codes, purchase=purchase)
    return engine.run(snap, scan, partial(merge_per_user, n_codes=n_codes))


def scan_per_user(view: PathView, rule: Rule, n_codes: int, purchase: int) -> PerUser:
    """Sum over the users of a bucket."""
    counted = rule.counted(view)
    paths = counted.paths("sessions")
    with_event = np.diff(counted.offsets) > 0
    orders, revenue = spent(counted, purchase)
    sessions = np.bincount(paths.user, minlength=view.n_users).astype(np.float64)
    steps = (
        np.add.reduceat(np.append(counted.step, 0).astype(np.float64), counted.offsets[:-1])
        if view.n_users
        else sessions
    )
    per_user = np.stack([orders, revenue, sessions, np.where(with_event, steps, 0.0)])[:, with_event]
    did = _users_with(counted.offsets, counted.take(view.event), n_codes)
    return PerUser(int(with_event.sum()), did, per_user.sum(1), (per_user**2).sum(1))


def merge_per_user(parts: Sequence[PerUser], n_codes: int) -> PerUser:
    """Add the sums of buckets."""
    did = np.sum([np.zeros(n_codes, np.int64), *(part.did for part in parts)], axis=0)
    sums, squares = (
        np.sum([np.zeros(len(_MEANS)), *(getattr(part, name) for part in parts)], axis=0)
        for name in ("sums", "squares")
    )
    return PerUser(sum(part.users for part in parts), did, sums, squares)


@kernel
def _users_with(offsets: npt.NDArray[np.int64], event: npt.NDArray[np.int32], n_codes: int) -> npt.NDArray[np.int64]:
    found = np.zeros(n_codes, np.int64)
    last = np.full(n_codes, -1, np.int64)
    for user in range(len(offsets) - 1):
        for i in range(offsets[user], offsets[user + 1]):
            if last[event[i]] != user:
                last[event[i]] = user
                found[event[i]] += 1
    return found
