"""The step view as a sankey diagram, and as a heat map of event by step."""

from __future__ import annotations

import textwrap
from typing import Any

import plotly.graph_objects as go

from cartpath.figures.style import ACCENT, INK, MUTED, SERIES, layout, note_figure, percent, text
from cartpath.schema import OTHER

_GONE = ("(left)", "(start)")
_EMPTY = "No path has this event: there is nothing to draw."
_PALE = "#c9ced4"
#: Pixels: of a node of the sankey across, and of a row of the heat map.
_THICKNESS, _ROW = 12, 30


def step_view_figure(frame: Any, links: Any, backwards: bool = False, note: str = "") -> go.Figure:
    """Draw a step view as a sankey diagram, time from left to right.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``step event n share``, as ``StepViewResult.frame`` has it.
    links : pandas.DataFrame
        ``step source target n share``, as ``StepViewResult.link_frame`` has it.
    backwards : bool
        Whether steps count back from the event.
    note : str
        Below the picture.

    Returns
    -------
    plotly.graph_objects.Figure
        Who has left stays in the counts, and is not drawn again in later steps.
    """
    if not len(frame):
        return note_figure(_EMPTY)
    steps = int(frame["step"].max())
    bands = _bands(frame.to_dict("records"), links.to_dict("records"))
    place = {(band["step"], band["event"]): i for i, band in enumerate(bands)}
    colours = _colours(frame)
    rows = [row for row in links.to_dict("records") if row["source"] not in _GONE]
    ends = [(place[row["step"], row["source"]], place[row["step"] + 1, row["target"]]) for row in rows]
    ends = [(target, source) if backwards else (source, target) for source, target in ends]
    figure = go.Figure(
        go.Sankey(
            arrangement="fixed",
            node={
                "label": [""] * len(bands),
                "x": [_across(band["step"], steps, backwards) for band in bands],
                "y": [band["y"] for band in bands],
                "color": [colours[band["event"]] for band in bands],
                "customdata": [_band_words(band, backwards) for band in bands],
                "hovertemplate": "%{customdata}<extra></extra>",
                "pad": 14,
                "thickness": _THICKNESS,
                "line": {"width": 0},
            },
            link={
                "source": [source for source, _ in ends],
                "target": [target for _, target in ends],
                "value": [row["n"] for row in rows],
                "color": [_faint(colours[row["target" if backwards else "source"]]) for row in rows],
                "customdata": [_link_words(row, backwards) for row in rows],
                "hovertemplate": "%{customdata}<extra></extra>",
            },
        )
    )
    deepest = max(sum(band["step"] == step for band in bands) for step in range(steps + 1))
    layout(figure, max(360, 60 + 46 * deepest) + 40, hovermode="closest")
    figure.update_layout(margin={"t": 30, "b": 16 + 18 * _note(figure, note), "r": 200})
    for band in bands:
        _label(figure, band, _across(band["step"], steps, backwards))
    for step in range(steps + 1):
        x = _across(step, steps, backwards)
        figure.add_annotation(
            text=_step_name(step, backwards),
            x=x,
            y=1,
            xref="paper",
            yref="paper",
            yshift=12,
            xanchor="left",
            yanchor="bottom",
            showarrow=False,
            font={"size": 12, "color": MUTED},
        )
    return figure


def step_matrix_figure(frame: Any, backwards: bool = False, note: str = "") -> go.Figure:
    """Draw a step view as a heat map: a row an event, a column a step, each column sums to one.

    Parameters
    ----------
    frame, backwards, note
        As ``step_view_figure`` takes them.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    if not len(frame):
        return note_figure(_EMPTY)
    steps = int(frame["step"].max())
    events = _rows(frame)
    share = {(row["event"], row["step"]): row for row in frame.to_dict("records")}
    order = list(range(steps, -1, -1)) if backwards else list(range(steps + 1))
    cells = [[share.get((event, step)) for step in order] for event in events]
    figure = go.Figure(
        go.Heatmap(
            z=[[0.0 if cell is None else cell["share"] for cell in row] for row in cells],
            x=[_step_name(step, backwards) for step in order],
            y=[text(event) for event in events],
            text=[["" if cell is None else percent(cell["share"]) for cell in row] for row in cells],
            customdata=[["0" if cell is None else f"{cell['n']:,}" for cell in row] for row in cells],
            texttemplate="%{text}",
            hovertemplate="%{y}, %{x}: %{customdata} paths, %{text}<extra></extra>",
            colorscale=[[0, "#f8fafa"], [1, ACCENT]],
            zmin=0,
            zmax=1,
            xgap=2,
            ygap=2,
            showscale=False,
        )
    )
    layout(figure, 70 + _ROW * len(events) + 18)
    figure.update_layout(margin={"t": 34, "b": 16 + 18 * _note(figure, f"{note} Empty: nobody, or among (other).")})
    figure.update_xaxes(side="top", showgrid=False, type="category")
    figure.update_yaxes(autorange="reversed", showgrid=False, automargin=True, type="category")
    return figure


def _bands(values: list[dict[str, Any]], links: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the bands of each step from the top, with the share that is drawn and where; leavers leave once."""
    stayed = {(row["step"] + 1, row["target"]): row for row in links if row["source"] in _GONE}
    found = []
    for step in sorted({row["step"] for row in values}):
        column = []
        for row in (row for row in values if row["step"] == step):
            before = stayed.get((step, row["event"]), {"n": 0, "share": 0.0})
            if row["n"] > before["n"]:
                column.append({**row, "drawn": row["share"] - before["share"], "new": row["n"] - before["n"]})
        free = max(0.0, 1.0 - 0.045 * (len(column) - 1))
        at = 0.0
        for band in column:
            height = band["drawn"] * free
            found.append({**band, "y": min(0.999, max(0.001, at + height / 2))})
            at += height + 0.045
    return found


def _label(figure: go.Figure, band: dict[str, Any], x: float) -> None:
    # Plotly writes the labels of the last column over those of the one before.
    figure.add_annotation(
        text=f"{text(band['event'], 20)} <span style='color:{MUTED}'>{percent(band['drawn'])}</span>",
        x=x,
        y=1 - band["y"],
        xref="paper",
        yref="paper",
        xanchor="left",
        yanchor="middle",
        xshift=_THICKNESS / 2 + 3,
        showarrow=False,
        font={"size": 11.5, "color": INK},
        bgcolor="rgba(255,255,255,0.55)",
        borderpad=0,
    )


def _across(step: int, steps: int, backwards: bool) -> float:
    along = step / steps
    return min(0.999, max(0.001, 1 - along if backwards else along))


def _rows(frame: Any) -> list[str]:
    """Order events by how many paths are there in all steps; (other) and those who left come last."""
    total = frame.groupby("event")["n"].sum().to_dict()
    last = {OTHER: 1, **dict.fromkeys(_GONE, 2)}
    return sorted(total, key=lambda event: (last.get(event, 0), -total[event], event))


def _colours(frame: Any) -> dict[str, str]:
    own = [event for event in _rows(frame) if event != OTHER and event not in _GONE]
    found = {event: SERIES[i] if i < len(SERIES) - 1 else MUTED for i, event in enumerate(own)}
    return {**found, OTHER: "#9aa3ad", **dict.fromkeys(_GONE, _PALE)}


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.28)"


def _step_name(step: int, backwards: bool) -> str:
    if step == 0:
        return "the event" if backwards else "start"
    return f"{'−' if backwards else '+'}{step}"


def _band_words(band: dict[str, Any], backwards: bool) -> str:
    gone = band["event"] in _GONE
    what = f"{band['new']:,} of them at this step" if gone else ""
    words = f"<b>{text(band['event'])}</b> at {_step_name(band['step'], backwards)}<br>{band['n']:,} paths"
    return f"{words}, {percent(band['share'])}" + (f"<br>{what}" if what else "")


def _link_words(row: dict[str, Any], backwards: bool) -> str:
    first, last = ("target", "source") if backwards else ("source", "target")
    return f"<b>{text(row[first])} → {text(row[last])}</b><br>{row['n']:,} paths, {percent(row['share'])}"


def _note(figure: go.Figure, note: str) -> int:
    """Write a note below; return its number of lines."""
    lines = [text(line, 200) for line in textwrap.wrap(note, 120)]
    if lines:
        figure.add_annotation(
            text="<br>".join(lines),
            xref="paper",
            yref="paper",
            x=0,
            y=0,
            yshift=-8,
            xanchor="left",
            yanchor="top",
            align="left",
            showarrow=False,
            font={"color": MUTED, "size": 12},
        )
    return len(lines)
