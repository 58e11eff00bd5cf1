"""Graphs as arcs along one column of nodes: onwards on the right, back on the left.

Nodes are ordered by how the flow runs (trophic levels: R. S. MacKay, S. Johnson, B. Sansom, How directed is a directed
network?, R. Soc. Open Sci. 7, 2020), so that nothing is drawn over a label.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from cartpath.figures.style import INK, MUTED, layout, text

#: The two nodes that are no events.
ENDS = {"(start)": -1, "(end)": 1}

#: Height of a row in pixels.
_ROW = 46
_POINTS = 41
#: Characters of a node's name.
_LONGEST = 26


@dataclass(frozen=True)
class Arc:
    """An arc to draw.

    Attributes
    ----------
    source, target : str
    weight : float
        How wide it is, beside the others.
    colour : str
    label : str
        Short; next to the arc.
    hover : str
        What pointing at it says.
    """

    source: str
    target: str
    weight: float
    colour: str
    label: str
    hover: str


def strongest(rows: list[dict[str, Any]], share: float, most: int, weight: str = "n") -> list[dict[str, Any]]:
    """Take each node's strongest edge in and out, then the most frequent until the share is carried.

    Parameters
    ----------
    rows : list of dict
        Edges, most frequent first: ``source``, ``target`` and the weight.
    share : float
        Of what all rows carry.
    most : int
        Edges at most, beyond the strongest.
    weight : str
        Which field is the weight.
    """
    chosen: dict[int, dict[str, Any]] = {}
    met: set[tuple[str, str]] = set()
    for i, row in enumerate(rows):
        ways = {("out of", row["source"]), ("into", row["target"])}
        if row["source"] != row["target"] and not ways <= met:
            chosen[i] = row
            met |= ways
    goal, carried = share * sum(row[weight] for row in rows), sum(row[weight] for row in chosen.values())
    for i, row in enumerate(rows):
        if carried >= goal or len(chosen) >= most:
            break
        if i not in chosen:
            chosen[i] = row
            carried += row[weight]
    return [chosen[i] for i in sorted(chosen)]


def in_order(names: list[str], edges: list[dict[str, Any]], weight: str = "n") -> list[str]:
    """Order nodes by trophic level, the start first and the end last."""
    place = {name: i for i, name in enumerate(names)}
    flow = np.zeros((len(names), len(names)))
    for edge in edges:
        if edge["source"] != edge["target"]:
            flow[place[edge["source"]], place[edge["target"]]] += edge[weight]
    both = flow + flow.T
    laplacian = np.diag(both.sum(axis=1)) - both
    imbalance = flow.sum(axis=0) - flow.sum(axis=1)
    level = np.linalg.lstsq(laplacian, imbalance, rcond=None)[0]
    return sorted(names, key=lambda name: (ENDS.get(name, 0), round(float(level[place[name]]), 9), name))


def draw(nodes: list[str], labels: dict[str, str], arcs: list[Arc], note: str = "", gap: float = 0.85) -> go.Figure:
    """Draw nodes from the top, and arcs between them.

    Parameters
    ----------
    nodes : list of str
    labels : dict
        What stands next to each node's name.
    arcs : list of Arc
        The most important first.
    note : str
        Below the graph.
    gap : float
        How far labels of arcs stay apart sideways.
    """
    place = {name: float(i) for i, name in enumerate(nodes)}
    # Half the width of the column of nodes, in units of the distance between two of them.
    half = max([2.3, *(0.075 * (min(len(name), _LONGEST) + len(labels[name])) for name in nodes)])
    figure = go.Figure()
    largest = max((arc.weight for arc in arcs), default=1) or 1
    for arc in reversed(arcs):  # the most important last, on top
        _arc(figure, arc, place[arc.source], place[arc.target], half, math.sqrt(arc.weight / largest))
    taken: list[tuple[float, float]] = []
    for arc in arcs:
        _label(figure, arc, place[arc.source], place[arc.target], half, taken, gap)
    for name in nodes:
        _node(figure, name, place[name], half, labels[name])
    reach = half + _bulge(len(nodes) - 1) + gap + 0.05
    lines = note.split("<br>") if note else []
    layout(figure, 40 + _ROW * max(len(nodes), 2) + 18 * len(lines), hovermode="closest")
    if lines:
        _note(figure, note, len(lines))
    figure.update_xaxes(visible=False, range=[-reach, reach], fixedrange=True)
    figure.update_yaxes(visible=False, range=[len(nodes) - 0.4, -0.6], fixedrange=True)
    return figure


def _note(figure: go.Figure, note: str, lines: int) -> None:
    figure.update_layout(margin={"b": 16 + 18 * lines})
    figure.add_annotation(
        text=note,
        xref="paper",
        yref="paper",
        x=0.5,
        y=0,
        yshift=-8,
        yanchor="top",
        showarrow=False,
        font={"color": MUTED, "size": 12},
    )


def _bulge(distance: float) -> float:
    return 0.55 + 0.62 * math.pow(distance, 0.8)


def _curve(top: float, bottom: float, half: float, angle: Any) -> tuple[Any, Any]:
    """Return where an arc is at an angle from -90 degrees (its source) to 90 (its target)."""
    side = 1 if bottom > top else -1
    # Arcs leave a little below their node's middle and arrive a little above, as seen in their direction.
    first, last = top + 0.12 * side, bottom - 0.12 * side
    x = side * (half + _bulge(abs(bottom - top)) * np.cos(angle))
    return x, (first + last) / 2 + (last - first) / 2 * np.sin(angle)


def _arc(figure: go.Figure, arc: Arc, top: float, bottom: float, half: float, strength: float) -> None:
    x, y = _curve(top, bottom, half, np.linspace(-math.pi / 2, math.pi / 2, _POINTS))
    line = {"color": arc.colour, "width": 1 + 6.5 * strength}
    opacity = 0.28 + 0.5 * strength
    figure.add_scatter(x=x, y=y, mode="lines", line=line, opacity=opacity, hoverinfo="text", hovertext=arc.hover)
    symbol = "triangle-left" if bottom > top else "triangle-right"
    arrow = {"symbol": symbol, "size": 7 + 5 * strength, "color": arc.colour}
    figure.add_scatter(x=x[-1:], y=y[-1:], mode="markers", marker=arrow, hoverinfo="skip")


def _label(
    figure: go.Figure, arc: Arc, top: float, bottom: float, half: float, taken: list[tuple[float, float]], gap: float
) -> None:
    """Write an arc's label where it is widest, or further along if another label is there."""
    for angle in (0.0, -0.35, 0.35, -0.7, 0.7):
        x, y = _curve(top, bottom, half, angle)
        if all(abs(x - other_x) > gap or abs(y - other_y) > 0.36 for other_x, other_y in taken):
            break
    taken.append((float(x), float(y)))
    figure.add_annotation(
        x=x,
        y=y,
        text=arc.label,
        showarrow=False,
        font={"size": 11, "color": arc.colour},
        bgcolor="rgba(255,255,255,0.85)",
        borderpad=1,
    )


def _node(figure: go.Figure, name: str, y: float, half: float, label: str) -> None:
    figure.add_shape(
        type="rect",
        x0=-half,
        x1=half,
        y0=y - 0.34,
        y1=y + 0.34,
        line={"width": 0},
        fillcolor="#eef1f4" if name in ENDS else "#f6f8f9",
        layer="below",
    )
    figure.add_annotation(
        x=0,
        y=y,
        showarrow=False,
        text=f"<b>{text(name, _LONGEST)}</b>  <span style='color:{MUTED}'>{label}</span>",
        font={"color": MUTED if name in ENDS else INK, "size": 12.5},
    )
