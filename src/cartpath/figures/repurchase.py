"""Repurchase: intervals between orders, and the share of buyers with a second order by when."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from cartpath.figures.style import ACCENT, ACCENT_SOFT, MUTED, WARM, layout, note_figure, percent, text
from cartpath.figures.survival import add_curve, scale_of, tick_format


def repurchase_figure(frame: Any, curve: Any, buyers: str = "buyers") -> go.Figure:
    """Draw repurchases.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a bin of intervals: ``from_days to_days n share cumulative``.
    curve : pandas.DataFrame
        From the first order to the second: ``seconds converted low high at_risk``; empty where there is none.
    buyers : str
        What the curve counts.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    curve = curve[curve["converted"].notna()]
    if not len(frame) and not len(curve):
        return note_figure("Nobody ordered in this period: there is nothing to draw.")
    n = int(frame["n"].sum()) if len(frame) else 0
    titles = [f"Intervals between orders that were seen (n = {n:,})" if n else "Nobody ordered twice in this period"]
    if len(curve):
        titles.append(f"Share of {text(buyers, 60)} with a second order (Kaplan-Meier, 95% band)")
    rows = len(titles)
    specs = [[{"secondary_y": True}]] + [[{}]] * (rows - 1)
    figure = make_subplots(rows=rows, cols=1, vertical_spacing=0.2, subplot_titles=titles, specs=specs)
    if n:
        _intervals(figure, frame)
    if len(curve):
        unit, length = scale_of(float(curve["seconds"].max()))
        add_curve(figure, curve, "second order", ACCENT, unit, length, row=2, col=1)
        figure.update_yaxes(tickformat=tick_format(curve), rangemode="tozero", row=2, col=1, automargin=True)
        figure.update_xaxes(title={"text": f"{unit} since the first order", "standoff": 4}, row=2, col=1)
    layout(figure, 330 * rows)
    figure.update_layout(margin={"l": 10, "r": 10, "t": 30, "b": 20})
    figure.update_annotations(font={"size": 13, "color": MUTED})
    return figure


def _intervals(figure: go.Figure, frame: Any) -> None:
    width = float(frame["to_days"].iloc[0] - frame["from_days"].iloc[0])
    unit, length = ("days", 1.0) if width >= 1 else ("hours", 1 / 24)
    figure.add_bar(
        x=(frame["from_days"] + width / 2) / length,
        y=frame["n"],
        width=width / length * 0.92,
        marker={"color": ACCENT_SOFT},
        customdata=[
            f"{row['from_days'] / length:g} to {row['to_days'] / length:g} {unit}:"
            f" {row['n']:,}, {percent(row['share'])}"
            for row in frame.to_dict("records")
        ],
        hovertemplate="%{customdata}<extra></extra>",
        row=1,
        col=1,
    )
    figure.add_scatter(
        x=[0, *(frame["to_days"] / length)],
        y=[0, *frame["cumulative"]],
        mode="lines",
        line={"color": WARM, "width": 1.8},
        hovertemplate="%{y:.1%} within %{x:g} " + unit + "<extra></extra>",
        secondary_y=True,
        row=1,
        col=1,
    )
    figure.update_yaxes(title={"text": "intervals", "standoff": 4}, automargin=True, secondary_y=False, row=1, col=1)
    figure.update_yaxes(
        tickformat=".0%", range=[0, 1.03], tickmode="array", tickvals=[0, 0.25, 0.5, 0.75, 1],
        showgrid=False, title={"text": "cumulative share", "standoff": 4},
        secondary_y=True, automargin=True, row=1, col=1,
    )  # fmt: skip
    figure.update_xaxes(
        title={"text": f"{unit} between consecutive orders", "standoff": 4}, showgrid=False, row=1, col=1
    )
