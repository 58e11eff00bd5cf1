"""What each model gives to each channel, as dots with their intervals, one band a channel."""

from __future__ import annotations

import textwrap
from typing import Any

import plotly.graph_objects as go

from cartpath.figures.style import ACCENT, INK, LINE, MUTED, WARM, layout, note_figure, percent, text

#: Model -> name, colour by family, symbol. Models that are not here are drawn in grey.
_LOOK = {
    "first": ("First", ACCENT, "circle"),
    "last": ("Last", ACCENT, "square"),
    "last_non_direct": ("Last non-direct", ACCENT, "diamond"),
    "linear": ("Linear", "#5b5ea6", "circle"),
    "position": ("Position 40/20/40", "#5b5ea6", "square"),
    "time_decay": ("Time decay", "#5b5ea6", "diamond"),
    "markov_1": ("Markov, order 1", WARM, "circle"),
    "markov_2": ("Markov, order 2", WARM, "square"),
    "markov_3": ("Markov, order 3", WARM, "diamond"),
    "shapley": ("Shapley", INK, "star"),
}
#: Height in pixels of a model's line, and the least of a band.
_LINE, _BAND = 9, 40


def attribution_figure(frame: Any, note: str, caution: str, value: str = "conversions") -> go.Figure:
    """Draw an attribution.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a model and channel, channels in the order in which they are drawn: ``model channel conversions share
        conversions_low conversions_high revenue revenue_share``.
    note : str
        The denominator and the rule of touches.
    caution : str
        What the shares do not say.
    value : str
        ``"conversions"`` or ``"revenue"``.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    if not len(frame) or not frame["conversions"].sum():
        return note_figure("There is no conversion to divide: " + note.partition(". ")[0])
    channels, models = list(dict.fromkeys(frame["channel"])), list(dict.fromkeys(frame["model"]))
    step = 0.8 / max(len(models), 1)
    figure = go.Figure()
    for k, (model, rows) in enumerate(frame.groupby("model", sort=False)):
        _dots(figure, str(model), rows, [i - 0.4 + step * (k + 0.5) for i in range(len(channels))], value)
    band = max(_LINE * len(models) + 14, _BAND)
    drawn = value == "conversions" and frame["conversions_high"].notna().any()
    note += " Lines are 95% intervals, where a model has them." if drawn else ""
    words = [*textwrap.wrap(note, 112), *textwrap.wrap(caution, 112)]
    bottom = 52 + 17 * len(words)
    layout(figure, 58 + band * len(channels) + bottom)
    figure.update_layout(
        showlegend=True,
        legend={"orientation": "h", "yref": "container", "y": 0.995, "yanchor": "top", "x": 0, "font": {"size": 12}},
        margin={"l": 10, "r": 10, "t": 58, "b": bottom},
        modebar={"orientation": "v", "bgcolor": "rgba(0,0,0,0)"},
    )
    most, least = float(frame[[value, *_high(frame, value)]].max().max()), min(0.0, float(frame[value].min()))
    span = most - least
    figure.update_xaxes(
        range=[least - 0.015 * span, most + 0.2 * span], title={"text": value, "standoff": 6}, zeroline=True
    )
    figure.update_yaxes(
        tickvals=list(range(len(channels))),
        ticktext=[text(name) for name in channels],
        range=[len(channels) - 0.5, -0.5],
        showgrid=False,
        zeroline=False,
        automargin=True,
        tickfont={"color": INK},
    )
    _bands(figure, frame, channels, value)
    shown = "<br>".join(text(line, 200) for line in words)
    figure.add_annotation(
        text=shown, xref="paper", yref="paper", x=0, y=0, xanchor="left", yanchor="top", yshift=-44, align="left",
        showarrow=False, font={"color": MUTED, "size": 12},
    )  # fmt: skip
    return figure


def _dots(figure: go.Figure, model: str, rows: Any, place: list[float], value: str) -> None:
    name, colour, symbol = _LOOK.get(model, (model, MUTED, "circle"))
    spread = {}
    if value == "conversions" and rows["conversions_high"].notna().any():
        spread["error_x"] = {
            "type": "data",
            "symmetric": False,
            "array": (rows["conversions_high"] - rows["conversions"]).tolist(),
            "arrayminus": (rows["conversions"] - rows["conversions_low"]).tolist(),
            "color": colour,
            "thickness": 1,
            "width": 0,
        }
    figure.add_scatter(
        x=rows[value],
        y=place,
        mode="markers",
        name=name,
        marker={"color": colour, "symbol": symbol, "size": 8 if symbol != "star" else 9},
        hovertext=[_hover(name, row) for row in rows.to_dict("records")],
        hoverinfo="text",
        **spread,
    )


def _high(frame: Any, value: str) -> list[str]:
    return ["conversions_high"] if value == "conversions" and frame["conversions_high"].notna().any() else []


def _bands(figure: go.Figure, frame: Any, channels: list[str], value: str) -> None:
    """Draw a line between channels, and at the right what the models make of each: least and most."""
    for i, channel in enumerate(channels):
        rows = frame[frame["channel"] == channel]
        if i:
            figure.add_hline(y=i - 0.5, line={"color": LINE, "width": 1})
        ends = [
            f"{v:,.0f}" if value == "revenue" or v >= 10 else f"{v:,.3g}"
            for v in (rows[value].min(), rows[value].max())
        ]
        figure.add_annotation(
            x=float(rows[[value, *_high(rows, value)]].max().max()), y=i, text=" to ".join(dict.fromkeys(ends)),
            showarrow=False, xanchor="left", xshift=10, font={"color": INK},
        )  # fmt: skip


def _hover(name: str, row: dict[str, Any]) -> str:
    lines = [
        f"<b>{text(row['channel'])}</b> · {name}",
        f"{row['conversions']:,.1f} conversions, {percent(row['share'])}",
        f"revenue {row['revenue']:,.2f}, {percent(row['revenue_share'])}",
    ]
    low, high = row["conversions_low"], row["conversions_high"]
    if low is not None and low == low:
        lines.append(f"95% interval {low:,.1f} to {high:,.1f} conversions")
    return "<br>".join(lines)
