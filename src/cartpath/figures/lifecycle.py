"""The lifecycle: active users of each period stacked by where they come from, and below zero who went."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from cartpath.figures.below import note_below
from cartpath.figures.style import ACCENT, ACCENT_SOFT, MUTED, SERIES, WARM_SOFT, layout, note_figure

#: Column, name, colour; dormant hangs below zero.
_STATES = (
    ("retained", "Retained", ACCENT),
    ("resurrected", "Resurrected", SERIES[2]),
    ("new", "New", ACCENT_SOFT),
    ("dormant", "Dormant", WARM_SOFT),
)


def lifecycle_figure(frame: Any, unit: str = "week") -> go.Figure:
    """Draw a lifecycle.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a period: ``period active new retained resurrected dormant retention complete``.
    unit : str
        What a period is.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    if not len(frame) or not frame["active"].sum():
        return note_figure("Nobody was active in this period: there is nothing to draw.")
    figure = go.Figure()
    faded = [1.0 if whole else 0.45 for whole in frame["complete"]]
    for column, name, colour in _STATES:
        sign = -1 if column == "dormant" else 1
        figure.add_bar(
            x=frame["period"],
            y=sign * frame[column],
            name=name,
            marker={"color": colour, "opacity": faded},
            customdata=frame[column],
            hovertemplate="%{x}: <b>%{customdata:,}</b> " + name.lower() + "<extra></extra>",
        )
    layout(figure, 400, barmode="relative", bargap=0.25)
    figure.update_layout(
        showlegend=True,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "traceorder": "normal"},
        margin={"l": 10, "r": 10, "t": 40, "b": 8},
    )
    labels = list(frame["period"])
    kept = labels[:: max(1, -(-len(labels) // 9))]
    figure.update_xaxes(type="category", showgrid=False, tickangle=0, tickvals=kept, ticktext=kept)
    figure.update_yaxes(automargin=True, zerolinecolor=MUTED, title={"text": "users", "standoff": 6})
    return note_below(
        figure,
        f"Pale: the {unit} is not wholly in the log. In the first one everybody is new."
        f" Dormant: active in the {unit} before, not in this one.",
    )
