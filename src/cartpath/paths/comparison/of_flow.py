"""``flow`` compared: the share of users who went from one step to the next, edge by edge."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from cartpath import engine
from cartpath.paths.comparison.evidence import Measure
from cartpath.paths.comparison.rates import Rate
from cartpath.paths.comparison.registry import Comparable, Found
from cartpath.paths.counting import Counting
from cartpath.paths.flow import END, START
from cartpath.paths.flow.count import merge_edges, scan_edges
from cartpath.paths.flow.nodes import nodes_of
from cartpath.schema import OTHER
from cartpath.store import Snapshot


def measures(snap: Snapshot, a: Counting, b: Counting, options: Mapping[str, Any]) -> Found:
    """Return for each edge the users who took it, of those who visited its source.

    A visit is no independent trial, a user is; so users are compared where the view shows visits.
    """
    graphs = [_users(snap, counting, **options) for counting in (a, b)]
    taken, visited = zip(*graphs, strict=True)
    (one, other), (seen, seen_other) = taken, visited
    edges = dict.fromkeys([*one, *other])
    told = [edge for edge in edges if OTHER not in edge and all(_known(edge, nodes) for nodes in visited)]
    made = [
        Measure(
            f"{source} → {target}",
            "rate",
            Rate(one.get((source, target), 0), seen.get(source, 0)),
            Rate(other.get((source, target), 0), seen_other.get(source, 0)),
        )
        for source, target in told
    ]
    return Found(made, len(edges) - len(told))


def _users(
    snap: Snapshot, counting: Counting, across_sessions: bool = False, node: str = "event"
) -> tuple[dict[tuple[str, str], int], dict[str, int]]:
    """Return a group's users by edge and by node: its graph without the times, which would take a second pass."""
    rule = counting.bind(snap)
    nodes = nodes_of(snap, rule, node)
    unit = "users" if across_sessions else "sessions"
    counts = engine.run(snap, partial(scan_edges, rule=rule, nodes=nodes, unit=unit), merge_edges)
    names = (*nodes.names, START, END)
    ends = np.divmod(counts.cell, len(names))
    pairs = zip(*([names[i] for i in end.tolist()] for end in ends), strict=True)
    visits = zip(names, counts.visits[:, 2].tolist(), strict=True)
    return dict(zip(pairs, counts.users.tolist(), strict=True)), {name: n for name, n in visits if n}


def _known(edge: tuple[str, str], visited: Mapping[str, int]) -> bool:
    """Return whether a group's graph tells of an edge; a node may be among its ``(other)``, which differ by group."""
    return OTHER not in visited or all(node in visited for node in edge)


COMPARABLE = Comparable(measures, options=("across_sessions", "node"), units=("users", "sessions"), many=True)
