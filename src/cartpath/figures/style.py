"""How every figure looks, and how text from the data gets into one."""

from __future__ import annotations

import html
from typing import Any

import plotly.graph_objects as go

INK = "#1c2430"
MUTED = "#66707d"
LINE = "#e3e6ea"
ACCENT = "#0b6e75"
ACCENT_SOFT = "#bfdcdd"
WARM = "#c4622d"
WARM_SOFT = "#efd3c3"
SERIES = (ACCENT, WARM, "#5b5ea6", "#8a8d35", "#a0486e", "#4f7cac", "#7a5c3e", MUTED)
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"

#: Longest text of a label; the hover text has more.
_LONGEST = 34


def text(value: object, longest: int = _LONGEST) -> str:
    """Return text from the data as a label: shortened, and no markup to Plotly, which reads some HTML.

    Examples
    --------
    >>> text("<b>view</b>")
    '&lt;b&gt;view&lt;/b&gt;'
    """
    plain = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(value))
    if len(plain) > longest:
        plain = plain[: longest - 1] + "…"
    return html.escape(plain, quote=False)


def percent(rate: float | None) -> str:
    """Return a rate as people read it, with more digits where it is small.

    Examples
    --------
    >>> percent(0.1234), percent(0.00123), percent(0.00001), percent(None)
    ('12.3%', '0.12%', '<0.01%', '–')
    """
    if rate is None or rate != rate:
        return "–"
    if 0 < rate < 0.0001:
        return "<0.01%"
    return f"{rate:.1%}" if rate >= 0.01 or rate == 0 else f"{rate:.2%}"


def duration(seconds: float) -> str:
    """Return a time as people read it, in one unit.

    Examples
    --------
    >>> duration(0.0125), duration(59.4), duration(5400), duration(90000)
    ('0.01 s', '59 s', '1.5 h', '25 h')
    """
    for size, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size or (name != "d" and seconds >= size):
            return f"{seconds / size:.3g} {name}"
    return f"{seconds:.2f} s" if seconds < 1 else f"{seconds:.2g} s"


def layout(figure: go.Figure, height: int, **more: Any) -> go.Figure:
    """Give a figure the common look."""
    figure.update_layout(
        height=height,
        font={"family": FONT, "size": 13, "color": INK},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        hoverlabel={"font": {"family": FONT, "size": 12}, "bgcolor": "white", "bordercolor": LINE},
        colorway=list(SERIES),
        showlegend=False,
        **more,
    )
    axis: dict[str, Any] = {"gridcolor": LINE, "zerolinecolor": LINE, "linecolor": LINE, "tickfont": {"color": MUTED}}
    axis["title"] = {"font": {"size": 13, "color": MUTED}}
    figure.update_xaxes(**axis)
    figure.update_yaxes(**axis)
    return figure


def note_figure(note: str) -> go.Figure:
    """Return a figure that says why there is nothing to draw, never a blank one."""
    figure = go.Figure()
    figure.add_annotation(text=text(note, 200), showarrow=False, font={"color": MUTED, "size": 14})
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    return layout(figure, 120)
