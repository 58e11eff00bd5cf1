"""Counting a flow graph, bucket by bucket: how often what follows what, by how many, and after what time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cartpath.paths.counted import Basis, merge_basis
from cartpath.paths.flow.gaps import BINS, Steps, Times, dense_times, gap_bin, merge_times, sparse_times, steps_of
from cartpath.paths.flow.nodes import Nodes
from cartpath.paths.rule import Rule
from cartpath.store import PathView
from cartpath.store.jit import kernel

Ints = npt.NDArray[np.int64]
Small = npt.NDArray[np.int32]

#: Up to so many nodes every pair has its place; beyond, the pairs that there are get theirs first.
_NARROW = 32


@dataclass(frozen=True)
class EdgeCounts:
    """Counts of a bucket or of all; START and END are the two nodes after those of the property.

    Attributes
    ----------
    basis : Basis
    cell : int64 array (n,)
        ``source * width + target``, ascending.
    n, paths, users : int64 array (n,)
        How often, and in how many paths and of how many users at least once.
    visits : int64 array (width, 3)
        The same of each node.
    times : Times
        From source to target, by place among the cells.
    """

    basis: Basis
    cell: Ints
    n: Ints
    paths: Ints
    users: Ints
    visits: Ints
    times: Times


def scan_edges(view: PathView, rule: Rule, nodes: Nodes, unit: str) -> EdgeCounts:
    """Count one bucket."""
    counted = rule.counted(view)
    steps = steps_of(counted.paths(unit, steps=True), view, nodes)
    width = len(nodes.names) + 2
    dense = width <= _NARROW
    index, cells = _places(steps, width, dense)
    tally, visits = np.zeros((len(cells), 4), np.int32), np.zeros((width, 4), np.int32)
    bins = np.zeros(len(cells) * BINS if dense else steps.size, np.int32)
    listed = _count(*steps.arrays, steps.user, index, tally, visits, bins, dense)
    kept = np.flatnonzero(tally[:, 0] != 0)
    counts = tally[kept].astype(np.int64)
    times = dense_times(bins) if dense else sparse_times(bins[:listed])
    n, paths, users = counts[:, 0], counts[:, 1], counts[:, 2]
    return EdgeCounts(
        counted.basis(), cells[kept], n, paths, users, visits[:, :3].astype(np.int64), times.of(kept, len(cells))
    )


def merge_edges(parts: Sequence[EdgeCounts]) -> EdgeCounts:
    """Add the counts of buckets; a user lives in one bucket, so nothing is counted twice."""
    cell, place = np.unique(np.concatenate([part.cell for part in parts]), return_inverse=True)

    def total(name: str) -> Ints:
        found = np.zeros(len(cell), np.int64)
        np.add.at(found, place, np.concatenate([getattr(part, name) for part in parts]))
        return found

    visits = np.sum([part.visits for part in parts], axis=0)
    places = np.split(place, np.cumsum([len(part.cell) for part in parts])[:-1])
    times = merge_times([part.times for part in parts], places, len(cell))
    basis = merge_basis([part.basis for part in parts])
    return EdgeCounts(basis, cell, total("n"), total("paths"), total("users"), visits, times)


def _places(steps: Steps, width: int, dense: bool) -> tuple[Small, Ints]:
    """Return the place of each pair of nodes, and the pairs by place."""
    if dense:
        return np.arange(width * width, dtype=np.int32), np.arange(width * width)
    index = np.full(width * width, -1, np.int32)
    cells = np.flatnonzero(_seen(*steps.arrays, width))
    index[cells] = np.arange(len(cells))
    return index, cells


@kernel
def _seen(offsets: Ints, rows: Ints, ts: Ints, node: Small, width: int) -> npt.NDArray[np.uint8]:
    seen = np.zeros(width * width, np.uint8)
    for path in range(len(offsets) - 1):
        before = width - 2
        for i in range(offsets[path], offsets[path + 1]):
            here = node[rows[i] if len(rows) else i]
            seen[before * width + here] = 1
            before = here
        seen[before * width + width - 1] = 1
    return seen


@kernel
def _tally(row: Small, path: int, first: int) -> None:
    # Without branches: whether an edge is new to a path is close to a coin toss. One stamp serves both: the last path
    # is of an earlier user if it lies before the first of this one. Stamps count from 1, as 0 is never.
    row[0] += 1
    row[1] += row[3] != path
    row[2] += row[3] < first
    row[3] = path


@kernel
def _count(
    offsets: Ints,
    rows: Ints,
    ts: Ints,
    node: Small,
    user: Small,
    index: Small,
    tally: Small,
    visits: Small,
    bins: Small,
    dense: bool,
) -> int:
    """Fill ``tally`` and ``visits``: n, paths, users, stamp; count ``bins`` of times, or list them."""
    width = len(visits)
    start, end = width - 2, width - 1
    n, first = 0, 1
    for p in range(len(offsets) - 1):
        path = p + 1
        if p > 0 and user[p] != user[p - 1]:
            first = path
        low, high = offsets[p], offsets[p + 1]
        row = rows[low] if len(rows) else low
        before, at = node[row], ts[row]
        _tally(visits[start], path, first)
        _tally(tally[index[start * width + before]], path, first)
        _tally(visits[before], path, first)
        for i in range(low + 1, high):
            row = rows[i] if len(rows) else i
            here = node[row]
            edge = index[before * width + here]
            _tally(tally[edge], path, first)
            _tally(visits[here], path, first)
            key = edge * BINS + gap_bin(ts[row] - at)
            if dense:
                bins[key] += 1
            else:
                bins[n] = key
                n += 1
            before, at = here, ts[row]
        _tally(tally[index[before * width + end]], path, first)
        _tally(visits[end], path, first)
    return n
