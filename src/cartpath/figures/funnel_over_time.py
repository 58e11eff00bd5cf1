"""A funnel's conversion from period to period, and how long it takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from cartpath.figures.notes import add_note, number_or
from cartpath.figures.style import ACCENT, ACCENT_SOFT, layout, note_figure, percent

_ENDS = ("interval_from_start_low", "interval_from_start_high")


def funnel_trend_figure(
    frame: Any, count: str = "users", note: str | None = None, incomplete: Sequence[str] = ()
) -> go.Figure:
    """Draw the conversion of each period with its interval, and below it how many began.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a period and step, as ``funnel_groups_figure`` has it, with ``period`` in place of ``value``.
    count : str
        What ``n`` counts.
    note : str, optional
        Written above.
    incomplete : sequence of str
        Periods whose window had not passed when the data end; they are drawn hollow.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    if not len(frame):
        return note_figure(f"No {count} reached the first step: there is no trend to draw.")
    from plotly.subplots import make_subplots

    began, done = frame[frame["step"] == 1], frame[frame["step"] == frame["step"].max()]
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.7, 0.3], vertical_spacing=0.06)
    shown = done[done["rate_from_start"].notna()]
    hollow = [period in set(incomplete) for period in shown["period"]]
    low, high = (
        [number_or(value, rate) for value, rate in zip(shown[end], shown["rate_from_start"], strict=True)]
        for end in _ENDS
    )
    figure.add_scatter(
        x=shown["period"],
        y=shown["rate_from_start"],
        cliponaxis=False,
        mode="lines+markers",
        line={"color": ACCENT, "width": 1.6},
        marker={
            "size": 8,
            "color": ["white" if h else ACCENT for h in hollow],
            "line": {"color": ACCENT, "width": 1.6},
        },
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [h - r for h, r in zip(high, shown["rate_from_start"], strict=True)],
            "arrayminus": [r - b for b, r in zip(low, shown["rate_from_start"], strict=True)],
            "color": ACCENT_SOFT,
            "thickness": 1.4,
            "width": 3,
        },
        customdata=list(zip(shown["n"], low, high, strict=True)),
        hovertext=shown["period"],
        hovertemplate="%{hovertext}: %{y:.2%}<br>%{customdata[0]:,} converted, 95% interval %{customdata[1]:.2%} to"
        " %{customdata[2]:.2%}<extra></extra>",
        row=1,
        col=1,
    )
    figure.add_bar(
        x=began["period"],
        y=began["n"],
        marker={"color": ACCENT_SOFT},
        hovertext=began["period"],
        hovertemplate="%{hovertext}: %{y:,} began<extra></extra>",
        row=2,
        col=1,
    )
    layout(figure, 420)
    figure.update_yaxes(title={"text": "conversion"}, tickformat=".1%", rangemode="tozero", row=1, col=1)
    figure.update_yaxes(title={"text": f"{count} that began"}, rangemode="tozero", row=2, col=1)
    figure.update_xaxes(type="date", showgrid=False)
    figure.update_yaxes(automargin=True)
    return add_note(figure, note)


def funnel_times_figure(frame: Any, note: str | None = None) -> go.Figure:
    """Draw how long it took those who made the last step.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a bin: ``bin``, ``n``, ``share``.
    note : str, optional
        Written above.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    if not len(frame):
        return note_figure("Nobody made the last step: there are no times to draw.")
    figure = go.Figure()
    figure.add_bar(
        x=frame["bin"],
        y=frame["share"],
        marker={"color": ACCENT},
        customdata=frame["n"],
        hovertemplate="%{x}: %{customdata:,}, %{y:.1%}<extra></extra>",
        text=[percent(share) for share in frame["share"]],
        textposition="outside",
        cliponaxis=False,
    )
    layout(figure, 340, bargap=0.25)
    figure.update_xaxes(type="category", title={"text": "from the first step to the last"}, automargin=True)
    figure.update_yaxes(tickformat=".0%", rangemode="tozero", title={"text": "share of conversions"}, automargin=True)
    return add_note(figure, note)
