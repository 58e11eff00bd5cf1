"""Variants over a store: a bucket's paths grouped, all buckets' groups merged, and the paths behind some of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath import engine
from cartpath.paths.counted import Basis, merge_basis
from cartpath.paths.matching import Matcher
from cartpath.paths.orders import Orders, merge_orders, orders_of
from cartpath.paths.properties import Property
from cartpath.paths.rule import Rule
from cartpath.paths.same_paths import CUT, Cut, Groups, bring_together, first_places, group, merge_groups
from cartpath.schema import MICROSECONDS
from cartpath.store import PathView, Snapshot


@dataclass(frozen=True)
class Plan:
    """What a bucket's scan needs to know.

    Attributes
    ----------
    rule : Rule
    count : str
        ``"sessions"`` or ``"users"``.
    cut : Cut
    node : Property
    ranks : int32 array (n_labels + 1,)
        Of each code of the property the place of its name among all names; the last entry, of no value, is -1. Codes
        are in the order of ingest, and paths are hashed by what does not depend on it.
    goal : Matcher
        Of one step.
    purchase : int
        Code of the event, -1 if it was never seen.
    """

    rule: Rule
    count: str
    cut: Cut
    node: Property
    ranks: npt.NDArray[np.int32]
    goal: Matcher
    purchase: int

    def nodes(self, view: PathView) -> npt.NDArray[np.int32]:
        """Return the place of each event's node, int32 (n_events,)."""
        return self.ranks[self.node.of_events(view)]

    def names(self, paths: Sequence[Sequence[int]], more: str) -> list[tuple[str, ...]]:
        """Return paths by the names of their nodes; one that is cut ends in ``more``."""
        codes = np.argsort(self.ranks[:-1])

        def name(at: int) -> str:
            return more if at == CUT else self.node.label(int(codes[at]) if at >= 0 else -1)

        return [tuple(name(at) for at in path) for path in paths]


@dataclass(frozen=True)
class Part:
    """What a bucket's scan found.

    Attributes
    ----------
    basis : Basis
    groups : Groups
    durations : int64 array (n_paths,)
        Microseconds from first to last event, those of each group together, in the groups' order.
    orders : Orders
        Owned by groups.
    """

    basis: Basis
    groups: Groups
    durations: npt.NDArray[np.int64]
    orders: Orders


def ranks_of(node: Property) -> npt.NDArray[np.int32]:
    """Return the place of each code's name among all names of a property, and -1 for no value."""
    ranks = np.full(len(node.labels) + 1, -1, np.int32)
    ranks[sorted(range(len(node.labels)), key=lambda code: node.labels[code])] = np.arange(len(node.labels))
    return ranks


def scan_variants(view: PathView, plan: Plan) -> Part:
    """Group the paths of one bucket."""
    counted = plan.rule.counted(view)
    paths = counted.paths(plan.count)
    step, goal = (counted.along(paths, array) for array in (counted.step, plan.goal.bits(counted) != 0))
    node, ts = paths.take(plan.nodes(view)), paths.take(view.ts)
    groups, of = group(plan.cut, paths.offsets, node, step, goal, paths.user)
    durations = ts[paths.offsets[1:] - 1] - ts[paths.offsets[:-1]]
    bought = paths.take(view.event) == plan.purchase
    orders = orders_of(view, paths, bought, of.astype(np.int64), groups.first[of])
    return Part(counted.basis(), groups, bring_together(of, durations, first_places(groups.n)), orders)


@dataclass(frozen=True)
class Whole:
    """The groups of all buckets.

    Attributes
    ----------
    basis : Basis
    groups : Groups
    parts : list of tuple
        Of each bucket the numbers that its groups have in the whole, how many paths each has, and their durations.
    orders : Orders
        Owned by groups of the whole.
    """

    basis: Basis
    groups: Groups
    parts: list[tuple[npt.NDArray[np.int32], npt.NDArray[Any], npt.NDArray[np.int64]]]
    orders: Orders

    def medians(self, rank: npt.NDArray[np.int32], n: int) -> list[float | None]:
        """Return the median duration in seconds of the paths of each rank, 0 to ``n``; None where there are none."""
        by = np.concatenate([np.repeat(rank[of], counts) for of, counts, _ in self.parts])
        counts = np.bincount(by, minlength=n + 1)
        times = bring_together(by, np.concatenate([times for *_, times in self.parts]), first_places(counts))
        found = [times[a:b] for a, b in pairwise([*first_places(counts), len(times)])]
        return [float(np.median(t)) / MICROSECONDS if len(t) else None for t in found]


def merge_variants(parts: Sequence[Part]) -> Whole:
    """Put the groups of buckets together."""
    groups, numbers = merge_groups([part.groups for part in parts])
    orders = merge_orders(
        [
            replace(part.orders, owner=of[part.orders.owner].astype(np.int64))
            for part, of in zip(parts, numbers, strict=True)
        ]
    )
    held = [(of, part.groups.n, part.durations) for part, of in zip(parts, numbers, strict=True)]
    return Whole(merge_basis([part.basis for part in parts]), groups, held, orders)


def codes_of_groups(snap: Snapshot, plan: Plan, groups: Groups, chosen: npt.NDArray[np.int64]) -> list[list[int]]:
    """Read the paths of some groups as codes of nodes, each from one bucket that has it."""
    found: dict[int, list[int]] = {}
    current = engine.current()
    for bucket in np.unique(groups.bucket[chosen]).tolist():
        here = chosen[groups.bucket[chosen] == bucket]
        read = current.scanner(snap, partial(read_paths, plan=plan, places=groups.place[here]))
        found |= zip(here.tolist(), current.map(read, [bucket])[0], strict=True)
    return [found[i] for i in chosen.tolist()]


def read_paths(view: PathView, plan: Plan, places: npt.NDArray[np.int32]) -> list[list[int]]:
    """Return the codes of some paths of a bucket."""
    counted = plan.rule.counted(view)
    paths = counted.paths(plan.count)
    step = counted.along(paths, counted.step)
    node = paths.take(plan.nodes(view))
    ranges = [slice(paths.offsets[p], paths.offsets[p + 1]) for p in places.tolist()]
    return [plan.cut.codes(node[at], step[at]) for at in ranges]
