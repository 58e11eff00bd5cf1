"""The flow graph as arcs along one line of nodes: onwards on the right, back on the left.

Nodes stand in one column, ordered by how the flow runs (trophic levels: R. S. MacKay, S. Johnson, B. Sansom,
How directed is a directed network?, R. Soc. Open Sci. 7, 2020), so that nothing is drawn over a label.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from cartpath.figures.style import ACCENT, INK, MUTED, WARM, layout, note_figure, percent, text

#: Half the width of the column of labels, in units of the distance between two nodes.
_HALF = 2.3
#: Height of a row in pixels.
_ROW = 46
_POINTS = 41


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
        Edges: ``source target n users probability``, most frequent first.
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
    ends = [name for name in nodes["event"] if name in ("(start)", "(end)")]
    events = [name for name in nodes["event"] if name not in ends]
    kept = set(events[:most_nodes]) | set(ends)
    rows = [row for row in frame.to_dict("records") if row["source"] in kept and row["target"] in kept]
    edges = _choose(rows, share, most_edges)
    carried = sum(row["n"] for row in edges)
    total = int(frame["n"].sum()) if len(frame) else 0
    coverage = carried / total if total else 0.0
    words = (
        f"Shown: {min(len(events), most_nodes)} of {len(events)} events and {len(edges)} of {len(frame)} edges, "
        f"which carry {coverage:.1%} of {total:,} transitions; the rest is left out of the picture, not of the counts."
    )
    return Shown(_order(sorted(kept), rows), edges, coverage, words)


def _choose(rows: list[dict[str, Any]], share: float, most_edges: int) -> list[dict[str, Any]]:
    """Take each node's strongest edge in and out, then the most frequent until the share is carried."""
    chosen: dict[int, dict[str, Any]] = {}
    met: set[tuple[str, str]] = set()
    for i, row in enumerate(rows):
        ways = {("out of", row["source"]), ("into", row["target"])}
        if row["source"] != row["target"] and not ways <= met:
            chosen[i] = row
            met |= ways
    goal, carried = share * sum(row["n"] for row in rows), sum(row["n"] for row in chosen.values())
    for i, row in enumerate(rows):
        if carried >= goal or len(chosen) >= most_edges:
            break
        if i not in chosen:
            chosen[i] = row
            carried += row["n"]
    return [chosen[i] for i in sorted(chosen)]


def _order(names: list[str], edges: list[dict[str, Any]]) -> list[str]:
    """Order nodes by trophic level, the start first and the end last."""
    place = {name: i for i, name in enumerate(names)}
    weight = np.zeros((len(names), len(names)))
    for edge in edges:
        if edge["source"] != edge["target"]:
            weight[place[edge["source"]], place[edge["target"]]] += edge["n"]
    both = weight + weight.T
    laplacian = np.diag(both.sum(axis=1)) - both
    imbalance = weight.sum(axis=0) - weight.sum(axis=1)
    level = np.linalg.lstsq(laplacian, imbalance, rcond=None)[0]
    ends = {"(start)": -1, "(end)": 1}
    return sorted(names, key=lambda name: (ends.get(name, 0), round(float(level[place[name]]), 9), name))


def flow_figure(frame: Any, nodes: Any, shown: Shown | None = None) -> go.Figure:
    """Draw a flow graph.

    Parameters
    ----------
    frame, nodes : pandas.DataFrame
        As ``select`` takes them.
    shown : Shown, optional
        What to draw; by default what ``select`` chooses.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    if not len(frame):
        return note_figure("No steps in this period: there is nothing to draw.")
    shown = shown or select(frame, nodes)
    place = {name: float(i) for i, name in enumerate(shown.nodes)}
    figure = go.Figure()
    largest = max((edge["n"] for edge in shown.edges), default=1)
    arcs = [edge for edge in shown.edges if edge["source"] != edge["target"]]
    for edge in reversed(arcs):  # the largest last, on top
        _arc(figure, edge, place[edge["source"]], place[edge["target"]], largest)
    taken: list[tuple[float, float]] = []
    for edge in arcs:
        _label(figure, edge, place[edge["source"]], place[edge["target"]], taken)
    visits = dict(zip(nodes["event"], nodes["n"], strict=True))
    loops = {edge["source"]: edge["probability"] for edge in shown.edges if edge["source"] == edge["target"]}
    for name in shown.nodes:
        _node(figure, name, place[name], int(visits[name]), loops.get(name))
    reach = _HALF + _bulge(len(shown.nodes) - 1) + 0.9
    layout(figure, 40 + _ROW * max(len(shown.nodes), 2), hovermode="closest")
    figure.update_xaxes(visible=False, range=[-reach, reach], fixedrange=True)
    figure.update_yaxes(visible=False, range=[len(shown.nodes) - 0.4, -0.6], fixedrange=True)
    return figure


def _bulge(distance: float) -> float:
    return 0.55 + 0.62 * math.pow(distance, 0.8)


def _curve(top: float, bottom: float, angle: Any) -> tuple[Any, Any]:
    """Return where an arc is at an angle from -90 degrees (its source) to 90 (its target)."""
    side = 1 if bottom > top else -1
    # Arcs leave a little below their node's middle and arrive a little above, as seen in their direction.
    first, last = top + 0.12 * side, bottom - 0.12 * side
    x = side * (_HALF + _bulge(abs(bottom - top)) * np.cos(angle))
    return x, (first + last) / 2 + (last - first) / 2 * np.sin(angle)


def _arc(figure: go.Figure, edge: dict[str, Any], top: float, bottom: float, largest: int) -> None:
    onwards = bottom > top
    colour = ACCENT if onwards else WARM
    strength = math.sqrt(edge["n"] / largest)
    x, y = _curve(top, bottom, np.linspace(-math.pi / 2, math.pi / 2, _POINTS))
    hover = (
        f"<b>{text(edge['source'])} → {text(edge['target'])}</b><br>{edge['n']:,} times, {edge['users']:,} users"
        f"<br>{percent(edge['probability'])} of what follows {text(edge['source'])}"
    )
    line = {"color": colour, "width": 1 + 6.5 * strength}
    opacity = 0.28 + 0.5 * strength
    figure.add_scatter(x=x, y=y, mode="lines", line=line, opacity=opacity, hoverinfo="text", hovertext=hover)
    arrow = {"symbol": "triangle-left" if onwards else "triangle-right", "size": 7 + 5 * strength, "color": colour}
    figure.add_scatter(x=x[-1:], y=y[-1:], mode="markers", marker=arrow, hoverinfo="skip")


def _label(
    figure: go.Figure, edge: dict[str, Any], top: float, bottom: float, taken: list[tuple[float, float]]
) -> None:
    """Write an arc's probability where it is widest, or further along if another label is there."""
    for angle in (0.0, -0.35, 0.35, -0.7, 0.7):
        x, y = _curve(top, bottom, angle)
        if all(abs(x - other_x) > 0.85 or abs(y - other_y) > 0.36 for other_x, other_y in taken):
            break
    taken.append((float(x), float(y)))
    figure.add_annotation(
        x=x,
        y=y,
        text=percent(edge["probability"]),
        showarrow=False,
        font={"size": 11, "color": ACCENT if bottom > top else WARM},
        bgcolor="rgba(255,255,255,0.85)",
        borderpad=1,
    )


def _node(figure: go.Figure, name: str, y: float, visits: int, loop: float | None) -> None:
    is_end = name in ("(start)", "(end)")
    figure.add_shape(
        type="rect",
        x0=-_HALF,
        x1=_HALF,
        y0=y - 0.34,
        y1=y + 0.34,
        line={"width": 0},
        fillcolor="#eef1f4" if is_end else "#f6f8f9",
        layer="below",
    )
    again = f" · again {percent(loop)}" if loop is not None else ""
    figure.add_annotation(
        x=0,
        y=y,
        showarrow=False,
        text=f"<b>{text(name, 26)}</b>  <span style='color:{MUTED}'>{visits:,}{again}</span>",
        font={"color": MUTED if is_end else INK, "size": 12.5},
    )
