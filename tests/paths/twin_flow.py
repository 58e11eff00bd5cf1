"""Brute-force twins of the flow graph and the step view, and a store that is laid out by hand."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

import pyarrow as pa

from cartpath.schema import Columns, item_schema
from cartpath.store import PathView, Snapshot
from tests.paths.twin import EVENTS, Row, buckets_of, path_order, paths_of, step_starts, within


class ByHand:
    """As much of a snapshot as a path view reads."""

    generation = 1

    def __init__(self, rows: list[Row], n_buckets: int) -> None:
        self.views = buckets_of(rows, n_buckets)
        self.n_buckets = n_buckets
        self.items = item_schema().empty_table()
        self.users = pa.table({Columns.user_id: pa.array([], pa.string())})

    def codes(self, name: str) -> list[str]:
        return list(EVENTS) if name == Columns.event else []

    @property
    def manifest(self) -> Any:
        raise FileNotFoundError("laid out by hand: there is no store that could keep answers")

    def bucket(self, bucket: int) -> PathView:
        return self.views[bucket]


def snapshot_of(rows: list[Row], n_buckets: int = 3) -> Snapshot:
    return cast(Snapshot, ByHand(rows, n_buckets))


@dataclass(frozen=True)
class Step:
    """A step of a path: its first event that counts, and all of them."""

    first: Row
    events: tuple[Row, ...]


def step_paths(
    rows: list[Row], since: int | None, until: int | None, without: str | None, unit: str
) -> list[list[Step]]:
    """The paths of steps that count, events named ``without`` left out as if they were not there."""
    ordered = path_order(rows)
    number, of_step = 0, {}
    for row, first in zip(ordered, step_starts(ordered), strict=True):
        number += first
        of_step[id(row)] = number
    found = []
    for path in paths_of([r for r in within(ordered, since, until) if r.event != without], unit):
        groups: dict[int, list[Row]] = defaultdict(list)
        for row in path:
            groups[of_step[id(row)]].append(row)
        found.append([Step(group[0], tuple(group)) for group in groups.values()])
    return found


def flow_twin(
    rows: list[Row], since: int | None, until: int | None, without: str | None = None, unit: str = "sessions"
) -> tuple[dict[str, Any], dict[tuple[str, str], Any]]:
    """Nodes and edges, each with (n, paths, users), edges with their median too."""
    nodes: dict[str, list[Row]] = defaultdict(list)
    edges: dict[tuple[str, str], list[Row]] = defaultdict(list)
    gaps: dict[tuple[str, str], list[int]] = defaultdict(list)
    for path in step_paths(rows, since, until, without, unit):
        steps = [step.first for step in path]
        names = ["(start)", *[row.event for row in steps], "(end)"]
        for name in names:
            nodes[name].append(steps[0])
        for pair in pairwise(names):
            edges[pair].append(steps[0])
        for before, row in pairwise(steps):
            gaps[before.event, row.event].append(row.at - before.at)

    def three(found: list[Row]) -> tuple[int, int, int]:
        paths = {r.user if unit == "users" else (r.user, r.session) for r in found}
        return len(found), len(paths), len({r.user for r in found})

    medians = {pair: statistics.median(gaps[pair]) if gaps[pair] else None for pair in edges}
    return {k: three(v) for k, v in nodes.items()}, {k: (*three(v), medians[k]) for k, v in edges.items()}


def step_view_twin(
    paths: list[list[Step]], anchor: str | None, steps: int, top: int, backwards: bool, collapse: bool
) -> tuple[int, list[Counter[str]], list[Counter[tuple[str, str]]]]:
    """Paths left out, and for each step how many paths are where, and from where to where they went."""
    gone = "(start)" if backwards else "(left)"
    walks = []
    for path in paths:
        at = next((i for i, step in enumerate(path) if anchor in (None, *[r.event for r in step.events])), None)
        if at is None:
            continue
        names = [step.first.event for step in path]
        names = names[at::-1] if backwards else names[at:]
        if collapse:
            names = [name for i, name in enumerate(names) if i == 0 or name != names[i - 1]]
        walks.append((names + [gone] * (steps + 1))[: steps + 1])
    columns, named = [], [list(walk) for walk in walks]
    for step in range(steps + 1):
        count = Counter(walk[step] for walk in walks)
        kept = sorted((name for name in count if name != gone), key=lambda name: (-count[name], name))[:top]
        for walk in named:
            walk[step] = walk[step] if walk[step] in (*kept, gone) else "(other)"
        columns.append(Counter(walk[step] for walk in named))
    links = [Counter((walk[step], walk[step + 1]) for walk in named) for step in range(steps)]
    return len(paths) - len(walks), columns, links
