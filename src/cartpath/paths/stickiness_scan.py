"""One pass over users' active days: users by day and rolling window, and by active days of a period."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cartpath.paths.counted import Basis, merge_basis
from cartpath.paths.matching import Matcher
from cartpath.paths.rule import Rule
from cartpath.store import PathView
from cartpath.store.jit import kernel

Ints = npt.NDArray[np.int64]

#: Days of the rolling windows.
WEEK, MONTH = 7, 28
#: Days of the longest period.
MOST_DAYS = 31


def scan_stickiness(
    view: PathView, rule: Rule, matcher: Matcher, edges: Ints, period: Ints
) -> tuple[Basis, Ints, Ints]:
    """Count one bucket."""
    counted = rule.counted(view)
    paths = counted.paths("users")
    changes, counts = _days(paths.offsets, paths.take(view.ts), matcher.bits(counted), edges, period)
    changes[:, 1:] = np.cumsum(changes[:, 1:], axis=0)
    return counted.basis(), changes[:-1], counts


def merge_stickiness(parts: Sequence[tuple[Basis, Ints, Ints]]) -> tuple[Basis, Ints, Ints]:
    """Add the counts of buckets; a user lives in one bucket, so nothing is counted twice."""
    basis = merge_basis([part[0] for part in parts])
    return basis, np.sum([part[1] for part in parts], axis=0), np.sum([part[2] for part in parts], axis=0)


@kernel
def _days(offsets: Ints, ts: Ints, bits: npt.NDArray[np.uint64], edges: Ints, period: Ints) -> tuple[Ints, Ints]:
    """Count active users by day; where users enter and leave the windows; and users by active days of a period."""
    n = len(edges) - 1
    changes = np.zeros((n + 1, 3), np.int64)
    counts = np.zeros((period[-1] + 1, MOST_DAYS + 1), np.int64)
    for path in range(len(offsets) - 1):
        day, ends, active = -1, np.int64(-(2**63)), 0
        for i in range(offsets[path], offsets[path + 1]):
            if bits[i] == 0 or ts[i] < ends:
                continue
            at = np.searchsorted(edges, ts[i], side="right") - 1
            ends = edges[at + 1]
            changes[at, 0] += 1
            for k, length in ((1, WEEK), (2, MONTH)):
                # A window that is still open when the user is back is one with the new one.
                if day < 0 or at > day + length:
                    changes[at, k] += 1
                    if day >= 0:
                        changes[day + length, k] -= 1
            if day >= 0 and period[day] != period[at]:
                counts[period[day], active] += 1
                active = 0
            active += 1
            day = at
        if day >= 0:
            counts[period[day], active] += 1
            for k, length in ((1, WEEK), (2, MONTH)):
                if day + length < n:
                    changes[day + length, k] -= 1
    return changes, counts
