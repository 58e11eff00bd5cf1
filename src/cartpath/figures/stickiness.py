"""Stickiness: how many days users are active on, and daily users as a share of weekly and monthly ones."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from cartpath.figures.style import ACCENT, INK, MUTED, WARM, layout, note_figure, percent

#: Smaller shares have no label: they would stand on one another.
_LABELLED = 0.001


def stickiness_figure(frame: Any, distribution: Any, unit: str = "month") -> go.Figure:
    """Draw stickiness.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a day: ``day dau wau mau dau_wau dau_mau``.
    distribution : pandas.DataFrame
        One row a number of active days: ``days n share low high``.
    unit : str
        Where active days were counted.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    if not len(frame) or not frame["dau"].sum():
        return note_figure("Nobody was active in this period: there is nothing to draw.")
    total = int(distribution["n"].sum()) if len(distribution) else 0
    titles = (
        f"Active days in a {unit} (n = {total:,} users × {unit}s)" if total else f"No whole {unit} in the log",
        "Daily users as a share of 7-day and 28-day users",
    )
    figure = make_subplots(rows=2, cols=1, vertical_spacing=0.2, subplot_titles=titles)
    if total:
        _bars(figure, distribution, unit)
    _ratios(figure, frame)
    layout(figure, 600)
    figure.update_layout(
        showlegend=True, legend={"orientation": "h", "y": 0.41, "yanchor": "bottom", "x": 1, "xanchor": "right"},
        margin={"l": 10, "r": 10, "t": 30, "b": 20},
    )  # fmt: skip
    figure.update_annotations(selector={"showarrow": False, "yanchor": "bottom"}, font={"size": 13, "color": MUTED})
    return figure


def _bars(figure: go.Figure, distribution: Any, unit: str) -> None:
    last = int(distribution.loc[distribution["n"] > 0, "days"].max())
    rows = distribution[distribution["days"] <= last]
    figure.add_bar(
        x=rows["days"],
        y=rows["share"],
        marker={"color": ACCENT},
        showlegend=False,
        text=[percent(share) if share >= _LABELLED else "" for share in rows["share"]],
        textposition="outside",
        textfont={"size": 11, "color": INK},
        cliponaxis=False,
        customdata=[
            f"{row['days']} active days: {row['n']:,}, {percent(row['share'])}"
            f" (95% {percent(row['low'])} to {percent(row['high'])})"
            for row in rows.to_dict("records")
        ],
        hovertemplate="%{customdata}<extra></extra>",
        row=1,
        col=1,
    )
    figure.update_yaxes(tickformat=".0%", range=[0, float(rows["share"].max()) * 1.15], row=1, col=1, automargin=True)
    figure.update_xaxes(
        title={"text": f"active days in a {unit}", "standoff": 4}, dtick=1, showgrid=False, row=1, col=1
    )


def _ratios(figure: go.Figure, frame: Any) -> None:
    for column, name, colour in (("dau_wau", "DAU / WAU", WARM), ("dau_mau", "DAU / MAU", ACCENT)):
        if frame[column].notna().any():
            figure.add_scatter(
                x=frame["day"],
                y=frame[column],
                name=name,
                mode="lines" if frame[column].notna().sum() > 2 else "markers",
                line={"color": colour, "width": 1.8 if len(frame) < 150 else 1.1},
                hovertemplate="%{x|%a %d %b %Y}: %{y:.1%}<extra>" + name + "</extra>",
                row=2,
                col=1,
            )
    if not frame["dau_wau"].notna().any():
        figure.add_annotation(
            text="The log has no seven whole days.", showarrow=False, x=0.5, y=0.5, xref="x2 domain", yref="y2 domain",
            font={"color": MUTED}, yanchor="middle",
        )  # fmt: skip
    figure.update_yaxes(tickformat=".0%", rangemode="tozero", row=2, col=1, automargin=True)
    figure.update_xaxes(type="date", showgrid=False, row=2, col=1)
