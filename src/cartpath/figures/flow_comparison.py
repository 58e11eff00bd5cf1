"""Two flow graphs on one picture: one graph, its edges coloured by which group takes them more often."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from cartpath.figures.arcs import ENDS, Arc, draw, in_order, strongest
from cartpath.figures.style import ACCENT, MUTED, WARM, note_figure, percent, text

#: From this difference in probability on an edge has its group's full colour; below the second it is grey.
_FULL, _SMALL = 0.10, 0.01


def flow_comparison_figure(
    frame_a: Any,
    frame_b: Any,
    names: Sequence[str],
    most_nodes: int = 10,
    share: float = 0.85,
    most_edges: int = 24,
) -> go.Figure:
    """Draw two flow graphs on one picture.

    Parameters
    ----------
    frame_a, frame_b : pandas.DataFrame
        Edges of the two, as ``FlowResult.frame`` has them.
    names : sequence of str
        Of the two groups.
    most_nodes : int
        Events drawn at most, apart from the start and the end.
    share : float
        Of the transitions between the nodes drawn, on average of the groups.
    most_edges : int

    Returns
    -------
    plotly.graph_objects.Figure
        Labels are the probabilities in the first and in the second group, each of the visits of the source.
    """
    if not len(frame_a) or not len(frame_b):
        empty = [name for name, frame in zip(names, (frame_a, frame_b), strict=True) if not len(frame)]
        return note_figure(f"No steps of {' and of '.join(empty)}: there is nothing to compare.")
    rows, visits = _joined(frame_a, frame_b)
    drawn, edges = _select(rows, visits, most_nodes, share, most_edges)
    loops = {row["source"]: row for row in edges if row["source"] == row["target"]}
    labels = {name: _node_label(visits[name], loops.get(name)) for name in drawn}
    arcs = [_arc(row, names) for row in edges if row["source"] != row["target"]]
    return draw(drawn, labels, arcs, _note(rows, edges, visits, drawn, names, (frame_a, frame_b)), gap=1.9)


def _joined(frame_a: Any, frame_b: Any) -> tuple[list[dict[str, Any]], dict[str, list[int]]]:
    """Return one row an edge of either graph, and the visits of each node in both."""
    visits: dict[str, list[int]] = {}
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for group, frame in enumerate((frame_a, frame_b)):
        for row in frame.to_dict("records"):
            visits.setdefault(row["source"], [0, 0])[group] = row["source_n"]
            pair = row["source"], row["target"]
            both = found.setdefault(pair, {"source": pair[0], "target": pair[1], "n": [0, 0], "weight": 0.0})
            both["n"][group] = row["n"]
            both["weight"] += row["share"] / 2
    starts = visits.get("(start)", [0, 0])
    for pair in found:
        visits.setdefault(pair[1], list(starts) if pair[1] in ENDS else [0, 0])
    for row in found.values():
        row["rates"] = [n / of if of else None for n, of in zip(row["n"], visits[row["source"]], strict=True)]
    return sorted(found.values(), key=lambda row: -row["weight"]), visits


def _select(
    rows: list[dict[str, Any]], visits: dict[str, list[int]], most_nodes: int, share: float, most_edges: int
) -> tuple[list[str], list[dict[str, Any]]]:
    weight = dict.fromkeys(visits, 0.0)
    for row in rows:
        weight[row["target"]] += row["weight"]
    events = sorted((name for name in visits if name not in ENDS), key=lambda name: (-weight[name], name))
    kept = {*events[:most_nodes], *(name for name in visits if name in ENDS)}
    among = [row for row in rows if row["source"] in kept and row["target"] in kept]
    return in_order(sorted(kept), among, "weight"), strongest(among, share, most_edges, "weight")


def _difference(row: dict[str, Any]) -> float | None:
    a, b = row["rates"]
    return None if a is None or b is None else b - a


def _colour(difference: float | None) -> str:
    if difference is None or abs(difference) < _SMALL:
        return MUTED
    full = WARM if difference > 0 else ACCENT
    return _mixed(full, MUTED, min(1.0, 0.35 + 0.65 * abs(difference) / _FULL))


def _mixed(colour: str, other: str, share: float) -> str:
    pairs = zip(*([int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in (colour, other)), strict=True)
    return "#" + "".join(f"{round(share * a + (1 - share) * b):02x}" for a, b in pairs)


def _arc(row: dict[str, Any], names: Sequence[str]) -> Arc:
    difference = _difference(row)
    rates = [percent(rate) for rate in row["rates"]]
    points = "" if difference is None else f"<br>difference {difference * 100:+.1f} percentage points"
    hover = f"<b>{text(row['source'])} → {text(row['target'])}</b>" + "".join(
        f"<br>{text(name)}: {rate} ({n:,} times)" for name, rate, n in zip(names, rates, row["n"], strict=True)
    )
    return Arc(row["source"], row["target"], row["weight"], _colour(difference), " | ".join(rates), hover + points)


def _node_label(visits: list[int], loop: dict[str, Any] | None) -> str:
    again = "" if loop is None else " · again " + " | ".join(percent(rate) for rate in loop["rates"])
    return f"{visits[0]:,} | {visits[1]:,}{again}"


def _note(
    rows: list[dict[str, Any]],
    edges: list[dict[str, Any]],
    visits: dict[str, list[int]],
    drawn: list[str],
    names: Sequence[str],
    frames: Sequence[Any],
) -> str:
    a, b = (text(name) for name in names)
    totals = [round(frame["n"].sum() / frame["share"].sum()) for frame in frames]
    covered = [sum(row["n"][i] for row in edges) / total if total else 0.0 for i, total in enumerate(totals)]
    colours = (
        f"<span style='color:{ACCENT}'>■ more often {a}</span>   <span style='color:{WARM}'>■ more often {b}</span>   "
        f"<span style='color:{MUTED}'>■ less than 1 percentage point apart</span>"
    )
    words = (
        f"Labels: {a} | {b}, each of its visits of the source. {a}: {totals[0]:,} transitions, {covered[0]:.1%} drawn; "
        f"{b}: {totals[1]:,}, {covered[1]:.1%} drawn. {sum(name not in ENDS for name in drawn)} of "
        f"{sum(name not in ENDS for name in visits)} nodes, {len(edges)} of {len(rows)} edges."
    )
    return "<br>".join([colours, *textwrap.wrap(words, 105)])
