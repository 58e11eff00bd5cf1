"""Volumes per day."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from cartpath.figures.style import ACCENT, MUTED, WARM, layout, note_figure

#: Column, title, colour; one small chart each, since their scales differ.
_PANELS = (
    ("events", "Events", MUTED),
    ("users", "Active users", ACCENT),
    ("sessions", "Sessions begun", ACCENT),
    ("purchases", "Purchases", WARM),
)


def daily_figure(frame: Any) -> go.Figure:
    """Draw volumes per day.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a day: ``day events users sessions purchases``.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    if not len(frame):
        return note_figure("No events yet: there is nothing to draw.")
    titles = [title for _, title, _ in _PANELS]
    figure = make_subplots(rows=2, cols=2, shared_xaxes=True, vertical_spacing=0.16, subplot_titles=titles)
    mode = "lines" if len(frame) > 2 else "lines+markers"
    for i, (column, title, colour) in enumerate(_PANELS):
        figure.add_scatter(
            x=frame["day"],
            y=frame[column],
            name=title,
            mode=mode,
            line={"color": colour, "width": 1.8},
            hovertemplate="%{x|%a %d %b %Y}: %{y:,}<extra></extra>",
            row=i // 2 + 1,
            col=i % 2 + 1,
        )
    layout(figure, 380)
    figure.update_layout(margin={"l": 10, "r": 10, "t": 28, "b": 10})
    figure.update_yaxes(rangemode="tozero", automargin=True, nticks=5)
    figure.update_xaxes(type="date", showgrid=False)
    figure.update_annotations(font={"size": 13, "color": MUTED})
    return figure
