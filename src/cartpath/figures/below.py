"""A note below a figure, in lines short enough for a narrow page."""

from __future__ import annotations

import textwrap

import plotly.graph_objects as go

from cartpath.figures.style import MUTED, text

#: Characters of a line, and pixels of its height.
_WIDE, _LINE = 72, 16


def note_below(figure: go.Figure, words: str, axis: int = 24) -> go.Figure:
    """Write a note below a figure, and make the figure as much higher.

    Parameters
    ----------
    figure : plotly.graph_objects.Figure
        With its height and margins set.
    words : str
        May hold text from the data; it is no markup.
    axis : int
        Pixels below the plot that labels of the axis take.

    Examples
    --------
    >>> note_below(go.Figure(layout={"height": 100}), "a <b>", axis=0).layout.height
    124
    """
    lines = [text(line, _WIDE) for line in textwrap.wrap(words, _WIDE)]
    more = axis + _LINE * len(lines) + 8
    figure.add_annotation(
        text="<br>".join(lines), x=0, y=0, xref="paper", yref="paper", yshift=-axis - 4, xanchor="left", yanchor="top",
        align="left", showarrow=False, font={"color": MUTED, "size": 12},
    )  # fmt: skip
    before = figure.layout.margin.b or 0
    figure.update_layout(margin={"b": max(before, more)}, height=figure.layout.height + max(more - before, 0))
    return figure
