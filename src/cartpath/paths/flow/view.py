"""The flow graph: which step directly follows which, within a session or across the sessions of a user.

A node is an event, or a value of another property, and its visits are steps (the events of one hit are one step).
``START`` precedes the first step of every path and ``END`` follows the last, so what flows into a node flows out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cartpath import engine
from cartpath.paths.counted import Basis
from cartpath.paths.counting import Counting, wilson
from cartpath.paths.flow.count import EdgeCounts, merge_edges, scan_edges
from cartpath.paths.flow.gaps import BINS
from cartpath.paths.flow.medians import median_gaps
from cartpath.paths.flow.nodes import END, NODES, START, NodeNames, nodes_of
from cartpath.paths.rule import Heading
from cartpath.schema import CartpathError
from cartpath.store import Snapshot
from cartpath.store.answers import kept

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = ("source", "target", "n", "sessions", "users", "share", "probability")
_ENDS = ("interval_low", "interval_high")


@dataclass(frozen=True)
class FlowResult:
    """A counted flow graph.

    Attributes
    ----------
    rule : Heading
    unit : str
        What a path is of: ``"sessions"`` or ``"users"``.
    nodes_of : NodeNames
        What the nodes are.
    counts : EdgeCounts
        Of all edges.
    shown : int64 array
        Places in ``counts`` of the edges that were asked for, most frequent first.
    medians : float64 array
        Seconds by place in ``counts``; NaN where no time is between, or the edge is hidden.
    """

    rule: Heading
    unit: str
    nodes_of: NodeNames
    counts: EdgeCounts
    shown: npt.NDArray[np.int64]
    medians: npt.NDArray[np.float64]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the nodes: values of the property, then START and END."""
        return (*self.nodes_of.names, START, END)

    @property
    def counting(self) -> Counting:
        """The counting rule as it was asked."""
        return self.rule.counting

    @property
    def basis(self) -> Basis:
        """What it counts over."""
        return self.counts.basis

    @property
    def sessions(self) -> int:
        """Sessions with a step that counts."""
        return self.basis.sessions

    @property
    def users(self) -> int:
        """Users with a step that counts."""
        return self.basis.users

    @property
    def steps(self) -> int:
        """Steps that count."""
        return self.basis.steps

    @property
    def transitions(self) -> int:
        """Transitions of all edges, those from the start and to the end among them."""
        return int(self.counts.n.sum())

    @property
    def coverage(self) -> float | None:
        """Share of all transitions that the edges shown carry; None where there are none."""
        return int(self.counts.n[self.shown].sum()) / self.transitions if self.transitions else None

    @property
    def hidden(self) -> dict[str, int]:
        """How many ``edges`` are not shown, and the ``n`` transitions that they carry."""
        shown = int(self.counts.n[self.shown].sum())
        return {"edges": len(self.counts.cell) - len(self.shown), "n": self.transitions - shown}

    @property
    def tied_transitions(self) -> int:
        """Transitions to another node within no time: the source alone says which of the two came first."""
        times = self.counts.times
        place, spread = np.divmod(times.key, BINS)
        source, target = np.divmod(self.counts.cell[place], len(self.names))
        return int(times.often[(spread == 0) & (source != target)].sum())

    @cached_property
    def nodes(self) -> list[dict[str, Any]]:
        """One record a node, most visited first: ``event``, ``n`` steps, ``sessions``, ``users``.

        Across sessions ``sessions`` is None: a transition may belong to two.
        """
        visits = self.counts.visits
        found = [
            {"event": name, **self._numbers(*visits[i].tolist())} for i, name in enumerate(self.names) if visits[i, 0]
        ]
        return sorted(found, key=lambda row: (-row["n"], row["event"]))

    @cached_property
    def edges(self) -> list[dict[str, Any]]:
        """One record an edge shown, most frequent first.

        ``source``, ``target``, ``n``, ``sessions``, ``users``, ``share`` (of all transitions), ``probability`` (that
        a visit of the source is followed by the target, end included), ``interval``, its 95% Wilson interval,
        ``source_n``, the visits of the source, and ``median_gap_seconds`` (None from the start and to the end).
        """
        c, total = self.counts, self.transitions
        found = []
        for i in self.shown.tolist():
            source, target = divmod(int(c.cell[i]), len(self.names))
            n, visits, median = int(c.n[i]), int(c.visits[source, 0]), float(self.medians[i])
            found.append(
                {
                    "source": self.names[source],
                    "target": self.names[target],
                    **self._numbers(n, int(c.paths[i]), int(c.users[i])),
                    "share": n / total,
                    "probability": n / visits,
                    "interval": wilson(n, visits),
                    "source_n": visits,
                    "median_gap_seconds": None if median != median else median,
                }
            )
        return found

    @property
    def frame(self) -> pd.DataFrame:
        """One row an edge shown, as a pandas frame; interval ends are columns of their own."""
        import pandas as pd

        rows = [{**row, **dict(zip(_ENDS, row["interval"], strict=True))} for row in self.edges]
        return pd.DataFrame(rows, columns=[*_COLUMNS, *_ENDS, "source_n", "median_gap_seconds"])

    @property
    def node_frame(self) -> pd.DataFrame:
        """One row a node, as a pandas frame."""
        import pandas as pd

        return pd.DataFrame(self.nodes, columns=["event", "n", "sessions", "users"])

    @property
    def warnings(self) -> list[str]:
        """What a reader should know first."""
        return self.rule.warnings_of(self.basis) + self._gathered()

    def to_dict(self) -> dict[str, Any]:
        """Return the graph as JSON has it."""
        return {
            **self.rule.header(self.basis, self._gathered(), self.unit),
            "node": self.nodes_of.of,
            "across_sessions": self.unit == "users",
            "transitions": self.transitions,
            "coverage": self.coverage,
            "hidden": self.hidden,
            "tied_transitions": self.tied_transitions,
            "gathered": self.nodes_of.gathered,
            "nodes": self.nodes,
            "edges": [{**row, "interval": list(row["interval"])} for row in self.edges],
        }

    def _gathered(self) -> list[str]:
        n = self.nodes_of.gathered
        return [f"the {n:,} least visited values of {self.nodes_of.of} are gathered in (other)"] if n else []

    def _numbers(self, n: int, paths: int, users: int) -> dict[str, Any]:
        return {"n": n, "sessions": paths if self.unit == "sessions" else None, "users": users}


@kept
def flow(
    snap: Snapshot,
    counting: Counting | None = None,
    *,
    across_sessions: bool = False,
    node: str = "event",
    most_nodes: int = NODES,
    min_share: float = 0.0,
    top_edges: int | None = None,
) -> FlowResult:
    """Count the flow graph of a store.

    Parameters
    ----------
    snap : Snapshot
    counting : Counting, optional
        Which events count; its unit is not read. A session cut by the period starts at its first step within.
    across_sessions : bool
        Follow users through all their sessions; the start and the end are then once a user.
    node : str
        What a node is: ``"event"`` or another property, such as ``"page"``.
    most_nodes : int
        Values that become nodes at most; the less visited are gathered in ``(other)``.
    min_share : float
        Show edges that carry at least this share of all transitions.
    top_edges : int, optional
        Show so many edges at most.

    Returns
    -------
    FlowResult

    Raises
    ------
    CartpathError
        If a property is unknown or a limit out of range.

    Examples
    --------
    >>> import tempfile
    >>> from cartpath import store
    >>> folder = tempfile.mkdtemp() + "/shop"
    >>> store.init(folder)
    >>> with store.open_snapshot(folder) as snap:
    ...     flow(snap).edges
    []
    """
    if not 0 <= min_share <= 1:
        raise CartpathError(f"not a share: {min_share}", "from 0 to 1; 0.01 hides edges below 1% of all transitions")
    if top_edges is not None and top_edges < 1:
        raise CartpathError(f"cannot show {top_edges} edges", "at least 1")
    rule = (counting or Counting()).bind(snap)
    unit = "users" if across_sessions else "sessions"
    nodes = nodes_of(snap, rule, node, most_nodes)
    counts = engine.run(snap, partial(scan_edges, rule=rule, nodes=nodes, unit=unit), merge_edges)
    shown = choose(counts, (*nodes.names, START, END), min_share, top_edges)
    medians = median_gaps(snap, rule, nodes, unit, counts, shown)
    return FlowResult(rule.heading, unit, nodes.called(), counts, shown, medians)


def choose(
    counts: EdgeCounts, names: tuple[str, ...], min_share: float, top_edges: int | None
) -> npt.NDArray[np.int64]:
    """Return the places of the edges to show, most frequent first, by name where they are as frequent."""
    source, target = np.divmod(counts.cell, len(names))
    enough = np.flatnonzero(counts.n >= min_share * counts.n.sum()).tolist()
    order = sorted(enough, key=lambda i: (-counts.n[i], names[source[i]], names[target[i]]))
    return np.array(order[:top_edges], np.int64)
