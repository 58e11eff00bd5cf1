"""Retention: a heat map of cohorts, or a line a group."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from cartpath.figures.below import note_below
from cartpath.figures.style import ACCENT, INK, MUTED, SERIES, layout, note_figure, percent, text

#: Most cohorts drawn; the table has all.
_MOST_ROWS = 26
_SCALE = [[0.0, "#f4f8f8"], [0.5, "#7fb9bb"], [1.0, ACCENT]]


def retention_figure(frame: Any, totals: Any, unit: str = "week", what: str = "Returned") -> go.Figure:
    """Draw retention.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a group, cohort and period after it: ``group cohort users k n rate low high complete``.
    totals : pandas.DataFrame
        One row a group and period, over wholly observed cells: ``group k cohorts users n rate low high``.
    unit : str
        What a period is.
    what : str
        What a rate is the share of.

    Returns
    -------
    plotly.graph_objects.Figure
        A heat map of the cohorts, or where there are groups a line each. Period 0, the cohort's own, is not drawn.
    """
    if not len(frame) or not frame["users"].sum():
        return note_figure("Nobody started in this period: there is nothing to draw.")
    if not len(totals[(totals["k"] > 0) & totals["rate"].notna()]):
        return note_figure(f"The log is too short: no cohort has a whole {unit} after its own.")
    if totals["group"].nunique() > 1:
        return _lines(totals, unit, what)
    return _heat_map(frame, totals, unit, what)


def _heat_map(frame: Any, totals: Any, unit: str, what: str) -> go.Figure:
    started = frame[(frame["users"] > 0) & (frame["k"] > 0)]
    cohorts = list(dict.fromkeys(started["cohort"]))
    shown = cohorts[-_MOST_ROWS:]
    users = dict(zip(started["cohort"], started["users"], strict=True))
    totals = totals[(totals["k"] > 0) & (totals["cohorts"] > 0)]
    columns = sorted({*started["k"], *totals["k"]})
    cells = {(row["cohort"], row["k"]): row for row in started.to_dict("records")}
    rows = [{row["k"]: row for row in totals.to_dict("records")}]
    rows += [{k: cells[cohort, k] for k in columns if (cohort, k) in cells} for cohort in shown]
    names = ["<b>all cohorts</b>", *[f"{text(cohort)}  ({users[cohort]:,})" for cohort in shown]]
    figure = go.Figure(
        go.Heatmap(
            x=columns,
            y=list(range(len(rows))),
            z=[[_rate(row.get(k)) for k in columns] for row in rows],
            text=[[_label(row.get(k), len(columns)) for k in columns] for row in rows],
            texttemplate="%{text}",
            textfont={"size": 11 if len(columns) <= 20 else 9},
            customdata=[
                [_hover(name, row.get(k), unit, k) for k in columns] for name, row in zip(names, rows, strict=True)
            ],
            hovertemplate="%{customdata}<extra></extra>",
            colorscale=_SCALE,
            zmin=0,
            zmax=max(rate for row in rows for cell in row.values() if (rate := _rate(cell)) is not None) or 1,
            hoverongaps=False,
            xgap=1,
            ygap=1,
            showscale=False,
        )
    )
    open_cells = [(k, i) for i, row in enumerate(rows) for k, cell in row.items() if not cell.get("complete", True)]
    for k, i in open_cells:
        figure.add_annotation(x=k, y=i, text="•", showarrow=False, font={"color": MUTED, "size": 13})
    layout(figure, 76 + 27 * len(rows))
    figure.update_yaxes(
        tickvals=list(range(len(rows))), ticktext=names, autorange="reversed", showgrid=False, zeroline=False,
        automargin=True, tickfont={"color": INK, "size": 12},
    )  # fmt: skip
    step = max(1, len(columns) // 16)
    figure.update_xaxes(
        side="top", showgrid=False, zeroline=False, tickvals=columns[::step],
        title={"text": f"{unit}s after the {unit} of the start", "standoff": 8},
    )  # fmt: skip
    words = f"{what}, share of the cohort (its users in brackets). • is not over yet in the log."
    if len(cohorts) > len(shown):
        words += f" The last {len(shown)} of {len(cohorts)} cohorts are drawn."
    figure.update_layout(margin={"l": 10, "r": 16, "t": 46, "b": 8})
    return note_below(figure, words, axis=0)


def _lines(totals: Any, unit: str, what: str) -> go.Figure:
    figure = go.Figure()
    totals = totals[(totals["k"] > 0) & totals["rate"].notna()]
    names = list(dict.fromkeys(totals["group"]))
    colours = dict(zip(names, (INK, *SERIES * (1 + len(names) // len(SERIES))), strict=False))
    for name in names:
        rows = totals[totals["group"] == name]
        figure.add_scatter(
            x=rows["k"],
            y=rows["rate"],
            name=text(name),
            mode="lines+markers",
            line={"color": colours[name], "width": 1.8, "dash": "dot" if name == "all" else None},
            error_y={
                "array": rows["high"] - rows["rate"], "arrayminus": rows["rate"] - rows["low"],
                "thickness": 1, "width": 3, "color": colours[name],
            },
            customdata=[_hover(text(name), row, unit, row["k"]) for row in rows.to_dict("records")],
            hovertemplate="%{customdata}<extra></extra>",
        )  # fmt: skip
    layout(figure, 400)
    figure.update_layout(showlegend=True, legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0})
    figure.update_yaxes(tickformat=".1%", rangemode="tozero", automargin=True)
    figure.update_xaxes(
        title={"text": f"{unit}s after the {unit} of the start", "standoff": 8},
        dtick=1 if len(totals["k"].unique()) < 20 else None,
    )
    figure.update_layout(margin={"l": 10, "r": 16, "t": 46, "b": 8})
    words = f"{what}, share of those who started, over wholly observed cohorts, with 95% Wilson intervals."
    return note_below(figure, words, axis=42)


def _rate(cell: dict[str, Any] | None) -> float | None:
    return None if cell is None or cell["rate"] is None or cell["rate"] != cell["rate"] else cell["rate"]


def _label(cell: dict[str, Any] | None, columns: int) -> str:
    rate = _rate(cell)
    if rate is None:
        return ""
    return f"{rate:.0%}" if columns > 20 and rate >= 0.095 else f"{rate:.1%}" if columns <= 20 or rate >= 0.001 else "0"


def _hover(name: str, cell: dict[str, Any] | None, unit: str, k: int) -> str:
    if cell is None:
        return ""
    head = f"<b>{name}</b>, {unit} {k} after<br>{cell['n']:,} of {cell['users']:,}"
    if _rate(cell) is None:
        return f"{head} so far: the {unit} is not over"
    return f"{head}, {percent(cell['rate'])} (95% {percent(cell['low'])} to {percent(cell['high'])})"
