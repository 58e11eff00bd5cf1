"""What the steps of a path are called: events, or any other property, with rare values gathered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from cartpath import engine
from cartpath.paths.conditions import NONE
from cartpath.paths.properties import Properties, Property
from cartpath.paths.rule import Rule
from cartpath.schema import OTHER, CartpathError
from cartpath.store import PathView, Snapshot

#: Names of the two nodes that are no events.
START = "(start)"
END = "(end)"

#: Most values of a property that are nodes of their own, unless it is asked otherwise, and at all.
NODES, MOST_NODES = 100, 1000

Codes = npt.NDArray[np.int32]


@dataclass(frozen=True)
class NodeNames:
    """What the nodes of a result are called: plain data, so that answers can be kept.

    Attributes
    ----------
    of : str
        The property whose values they are.
    names : tuple of str
        By node.
    gathered : int
        Values that are in ``(other)``.
    """

    of: str
    names: tuple[str, ...]
    gathered: int = 0


@dataclass(frozen=True)
class Nodes:
    """The nodes of a question, and which one each event of a bucket is at; it may be pickled.

    Attributes
    ----------
    property : Property
    names : tuple of str
        By node.
    table : int32 array (n_codes + 1,) or None
        The node of each code; the last entry is that of no value. None where code and node are the same.
    gathered : int
        Values that are in ``(other)``.
    """

    property: Property
    names: tuple[str, ...]
    table: Codes | None
    gathered: int = 0

    def called(self) -> NodeNames:
        """Return what they are called, for results."""
        return NodeNames(self.property.name, self.names, self.gathered)

    def of(self, view: PathView) -> Codes:
        """Return the node of each event of a bucket, int32 (n_events,)."""
        codes = self.property.of_events(view)
        return codes if self.table is None else self.table[codes]


def nodes_of(snap: Snapshot, rule: Rule, name: str = "event", most: int = NODES) -> Nodes:
    """Make the values of a property nodes: all of them, or the most visited where there are too many.

    Parameters
    ----------
    snap : Snapshot
    rule : Rule
        Which events count: visits are steps that count.
    name : str
        The property.
    most : int
        Values that become nodes at most; ``(none)``, which is no value, comes on top.

    Returns
    -------
    Nodes

    Raises
    ------
    CartpathError
        If there is no such property, or ``most`` is out of range.
    """
    if not 1 <= most <= MOST_NODES:
        raise CartpathError(f"cannot show {most:,} nodes", f"from 1 to {MOST_NODES:,}")
    found = Properties(snap, rule.counting.time_zone).find(name)
    names = list(dict.fromkeys(found.labels))
    if len(names) <= most:
        return _all(found, names)
    visits = engine.run(snap, partial(scan_visits, rule=rule, by=found), merge_visits)
    return _most_visited(found, names, visits, most)


def _all(found: Property, names: list[str]) -> Nodes:
    if found.name == "event" and len(names) == len(found.labels):  # every event has a name
        return Nodes(found, tuple(names), None)
    place = {name: node for node, name in enumerate(names)}
    table = [*(place[label] for label in found.labels), len(names)]
    return Nodes(found, (*names, NONE), np.array(table, np.int32))


def _most_visited(found: Property, names: list[str], visits: npt.NDArray[np.int64], most: int) -> Nodes:
    total = dict.fromkeys(names, 0)
    for label, n in zip(found.labels, visits[:-1].tolist(), strict=True):
        total[label] += n
    ranked = [name for name in sorted(names, key=lambda name: (-total[name], name)) if total[name]]
    kept, gathered = ranked[:most], len(ranked[most:])
    place = {name: node for node, name in enumerate(kept)}
    table = [*(place.get(label, len(kept) + 1) for label in found.labels), len(kept)]
    return Nodes(found, (*kept, NONE, OTHER), np.array(table, np.int32), gathered)


def scan_visits(view: PathView, rule: Rule, by: Property) -> npt.NDArray[np.int64]:
    """Count a bucket's steps by the value of a property; the last count is that of no value."""
    paths = rule.counted(view).paths("users", steps=True)
    codes = paths.take(by.of_events(view))
    size = len(by.labels)
    return np.bincount(np.where(codes < 0, size, codes), minlength=size + 1).astype(np.int64)


def merge_visits(parts: Sequence[npt.NDArray[np.int64]]) -> npt.NDArray[np.int64]:
    """Add the visits of buckets."""
    total: npt.NDArray[np.int64] = np.sum(parts, axis=0)
    return total
