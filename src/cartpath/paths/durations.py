"""How long each user or session took from a start to a goal, or was followed without one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cartpath.paths.counted import Basis, merge_basis
from cartpath.paths.matching import Matcher
from cartpath.paths.properties import Property
from cartpath.paths.rule import Rule
from cartpath.store import PathView
from cartpath.store.jit import kernel

Ints = npt.NDArray[np.int64]
Bits = npt.NDArray[np.uint64]

_START, _GOAL = np.uint64(1), np.uint64(2)


@dataclass(frozen=True)
class Durations:
    """Who of a bucket, or of all, has started.

    Attributes
    ----------
    waited : int64 array (n,)
        To the goal, or to the end of what is watched, microseconds.
    converted : bool array (n,)
    code : int32 array (n,)
        The property at the start.
    """

    waited: Ints
    converted: npt.NDArray[np.bool_]
    code: npt.NDArray[np.int32]

    def in_order(self) -> Durations:
        """Return the same, the shortest first."""
        order = np.argsort(self.waited)
        return Durations(self.waited[order], self.converted[order], self.code[order])


def scan_durations(
    view: PathView, rule: Rule, matcher: Matcher, end: int, found: Property | None
) -> tuple[Basis, Durations]:
    """Measure one bucket."""
    counted = rule.counted(view)
    paths = counted.paths(rule.counting.unit)
    ts = paths.take(view.ts)
    start, goal = _first_goals(paths.offsets, counted.along(paths, matcher.bits(counted)))
    start, goal = start[start >= 0], goal[start >= 0]
    converted = goal >= 0
    waited = np.where(converted, ts[goal], end - 1) - ts[start]
    code = np.zeros(len(start), np.int32) if found is None else paths.take(found.of_events(view))[start]
    return counted.basis(), Durations(waited, converted, code)


def merge_durations(parts: Sequence[tuple[Basis, Durations]]) -> tuple[Basis, Durations]:
    """Join the durations of buckets: 13 bytes for each that has started."""
    found = [durations for _, durations in parts]
    arrays = (np.concatenate([getattr(durations, name) for durations in found]) for name in Durations.__annotations__)
    return merge_basis([basis for basis, _ in parts]), Durations(*arrays)


@kernel
def _first_goals(offsets: Ints, bits: Bits) -> tuple[Ints, Ints]:
    """Find each path's first start, and the first goal from there on; -1 where there is none."""
    start = np.full(len(offsets) - 1, -1, np.int64)
    goal = np.full(len(offsets) - 1, -1, np.int64)
    for path in range(len(offsets) - 1):
        for i in range(offsets[path], offsets[path + 1]):
            if start[path] < 0 and bits[i] & _START:
                start[path] = i
            if start[path] >= 0 and bits[i] & _GOAL:
                goal[path] = i
                break
    return start, goal
