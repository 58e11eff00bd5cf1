"""``flow`` compared: the share of users who went from one step to the next, edge by edge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cartpath.paths.comparison.evidence import Measure
from cartpath.paths.comparison.rates import Rate
from cartpath.paths.comparison.registry import Comparable, Found
from cartpath.paths.counting import Counting
from cartpath.paths.flow_nodes import OTHER
from cartpath.store import Snapshot


def measures(snap: Snapshot, a: Counting, b: Counting, options: Mapping[str, Any]) -> Found:
    """Return for each edge the users who took it, of those who visited its source.

    A visit is no independent trial, a user is; so users are compared where the view shows visits.
    """
    from cartpath.paths.flow import flow

    results = [flow(snap, counting, **options) for counting in (a, b)]
    taken = [{(row["source"], row["target"]): row["users"] for row in result.edges} for result in results]
    visited = [{row["event"]: row["users"] for row in result.nodes} for result in results]
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


def _known(edge: tuple[str, str], visited: Mapping[str, int]) -> bool:
    """Return whether a group's graph tells of an edge; a node may be among its ``(other)``, which differ by group."""
    return OTHER not in visited or all(node in visited for node in edge)


COMPARABLE = Comparable(measures, options=("across_sessions", "node"), units=("users", "sessions"), many=True)
