"""The median time from a step to the next, exactly, in memory that does not grow with the log.

The first pass has counted the times of each edge in bins, so it is known in which bin the middle of all lies. The
second keeps the times of that bin alone, about one in forty, equal ones once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from cartpath import engine
from cartpath.paths.flow.count import EdgeCounts
from cartpath.paths.flow.gaps import BINS, Kept, Times, kept_times, merge_kept, steps_of
from cartpath.paths.flow.nodes import Nodes
from cartpath.paths.rule import Rule
from cartpath.schema import MICROSECONDS
from cartpath.store import PathView, Snapshot

Ints = npt.NDArray[np.int64]
Small = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Middles:
    """Where the middle times of edges lie; the two are the same where their number is odd.

    Attributes
    ----------
    places : int64 array (n,)
        The edges, ascending.
    low, high : int64 array (n,)
        Bins of the two; no time lies in a bin between.
    rank_low, rank_high : int64 array (n,)
        Their ranks among the times in the two bins.
    """

    places: Ints
    low: Ints
    high: Ints
    rank_low: Ints
    rank_high: Ints


def median_gaps(
    snap: Snapshot, rule: Rule, nodes: Nodes, unit: str, counts: EdgeCounts, shown: Ints
) -> npt.NDArray[np.float64]:
    """Return the median time of each edge that is shown in seconds; NaN for the rest, and where there is no time."""
    middles = middles_of(counts.times, shown)
    medians = np.full(len(counts.cell), np.nan)
    if not len(middles.places):
        return medians
    cells = (len(nodes.names) + 2) ** 2
    index, floor, span = np.zeros(cells, np.int32), np.full(cells, BINS), np.zeros(cells, np.int64)
    index[counts.cell] = np.arange(len(counts.cell))
    wanted = counts.cell[middles.places]
    floor[wanted], span[wanted] = middles.low, middles.high - middles.low
    scan = partial(scan_gaps, rule=rule, nodes=nodes, unit=unit, index=index, floor=floor, span=span)
    medians[middles.places] = pick(middles, engine.run(snap, scan, merge_kept))
    return medians


def middles_of(times: Times, shown: Ints) -> Middles:
    """Find the bins of the middle times of the edges that are shown and have any."""
    up_to = np.append(0, np.cumsum(times.often))
    first, last = (np.searchsorted(times.key, edge * BINS) for edge in (np.sort(shown), np.sort(shown) + 1))
    timed = last > first
    places, start, n = np.sort(shown)[timed], up_to[first[timed]], (up_to[last] - up_to[first])[timed]
    ranks = ((n - 1) // 2, n // 2)
    low, high = (np.searchsorted(up_to, start + rank, "right") - 1 for rank in ranks)
    below = up_to[low] - start
    return Middles(places, times.key[low] % BINS, times.key[high] % BINS, ranks[0] - below, ranks[1] - below)


def scan_gaps(view: PathView, rule: Rule, nodes: Nodes, unit: str, index: Small, floor: Ints, span: Ints) -> Kept:
    """Keep a bucket's times in the bins of the middles."""
    return kept_times(steps_of(rule.counted(view).paths(unit, steps=True), view, nodes), index, floor, span)


def pick(middles: Middles, kept: Kept) -> npt.NDArray[np.float64]:
    """Return the medians in seconds from the times in the bins of the middles."""
    up_to = np.append(0, np.cumsum(kept.often))
    start = up_to[np.searchsorted(kept.place, middles.places)]
    at = (np.searchsorted(up_to, start + rank, "right") - 1 for rank in (middles.rank_low, middles.rank_high))
    low, high = (kept.gap[i] for i in at)
    median: npt.NDArray[np.float64] = (low + high) / (2 * MICROSECONDS)
    return median
