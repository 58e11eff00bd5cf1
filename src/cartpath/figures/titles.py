"""The title of a figure: the question that it answers."""

from __future__ import annotations

import textwrap

import plotly.graph_objects as go

from cartpath.figures.style import INK, text

#: Characters of a line, of which a narrow page has room for as many; lines; pixels of a line and around them.
_WIDE, _LINES, _LINE, _AROUND = 72, 2, 21, 18


def titled(figure: go.Figure, question: str) -> go.Figure:
    """Write a question over a figure, and make the figure as much higher: what is drawn keeps its size and place.

    Parameters
    ----------
    figure : plotly.graph_objects.Figure
        With its height and margins set.
    question : str
        May hold text from the data; it is no markup.

    Examples
    --------
    >>> figure = titled(go.Figure(layout={"height": 100, "margin": {"t": 10}}), "How many <b>?")
    >>> figure.layout.height, figure.layout.margin.t, figure.layout.title.text
    (139, 49, 'How many &lt;b&gt;?')
    """
    lines = textwrap.wrap(question, _WIDE, max_lines=_LINES, placeholder=" …")
    more = _AROUND + _LINE * len(lines)
    before, height = figure.layout.height, figure.layout.height + more
    if figure.layout.legend.yref == "container":  # or the title would be written over it
        figure.update_layout(legend={"y": 1 - (more + (1 - figure.layout.legend.y) * before) / height})
    figure.update_layout(
        title={
            "text": "<br>".join(text(line, _WIDE) for line in lines),
            "font": {"size": 16, "color": INK},
            "x": 0, "xref": "container", "xanchor": "left",
            "y": 1, "yref": "container", "yanchor": "top",
            # Plotly puts the last line where the first would be.
            "pad": {"l": 10, "t": 10 + _LINE * (len(lines) - 1)},
        },
        height=height,
        margin={"t": figure.layout.margin.t + more},
    )  # fmt: skip
    return figure
