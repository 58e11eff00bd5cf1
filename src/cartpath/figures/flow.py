"""The flow graph, and two of them on one picture."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from cartpath.figures.arcs import ENDS, Arc, draw, in_order, strongest
from cartpath.figures.style import ACCENT, WARM, duration, note_figure, percent, text

_EMPTY = "No steps in this period: there is nothing to draw."


@dataclass(frozen=True)
class Shown:
    """What of a graph is drawn.

    Attributes
    ----------
    nodes : list of str
        From the top.
    edges : list of dict
        Records of the edges drawn, loops among them.
    coverage : float
        Share of all transitions that are drawn.
    words : str
        What is shown and what is left out.
    """

    nodes: list[str]
    edges: list[dict[str, Any]]
    coverage: float
    words: str


def select(frame: Any, nodes: Any, most_nodes: int = 12, share: float = 0.9, most_edges: int = 32) -> Shown:
    """Choose the most visited nodes, each one's strongest edges, and edges that cover ``share`` of what they carry.

    Parameters
    ----------
    frame : pandas.DataFrame
        Edges: ``source target n users share probability source_n median_gap_seconds``, most frequent first.
    nodes : pandas.DataFrame
        Nodes: ``event n``, most visited first; the start and the end are among them.
    most_nodes : int
        Events drawn at most, apart from the start and the end.
    share : float
        Of the transitions between the nodes drawn.
    most_edges : int

    Returns
    -------
    Shown
    """
    ends = [name for name in nodes["event"] if name in ENDS]
    events = [name for name in nodes["event"] if name not in ends]
    kept = set(events[:most_nodes]) | set(ends)
    rows = [row for row in frame.to_dict("records") if row["source"] in kept and row["target"] in kept]
    edges = strongest(rows, share, most_edges)
    coverage = float(sum(row["share"] for row in edges))
    total = round(frame["n"].sum() / frame["share"].sum()) if len(frame) else 0
    hidden = 1 - frame["share"].sum() if len(frame) else 0.0
    words = (
        f"Shown: {min(len(events), most_nodes)} of {len(events)} nodes and {len(edges)} of {len(frame)} edges, "
        f"which carry {coverage:.1%} of {total:,} transitions; the rest is left out of the picture, not of the counts."
    )
    if hidden > 1e-9:
        words += f" Edges that carry {percent(hidden)} were hidden before."
    return Shown(in_order(sorted(kept), rows), edges, coverage, words)


def flow_figure(frame: Any, nodes: Any, shown: Shown | None = None) -> go.Figure:
    """Draw a flow graph.

    Parameters
    ----------
    frame, nodes : pandas.DataFrame
        As ``select`` takes them.
    shown : Shown, optional
        What to draw; by default what ``select`` chooses, with its words below the graph.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    if not len(frame):
        return note_figure(_EMPTY if not len(nodes) else "No edge carries as much as was asked for.")
    note = shown is None  # who chose what to draw has its words already
    shown = shown or select(frame, nodes)
    place = {name: i for i, name in enumerate(shown.nodes)}
    visits = dict(zip(nodes["event"], nodes["n"], strict=True))
    loops = {edge["source"]: edge["probability"] for edge in shown.edges if edge["source"] == edge["target"]}
    labels = {
        name: f"{int(visits[name]):,}" + (f" · again {percent(loops[name])}" if name in loops else "")
        for name in shown.nodes
    }
    arcs = [
        Arc(
            edge["source"],
            edge["target"],
            edge["n"],
            ACCENT if place[edge["target"]] > place[edge["source"]] else WARM,
            percent(edge["probability"]),
            _hover(edge),
        )
        for edge in shown.edges
        if edge["source"] != edge["target"]
    ]
    return draw(shown.nodes, labels, arcs, "<br>".join(textwrap.wrap(shown.words, 105)) if note else "")


def _hover(edge: dict[str, Any]) -> str:
    gap = edge["median_gap_seconds"]
    after = "" if gap is None or gap != gap else f"<br>after {duration(gap)} (median)"
    return (
        f"<b>{text(edge['source'])} → {text(edge['target'])}</b><br>{edge['n']:,} times, {edge['users']:,} users"
        f"<br>{percent(edge['probability'])} of {edge['source_n']:,} visits of {text(edge['source'])}{after}"
    )
