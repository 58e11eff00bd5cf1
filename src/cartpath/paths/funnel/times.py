"""How long it takes: from the first step to the last, and from each step to the next.

Every duration is kept until the end, eight bytes each, so quantiles are exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.paths.funnel.chains import Chains
from cartpath.paths.funnel.plan import FunnelPlan
from cartpath.schema import MICROSECONDS

Ints = npt.NDArray[np.int64]

#: Ends of the distribution's bins, seconds, and what each bin is called.
_EDGES = (0, 10, 60, 300, 900, 1800, 3600, 3 * 3600, 12 * 3600, 86400, 3 * 86400, 7 * 86400, 30 * 86400)
_NAMES = ("10s", "1m", "5m", "15m", "30m", "1h", "3h", "12h", "1d", "3d", "7d", "30d")


@dataclass(frozen=True)
class Durations:
    """Microseconds, unsorted: of units that completed the funnel, and between steps of those that made the later one.

    Attributes
    ----------
    whole : int64 array
    between : tuple of int64 array
        One a pair of neighbouring steps; none in any order, where steps have no order.
    """

    whole: Ints
    between: tuple[Ints, ...]


def durations_of(chains: Chains, ts: Ints, plan: FunnelPlan) -> Durations:
    """Measure the chains of a bucket; ``ts`` has one value an element of the paths."""
    done = chains.depth == plan.n_steps
    whole = ts[chains.last[done]] - ts[chains.first[done]]
    between = []
    if plan.order != "any":
        for step in range(1, plan.n_steps):
            made = chains.depth > step
            between.append(ts[chains.at[made, step]] - ts[chains.at[made, step - 1]])
    return Durations(whole, tuple(between))


def merge_durations(parts: Sequence[Durations]) -> Durations:
    """Put the durations of buckets together, sorted."""

    def joined(arrays: Sequence[Ints]) -> Ints:
        return np.sort(np.concatenate([np.empty(0, np.int64), *arrays]))

    pairs = len(parts[0].between) if parts else 0
    return Durations(
        joined([part.whole for part in parts]),
        tuple(joined([part.between[pair] for part in parts]) for pair in range(pairs)),
    )


def summary(durations: Ints) -> dict[str, Any]:
    """Return number, median and 90% point of sorted durations, in seconds; None where there are none.

    Examples
    --------
    >>> summary(np.array([1, 2, 4]) * 1_000_000)
    {'n': 3, 'median_seconds': 2.0, 'p90_seconds': 3.6}
    """
    if not len(durations):
        return {"n": 0, "median_seconds": None, "p90_seconds": None}
    median, p90 = (quantile_of_sorted(durations, share) / MICROSECONDS for share in (0.5, 0.9))
    return {"n": len(durations), "median_seconds": median, "p90_seconds": p90}


def quantile_of_sorted(values: Ints, share: float) -> float:
    """Return what ``np.quantile`` does, which would copy and sort anew what is sorted.

    Examples
    --------
    >>> quantile_of_sorted(np.array([1, 2, 4]), 0.9), float(np.quantile([1, 2, 4], 0.9))
    (3.6, 3.6)
    """
    place = share * (len(values) - 1)
    below = int(place)
    low, high = float(values[below]), float(values[min(below + 1, len(values) - 1)])
    over = place - below
    # From the nearer end, as NumPy has it, so that the last digit is the same.
    return low + (high - low) * over if over < 0.5 else high - (high - low) * (1 - over)


def distribution(durations: Ints) -> list[dict[str, Any]]:
    """Return how many of sorted durations fall into each bin, ``from_seconds`` included and ``to_seconds`` not.

    Examples
    --------
    >>> [row["n"] for row in distribution(np.array([0, 9, 10, 90]) * 1_000_000)]
    [2, 1, 1]
    >>> distribution(np.array([90]) * 1_000_000)[-1]
    {'bin': '1m to 5m', 'from_seconds': 60, 'to_seconds': 300, 'n': 1, 'share': 1.0}
    """
    if not len(durations):
        return []
    ends = np.append(np.searchsorted(durations, np.array(_EDGES) * MICROSECONDS), len(durations))
    last = int(np.flatnonzero(np.diff(ends))[-1])
    return [
        {
            "bin": _bin_name(k),
            "from_seconds": _EDGES[k],
            "to_seconds": _EDGES[k + 1] if k + 1 < len(_EDGES) else None,
            "n": int(ends[k + 1] - ends[k]),
            "share": float(ends[k + 1] - ends[k]) / len(durations),
        }
        for k in range(last + 1)
    ]


def _bin_name(k: int) -> str:
    if k == 0:
        return f"under {_NAMES[0]}"
    return f"{_NAMES[k - 1]} to {_NAMES[k]}" if k < len(_NAMES) else f"{_NAMES[-1]} and more"
