"""Models side by side at each step of a session."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from cartpath.figures.below import note_below
from cartpath.figures.style import SERIES, layout, note_figure, text

#: Width between the points of neighbouring models, in steps of the axis.
_APART = 0.09


def models_by_step_figure(frame: Any, metric: str, note: str = "") -> go.Figure:
    """Draw one metric of several models at several steps, points with their intervals, one colour a model.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a model and step: ``model``, ``k``, ``value``, ``low``, ``high`` (None where there is no interval) and
        ``n``, ``positives``.
    metric : str
        Its name.
    note : str
        A line below.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    rows = [row for row in frame.to_dict("records") if row["value"] is not None and row["value"] == row["value"]]
    if not rows:
        return note_figure(f"No model has a value of {metric} yet.")
    steps = sorted({row["k"] for row in rows})
    names = list(dict.fromkeys(row["model"] for row in rows))
    figure = go.Figure()
    for number, name in enumerate(names):
        mine = [row for row in rows if row["model"] == name]
        shift = (number - (len(names) - 1) / 2) * min(_APART, 0.8 / len(names))
        figure.add_scatter(
            x=[steps.index(row["k"]) + shift for row in mine],
            y=[row["value"] for row in mine],
            name=text(name),
            mode="markers",
            marker={"size": 8, "color": SERIES[number % len(SERIES)], "symbol": number // len(SERIES)},
            error_y=_intervals(mine),
            customdata=[_words(row) for row in mine],
            hovertemplate="%{customdata}<extra></extra>",
        )
    layout(figure, 420)
    figure.update_layout(
        showlegend=True, legend={"orientation": "h", "y": 1.01, "yanchor": "bottom", "x": 0},
        margin={"l": 10, "r": 20, "t": 36, "b": 10},
    )  # fmt: skip
    sizes = {row["k"]: f"{row['n']:,} sessions" for row in rows}
    labels = [f"step {step}<br>{sizes[step]}" for step in steps]
    figure.update_xaxes(tickvals=list(range(len(steps))), ticktext=labels, automargin=True)
    figure.update_yaxes(title={"text": text(metric)}, automargin=True)
    return note_below(figure, note, axis=52) if note else figure


def _intervals(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "type": "data",
        "symmetric": False,
        "array": [_over(row["high"], row["value"]) for row in rows],
        "arrayminus": [_over(row["value"], row["low"]) for row in rows],
        "thickness": 1.2,
        "width": 2,
    }


def _over(high: float | None, low: float | None) -> float:
    return high - low if high is not None and low is not None and high == high and low == low else 0.0


def _words(row: dict[str, Any]) -> str:
    known = row["low"] is not None and row["low"] == row["low"]
    interval = f" ({row['low']:.4f} to {row['high']:.4f})" if known else ""
    counts = f"{row['positives']:,} of {row['n']:,} positive"
    return f"<b>{text(row['model'])}</b>, step {row['k']}: {row['value']:.4f}{interval}<br>{counts}"
