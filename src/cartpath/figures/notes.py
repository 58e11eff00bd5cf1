"""Lines of text above a figure, and numbers that may be missing."""

from __future__ import annotations

import textwrap

import plotly.graph_objects as go

from cartpath.figures.style import MUTED, text


def add_note(figure: go.Figure, note: str | None, above: int = 8) -> go.Figure:
    """Write lines of text above a figure, ``above`` pixels over what is drawn there."""
    if note:
        lines = textwrap.wrap(text(note, 400), 112)
        figure.add_annotation(
            text="<br>".join(lines),
            xref="paper",
            yref="paper",
            x=0,
            y=1,
            yshift=above,
            xanchor="left",
            yanchor="bottom",
            align="left",
            showarrow=False,
            font={"size": 12, "color": MUTED},
        )
        figure.update_layout(margin={"t": above + 24 + 16 * len(lines)})
    return figure


def number_or(value: float | None, other: float) -> float:
    """Return a value, or another where it is missing."""
    return other if value is None or value != value else value
