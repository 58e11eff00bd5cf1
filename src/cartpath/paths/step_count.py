"""Counting where paths are so many steps after an event, or were before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from cartpath.paths.counted import Basis, Counted, merge_basis
from cartpath.paths.flow.gaps import steps_of
from cartpath.paths.flow.nodes import Nodes
from cartpath.paths.matching import Matcher
from cartpath.paths.rule import Rule
from cartpath.store import PathView
from cartpath.store.jit import kernel

Ints = npt.NDArray[np.int64]
Small = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Walk:
    """How paths are walked from their anchor; it may be pickled.

    Attributes
    ----------
    rule : Rule
    nodes : Nodes
    unit : str
        What a path is of: ``"sessions"`` or ``"users"``.
    matcher : Matcher or None
        Finds the anchor, the first step of the path that it holds for; None is the first step.
    steps : int
        How far.
    backwards : bool
        From the anchor towards the start of the path.
    collapse : bool
        Steps at the same node, one directly after the other, are one.
    """

    rule: Rule
    nodes: Nodes
    unit: str
    matcher: Matcher | None
    steps: int
    backwards: bool
    collapse: bool


@dataclass(frozen=True)
class StepCounts:
    """Counts of a bucket or of all.

    Attributes
    ----------
    basis : Basis
    columns : int64 array (steps + 1, n_slots)
        Paths at each slot so many steps from the anchor; the last slot is that of paths without such a step.
    links : int64 array (steps, n_slots, n_slots)
        Paths by slot at a step and at the next; empty in the first pass.
    left_out : int
        Paths without the anchor.
    """

    basis: Basis
    columns: Ints
    links: Ints
    left_out: int


def scan_steps(view: PathView, walk: Walk, slots: Small, linked: bool) -> StepCounts:
    """Count one bucket; ``slots`` (steps + 1, n_nodes + 1) says where each node of a step is counted."""
    counted = walk.rule.counted(view)
    steps = steps_of(counted.paths(walk.unit, steps=True), view, walk.nodes)
    hit = np.empty(0, np.bool_) if walk.matcher is None else anchors(counted, walk.matcher)
    size = int(slots.max(initial=0)) + 1
    columns = np.zeros((walk.steps + 1, size), np.int64)
    links = np.zeros((walk.steps, size, size) if linked else (0, 0, 0), np.int64)
    left_out = _walk_all(*steps.arrays, hit, slots, walk.backwards, walk.collapse, columns, links)
    return StepCounts(counted.basis() if linked else Basis(), columns, links, int(left_out))


def merge_steps(parts: Sequence[StepCounts]) -> StepCounts:
    """Add the counts of buckets; a path lies in one bucket."""
    columns, links = (np.sum([getattr(part, name) for part in parts], axis=0) for name in ("columns", "links"))
    return StepCounts(merge_basis([p.basis for p in parts]), columns, links, sum(p.left_out for p in parts))


def fold(counts: StepCounts, slots: Small) -> StepCounts:
    """Count what was counted by node in the slots of the nodes; see ``scan_steps``."""
    size = int(slots.max()) + 1
    columns = np.zeros((len(counts.columns), size), np.int64)
    links = np.zeros((len(counts.links), size, size), np.int64)
    for step, column in enumerate(counts.columns):
        np.add.at(columns[step], slots[step], column)
    for step, link in enumerate(counts.links):
        np.add.at(links[step], (slots[step][:, None], slots[step + 1][None, :]), link)
    return replace(counts, columns=columns, links=links)


def anchors(counted: Counted, matcher: Matcher) -> npt.NDArray[np.bool_]:
    """Return for each row of a bucket whether it begins a step of which some event that counts is the anchor."""
    found = np.zeros(counted.view.n_events, np.bool_)
    rows = np.empty(0, np.int64) if counted.rows is None else counted.rows
    _mark(rows, counted.step, matcher.bits(counted), found)
    return found


@kernel
def _mark(rows: Ints, step: npt.NDArray[np.uint8], bits: npt.NDArray[np.uint64], found: npt.NDArray[np.bool_]) -> None:
    start = 0
    for k in range(len(step)):
        row = rows[k] if len(rows) else k
        if step[k]:
            start = row
        found[start] |= bits[k] != 0


@kernel
def _walk_all(
    offsets: Ints,
    rows: Ints,
    ts: Ints,
    node: Small,
    hit: npt.NDArray[np.bool_],
    slots: Small,
    backwards: bool,
    collapse: bool,
    columns: Ints,
    links: Ints,
) -> int:
    nowhere = slots.shape[1] - 1
    way = -1 if backwards else 1
    left_out = 0
    for path in range(len(offsets) - 1):
        low, high = offsets[path], offsets[path + 1]
        at = low
        if len(hit):
            while at < high and not hit[rows[at] if len(rows) else at]:
                at += 1
        if at == high:
            left_out += 1
            continue
        here, before = node[rows[at] if len(rows) else at], -1
        for step in range(len(columns)):
            slot = slots[step, here]
            columns[step, slot] += 1
            if step and len(links):
                links[step - 1, before, slot] += 1
            before, last = slot, here
            while low <= at < high and here == last:
                at += way
                here = node[rows[at] if len(rows) else at] if low <= at < high else nowhere
                if not collapse:
                    break
    return left_out
