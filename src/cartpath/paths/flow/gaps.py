"""The times of edges as partials that merge: coarse counts of all of them, and the times themselves of some bins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cartpath.paths.counted import Paths
from cartpath.paths.flow.nodes import Nodes
from cartpath.store import PathView
from cartpath.store.jit import kernel

Ints = npt.NDArray[np.int64]
Small = npt.NDArray[np.int32]

#: Bins of a time: 16 in each power of two of microseconds, up to 2**53 (285 years).
_BITS = 4
_SHIFT = 52 - _BITS
_FIRST = 1023 << _BITS
BINS = 54 << _BITS

#: Up to so many bins are merged in an array of all, which is faster than sorting.
_DENSE = 1 << 22


@dataclass(frozen=True)
class Steps:
    """The steps of a bucket's paths as kernels read them, in place.

    Attributes
    ----------
    arrays : tuple
        Offsets of the paths, rows of the steps (empty: all in order), and of the bucket's rows time and node.
    user : int32 array (n_paths,)
    size : int
        Steps.
    """

    arrays: tuple[Ints, Ints, Ints, Small]
    user: Small
    size: int


def steps_of(paths: Paths, view: PathView, nodes: Nodes) -> Steps:
    """Lay out paths of steps for the kernels."""
    rows = np.empty(0, np.int64) if paths.rows is None else paths.rows
    return Steps((paths.offsets, rows, view.ts, nodes.of(view)), paths.user, int(paths.offsets[-1]))


@dataclass(frozen=True)
class Times:
    """How many times of the edges, of a bucket or of all, are in which bin.

    Attributes
    ----------
    key : int64 array (m,)
        ``place * BINS + bin``, ascending; ``place`` is that of the edge.
    often : int64 array (m,)
        How many times are in that bin.
    """

    key: Ints
    often: Ints

    def of(self, places: Ints, size: int) -> Times:
        """Return the same with some of ``size`` places numbered anew; they hold all that there is."""
        new = np.zeros(size, np.int64)
        new[places] = np.arange(len(places))
        place, spread = np.divmod(self.key, BINS)
        return Times(new[place] * BINS + spread, self.often)


def dense_times(bins: Small) -> Times:
    """Make a partial of a bucket's counted bins."""
    key = np.flatnonzero(bins != 0)
    return Times(key, bins[key].astype(np.int64))


def sparse_times(keys: Small) -> Times:
    """Make a partial of a bucket's listed bins."""
    return Times(*_unique(np.sort(keys).astype(np.int64)))


def merge_times(parts: Sequence[Times], places: Sequence[Ints], size: int) -> Times:
    """Add the times of buckets; ``places`` are those of all, by place in each bucket."""
    keys = []
    for part, place in zip(parts, places, strict=True):
        local, spread = np.divmod(part.key, BINS)
        keys.append(place[local] * BINS + spread)
    if size * BINS <= _DENSE:
        total = np.zeros(size * BINS, np.int64)
        for key, part in zip(keys, parts, strict=True):
            total[key] += part.often  # a bucket has each once
        found = np.flatnonzero(total != 0)
        return Times(found, total[found])
    key = np.concatenate(keys)
    order = np.argsort(key)
    found, n = _unique(key[order])
    often = np.concatenate([part.often for part in parts])[order]
    return Times(found, np.add.reduceat(often, np.cumsum(n) - n) if len(found) else often)


def _unique(ordered: Ints) -> tuple[Ints, Ints]:
    """Return the different values of a sorted array and how often each is there."""
    new = np.ones(len(ordered), np.bool_)
    new[1:] = ordered[1:] != ordered[:-1]
    first = np.flatnonzero(new)
    return ordered[first], np.diff(np.append(first, len(ordered)))


@dataclass(frozen=True)
class Kept:
    """Times in order of place and time; int64 arrays: the edge's place, the time in microseconds, how often."""

    place: Ints
    gap: Ints
    often: Ints


def kept_times(steps: Steps, index: Small, floor: Ints, span: Ints) -> Kept:
    """Return a bucket's times in the bins ``floor`` to ``floor + span`` of their pair of nodes."""
    cell, gap = _collect(*steps.arrays, floor, span)
    return _runs(index[cell].astype(np.int64), gap, np.ones(len(gap), np.int64))


def merge_kept(parts: Sequence[Kept]) -> Kept:
    """Put the times of buckets together."""
    return _runs(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("place", "gap", "often")))


def _runs(place: Ints, gap: Ints, often: Ints) -> Kept:
    """Sort by place and time, and put equal ones together."""
    if not len(gap):
        return Kept(place, gap, often)
    bits = int(gap.max()).bit_length()
    fits = bits + int(place.max()).bit_length() <= 63  # then one number holds both, which sorts faster
    order = np.argsort((place << bits) | gap) if fits else np.lexsort((gap, place))
    place, gap = place[order], gap[order]
    new = np.ones(len(gap), np.bool_)
    new[1:] = (place[1:] != place[:-1]) | (gap[1:] != gap[:-1])
    first = np.flatnonzero(new)
    return Kept(place[first], gap[first], np.add.reduceat(often[order], first))


@kernel
def gap_bin(gap: int) -> int:
    """Return the bin of a time in microseconds: exponent and leading bits of the floating-point number."""
    bits = np.float64(gap + 1).view(np.int64)
    return min(int(bits >> _SHIFT) - _FIRST, BINS - 1)


@kernel
def _collect(offsets: Ints, rows: Ints, ts: Ints, node: Small, floor: Ints, span: Ints) -> tuple[Ints, Ints]:
    """Return the times whose bin is from ``floor`` to ``floor + span`` of their pair of nodes, and the pairs."""
    # What is kept is overwritten unless it is wanted: few are, and a branch for each would be mispredicted. Room for
    # all costs nothing: only what is written is ever backed by memory.
    width = int(np.sqrt(len(floor)))
    room = offsets[-1] + 1
    cell, gap = np.empty(room, np.int64), np.empty(room, np.int64)
    n = 0
    for path in range(len(offsets) - 1):
        first = offsets[path]
        row = rows[first] if len(rows) else first
        before, at = node[row], ts[row]
        for i in range(first + 1, offsets[path + 1]):
            row = rows[i] if len(rows) else i
            here = before * width + node[row]
            cell[n], gap[n] = here, ts[row] - at
            above = gap_bin(ts[row] - at) - floor[here]
            n += (above >= 0) & (above <= span[here])
            before, at = node[row], ts[row]
    return cell[:n].copy(), gap[:n].copy()
