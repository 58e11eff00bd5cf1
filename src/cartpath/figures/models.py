"""Models side by side, and how far predicted probabilities can be believed."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from cartpath.figures.below import note_below
from cartpath.figures.style import ACCENT, INK, MUTED, SERIES, layout, note_figure, text


def metric_figure(frame: Any, metric: str) -> go.Figure:
    """Draw one metric of several models as points with their intervals.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a model: ``model``, ``value``, and ``low`` and ``high`` where there is an interval.
    metric : str
        Its name.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    rows = [row for row in frame.to_dict("records") if row["value"] == row["value"]]
    if not rows:
        return note_figure(f"No model has a value of {metric} yet.")
    place = list(range(len(rows)))
    ends = [(row.get("low"), row.get("high")) for row in rows]
    figure = go.Figure()
    figure.add_scatter(
        x=[row["value"] for row in rows],
        y=place,
        mode="markers",
        marker={"size": 10, "color": [ACCENT] + [MUTED] * (len(rows) - 1)},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [_over(high, row["value"]) for (_, high), row in zip(ends, rows, strict=True)],
            "arrayminus": [_over(row["value"], low) for (low, _), row in zip(ends, rows, strict=True)],
            "color": MUTED,
            "thickness": 1.4,
        },
        hovertemplate="%{x:.4f}<extra></extra>",
    )
    layout(figure, 60 + 34 * len(rows))
    figure.update_xaxes(title={"text": text(metric)}, automargin=True)
    names = [text(row["model"]) for row in rows]
    figure.update_yaxes(tickvals=place, ticktext=names, autorange="reversed", automargin=True, tickfont={"color": INK})
    return figure


def _over(high: float | None, low: float | None) -> float:
    return high - low if high is not None and low is not None and high == high and low == low else 0.0


def calibration_figure(frame: Any, note: str = "") -> go.Figure:
    """Draw predicted probability against observed frequency, one line a model: the reliability diagram.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a bin: ``model``, ``predicted`` (mean), ``observed`` (rate), ``n``, and ``low`` and ``high``,
        the interval of the observed rate.
    note : str
        A line below, such as the calibration error of each model with its interval.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    if not len(frame):
        return note_figure("No calibration has been measured yet.")
    top = float(max(frame["predicted"].max(), frame["high"].max())) * 1.05
    figure = go.Figure()
    figure.add_scatter(
        x=[0, top], y=[0, top], mode="lines", line={"color": MUTED, "dash": "dot", "width": 1}, showlegend=False
    )
    for i, (model, part) in enumerate(frame.groupby("model", sort=False)):
        figure.add_scatter(
            x=part["predicted"],
            y=part["observed"],
            name=text(model),
            mode="lines+markers",
            line={"color": SERIES[i % len(SERIES)], "width": 1.6},
            marker={"size": 7},
            error_y={
                "type": "data",
                "symmetric": False,
                "array": part["high"] - part["observed"],
                "arrayminus": part["observed"] - part["low"],
                "thickness": 1,
            },
            customdata=part["n"],
            hovertemplate="predicted %{x:.3f}, observed %{y:.3f}, of %{customdata:,}<extra></extra>",
        )
    layout(figure, 380)
    figure.update_layout(showlegend=True, legend={"orientation": "h", "y": 1.08, "x": 0})
    figure.update_layout(margin={"l": 10, "r": 10, "t": 30, "b": 10})
    figure.update_xaxes(title={"text": "predicted probability"}, range=[0, top], automargin=True)
    figure.update_yaxes(title={"text": "observed frequency"}, range=[0, top], automargin=True)
    return note_below(figure, note, axis=44) if note else figure
