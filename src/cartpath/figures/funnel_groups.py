"""A funnel by group, and what people did instead."""

from __future__ import annotations

import math
from typing import Any

import plotly.graph_objects as go

from cartpath.figures.notes import add_note, number_or
from cartpath.figures.style import INK, LINE, MUTED, SERIES, layout, note_figure, percent, text
from cartpath.schema import OTHER

_ENDS = ("interval_from_start_low", "interval_from_start_high")


def funnel_groups_figure(frame: Any, count: str = "users", note: str | None = None) -> go.Figure:
    """Draw how far each group came, as shares of those of it who began, with their intervals.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a group and step: ``value``, ``step``, ``event``, ``n``, ``rate_from_start`` and the ends of
        ``interval_from_start``.
    count : str
        What ``n`` counts.
    note : str, optional
        Written above.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    began = frame[frame["step"] == 1]
    if not len(began):
        return note_figure(f"No {count} reached the first step: there are no groups to draw.")
    place = {value: i for i, value in enumerate(began["value"])}
    figure = go.Figure()
    steps = [(number, part) for number, part in frame.groupby("step", sort=True) if number > 1]
    for number, part in steps or [(1, began)]:
        rows = part.to_dict("records")
        spread = 0.16 * (number - 2 - (len(steps) - 1) / 2) if steps else 0
        _points(figure, rows, [place[row["value"]] + spread for row in rows], SERIES[(number - 2) % len(SERIES)])
    layout(figure, 110 + (26 + 12 * len(steps)) * len(place))
    names = [f"{text(row['value'], 40)} · {row['n']:,}" for row in began.to_dict("records")]
    figure.update_yaxes(
        tickvals=list(place.values()), ticktext=names, autorange="reversed", automargin=True, tickfont={"color": INK}
    )
    figure.update_xaxes(title={"text": f"share of {count} of the group that began"}, tickformat=".0%", automargin=True)
    figure.update_xaxes(rangemode="tozero")
    figure.update_layout(showlegend=True, legend={"orientation": "h", "y": 1, "yanchor": "bottom", "x": 0})
    figure.update_layout(margin={"t": 30})
    return add_note(figure, note, 28)


def _points(figure: go.Figure, rows: list[dict[str, Any]], y: list[float], colour: str) -> None:
    rate = [row["rate_from_start"] for row in rows]
    low, high = ([number_or(row[end], row["rate_from_start"]) for row in rows] for end in _ENDS)
    figure.add_scatter(
        x=rate,
        y=y,
        name=f"{rows[0]['step']}. {text(rows[0]['event'], 26)}",
        mode="markers",
        marker={"size": 9, "color": colour},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [h - r for h, r in zip(high, rate, strict=True)],
            "arrayminus": [r - b for b, r in zip(low, rate, strict=True)],
            "thickness": 1.2,
            "width": 3,
        },
        hovertext=[
            f"<b>{text(row['value'])}</b><br>{text(row['event'])}: {row['n']:,}, {percent(row['rate_from_start'])} of"
            f" start<br>95% interval {percent(row[_ENDS[0]])} to {percent(row[_ENDS[1]])}"
            for row in rows
        ],
        hoverinfo="text",
    )


def funnel_instead_figure(frame: Any, note: str | None = None) -> go.Figure:
    """Draw what came next for those who reached a step and no further.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a step and what came next: ``step``, ``event``, ``next``, ``n``, ``share``.
    note : str, optional
        Written above.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    if not len(frame):
        return note_figure("Nobody stopped before the last step: there is nothing that was done instead.")
    figure = go.Figure()
    totals = frame.groupby(["step", "event"], sort=True)["n"].sum()
    place = {step: i for i, (step, _) in enumerate(totals.index)}
    kinds = list(frame.groupby("next")["n"].sum().sort_values(ascending=False, kind="stable").index)
    colours = dict(zip([kind for kind in kinds if not kind.startswith("(")], (*SERIES[:7], *SERIES[:7]), strict=False))
    for kind in kinds:
        part = frame[frame["next"] == kind]
        figure.add_bar(
            y=[place[step] for step in part["step"]],
            x=part["share"],
            name=text(kind, 26),
            orientation="h",
            marker={"color": {"(end)": "#c8cdd4", OTHER: LINE}.get(kind, colours.get(kind, MUTED))},
            customdata=part["n"],
            hovertemplate=f"{text(kind)}: %{{customdata:,}}, %{{x:.1%}}<extra></extra>",
            text=[f"{text(kind, 16)} {percent(share)}" if share >= 0.12 else "" for share in part["share"]],
            textposition="inside",
            insidetextanchor="middle",
        )
    layout(figure, 120 + 62 * len(place), barmode="stack", bargap=0.35)
    names = [f"after {step}. {text(event, 26)}<br>{n:,} stopped" for (step, event), n in totals.items()]
    figure.update_yaxes(
        tickvals=list(place.values()), ticktext=names, autorange="reversed", automargin=True, tickfont={"color": INK}
    )
    figure.update_xaxes(tickformat=".0%", range=[0, 1], title={"text": "what came next"}, automargin=True)
    figure.update_layout(showlegend=True, legend={"orientation": "h", "y": 1, "yanchor": "bottom", "x": 0})
    figure.update_layout(legend={"traceorder": "normal"}, margin={"t": 30})
    above = 8 + 20 * math.ceil(len(kinds) / 4)  # so many names a line of the legend
    return add_note(figure, note, above)
