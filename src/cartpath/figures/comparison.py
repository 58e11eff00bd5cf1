"""Two groups compared: a forest plot of the differences with their intervals, and segments with their overlaps."""

from __future__ import annotations

import textwrap
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from cartpath.figures.style import ACCENT, INK, LINE, MUTED, WARM, layout, note_figure, percent, text

#: Most rows of a figure.
_MOST = 25
#: Kind -> title of its axis, and the column that is drawn; its ends are ``COLUMN_low`` and ``COLUMN_high``.
_PANELS = {
    "rate": ("difference in percentage points", "difference"),
    "mean": ("difference in standard deviations (Cohen's d)", "effect"),
    "survival": ("hazard ratio", "effect"),
    "odds_ratio": ("odds ratio in A by that in B", "effect"),
    "distribution": ("Cramér's V, 0: the same", "effect"),
}
_ROW = 30
#: Signs in a line of the note.
_WIDE = 110
_KEY = "lines are 95% intervals of each difference alone; a hollow mark: not significant after the correction"


def comparison_figure(frame: Any, a: str, b: str, note: str = "") -> go.Figure:
    """Draw what two groups differ in.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a measure, as ``ComparisonResult.frame`` has it.
    a, b : str
        Names of the groups.
    note : str
        A line below, such as how many looks there were.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    column_of = {kind: column for kind, (_, column) in _PANELS.items()}
    rows = [row for row in frame.to_dict("records") if _known(row[column_of[row["kind"]]])]
    if not rows:
        return note_figure(f"Nothing to compare between {text(a, 60)} and {text(b, 60)}. {note}")
    shown = rows[:_MOST]
    panels = [(kind, found) for kind in _PANELS if (found := [row for row in shown if row["kind"] == kind])]
    heights = [len(found) + 1.6 for _, found in panels]
    # Between panels there is room for the title of an axis, whatever the height of the figure.
    height = int(_ROW * sum(heights)) + 142
    spacing = min(52 / height, 0.9 / max(len(panels) - 1, 1))
    figure = make_subplots(rows=len(panels), cols=1, row_heights=heights, vertical_spacing=spacing)
    for number, (kind, found) in enumerate(panels, start=1):
        _panel(figure, number, kind, found)
    layout(figure, height)
    left = f" · {len(rows) - _MOST:,} more measures are in the table" if len(rows) > _MOST else ""
    figure.update_layout(margin={"l": 10, "r": 10, "t": 46, "b": 100}, hovermode="closest")
    figure.update_yaxes(automargin=True, showgrid=False, zeroline=False, tickfont={"color": INK})
    sides = f"<b style='color:{ACCENT}'>A</b> {text(a, 60)}    <b style='color:{WARM}'>B</b> {text(b, 60)}"
    _words(figure, f"{sides}    right of the line: more in A", 1.0, 10, "bottom")
    lines = [text(line, _WIDE) for line in textwrap.wrap(f"{note}{left}", _WIDE)]
    _words(figure, "<br>".join([*lines, _KEY]), 0.0, -46, "top")
    return figure


def _panel(figure: go.Figure, number: int, kind: str, rows: list[dict[str, Any]]) -> None:
    title, column = _PANELS[kind]
    scale = 100 if kind == "rate" else 1
    is_ratio = kind in ("survival", "odds_ratio")
    even = 1.0 if is_ratio else 0.0
    values = [row[column] * scale for row in rows]
    low, high = ([_end(row, column, end) for row in rows] for end in ("low", "high"))
    colours = [_colour(row, value > even) for row, value in zip(rows, values, strict=True)]
    for value, colour, row, first, last in zip(values, colours, rows, low, high, strict=True):
        figure.add_scatter(
            x=[value],
            y=[text(row["name"], 48)],
            mode="markers",
            marker={"color": colour, "size": 9, "symbol": "circle" if row["significant"] is True else "circle-open"},
            error_x=None
            if first is None or last is None
            else {
                "array": [last * scale - value],
                "arrayminus": [value - first * scale],
                "color": colour,
                "thickness": 1.6,
                "width": 0,
            },
            hovertext=_hover(row),
            hoverinfo="text",
            row=number,
            col=1,
        )
    figure.add_vline(x=even, line={"color": MUTED, "width": 1}, row=number, col=1)
    axis = {"title": {"text": title, "standoff": 4}, "automargin": True, "zeroline": False}
    figure.update_xaxes(**axis, type="log" if is_ratio else "linear", row=number, col=1)
    figure.update_yaxes(range=[len(rows) - 0.4, -0.6], row=number, col=1)


def _end(row: dict[str, Any], column: str, end: str) -> float | None:
    name = f"{'interval' if column == 'difference' else 'effect_interval'}_{end}"
    return row[name] if _known(row[name]) else None


def _known(value: Any) -> bool:
    return value is not None and value == value


def _colour(row: dict[str, Any], more: bool) -> str:
    if row["significant"] is not True:
        return MUTED
    return ACCENT if more else WARM


def _hover(row: dict[str, Any]) -> str:
    rate = row["kind"] == "rate"
    lines = [f"<b>{text(row['name'], 80)}</b>"]
    for name in ("a", "b"):
        if _known(row[name]):
            number = percent(row[name]) if rate else f"{row[name]:,.4g} {row['unit']}".strip()
            lines.append(f"{name.upper()}: {number} of {row[f'{name}_n']:,}")
    if _known(row["p"]):
        lines.append(f"{row['test']}: p {row['p']:.2g}, adjusted {row['p_adjusted']:.2g}")
    return "<br>".join(lines)


def _words(figure: go.Figure, words: str, y: float, shift: int, anchor: str) -> None:
    figure.add_annotation(
        text=words,
        xref="paper",
        yref="paper",
        x=0,
        y=y,
        yshift=shift,
        xanchor="left",
        yanchor=anchor,
        align="left",
        showarrow=False,
        font={"color": MUTED, "size": 12},
    )


def segments_figure(frame: Any, overlaps: list[dict[str, Any]]) -> go.Figure:
    """Draw segments by size, beside how much each two have in common.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a segment: ``name expression users share``.
    overlaps : list of dict
        One record a pair: ``a b users jaccard``.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    rows = frame.to_dict("records")[:_MOST]
    if not rows:
        return note_figure("There are no segments: write some in the table [segments] of cartpath.toml.")
    names = [text(row["name"]) for row in rows]
    figure = make_subplots(rows=1, cols=2, subplot_titles=("Users", "In both, of those in either"), shared_yaxes=True)
    figure.add_bar(
        y=names,
        x=[row["users"] for row in rows],
        orientation="h",
        marker={"color": ACCENT},
        text=[f"{row['users']:,} · {percent(row['share'])}" for row in rows],
        textposition="auto",
        hovertext=[text(row["expression"], 200) for row in rows],
        hoverinfo="text",
        row=1,
        col=1,
    )
    place = {row["name"]: i for i, row in enumerate(rows)}
    grid: list[list[float | None]] = [[None] * len(rows) for _ in rows]
    for pair in overlaps:
        if pair["a"] in place and pair["b"] in place:
            i, j = place[pair["a"]], place[pair["b"]]
            grid[i][j] = grid[j][i] = pair["jaccard"]
    figure.add_heatmap(
        x=names,
        y=names,
        z=grid,
        text=[["" if value is None else percent(value) for value in line] for line in grid],
        texttemplate="%{text}",
        zmin=0,
        zmax=1,
        colorscale=[[0, LINE], [1, ACCENT]],
        showscale=False,
        hoverinfo="skip",
        row=1,
        col=2,
    )
    layout(figure, 120 + 36 * len(rows))
    figure.update_layout(margin={"l": 10, "r": 10, "t": 30, "b": 10})
    figure.update_yaxes(autorange="reversed", automargin=True, showgrid=False, tickfont={"color": INK})
    figure.update_xaxes(automargin=True)
    figure.update_xaxes(showgrid=False, row=1, col=2)
    return figure
