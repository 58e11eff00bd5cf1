"""What treating the likeliest shoppers brings, by how many of them are treated."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from cartpath.figures.below import note_below
from cartpath.figures.style import INK, MUTED, SERIES, layout, note_figure, percent, text

_SYMBOLS = ("circle", "diamond", "square")


def profit_figure(curves: Any, marks: Any, unit: str = "", note: str = "", row: str = "session") -> go.Figure:
    """Draw profit per row against the share treated, one curve a model, with the decisions on it.

    The dotted line is what treating as many at random brings.

    Parameters
    ----------
    curves : pandas.DataFrame
        One row a threshold, by share: ``threshold share profit treated positives``, and ``model`` where there are
        several. As ``evaluation.ProfitCurve.rows`` gives them.
    marks : pandas.DataFrame
        One row a decision: ``name threshold share profit low high``, and ``model``; as ``ProfitCurve.marks``.
    unit : str
        Of profit, such as a currency.
    note : str
        A line below.
    row : str
        What was scored.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    if not len(curves):
        return note_figure("Nobody was scored: there is no profit to draw.")
    curves, marks = ((f if "model" in f else f.assign(model="")) for f in (curves, marks))
    names = list(dict.fromkeys(curves["model"]))
    last = curves.iloc[curves["share"].argmax()]
    figure = go.Figure()
    figure.add_scatter(
        x=[0, last["share"]], y=[0, last["profit"]], mode="lines", line={"color": MUTED, "dash": "dot", "width": 1},
        name="at random", hoverinfo="skip",
    )  # fmt: skip
    for i, name in enumerate(names):
        colour = SERIES[i % len(SERIES)]
        _curve(figure, curves[curves["model"] == name], text(name) if name else "by probability", colour, row)
        _marks(figure, marks[marks["model"] == name], colour, several=len(names) > 1, first=i == 0)
    layout(figure, 380)
    figure.update_layout(
        showlegend=True, legend={"orientation": "h", "y": 1.01, "yanchor": "bottom", "x": 0},
        margin={"l": 10, "r": 20, "t": 36, "b": 10},
    )  # fmt: skip
    figure.update_xaxes(title={"text": "share treated, the likeliest first"}, tickformat=".0%", automargin=True)
    figure.update_yaxes(
        title={"text": text(f"profit per {row}, {unit}" if unit else f"profit per {row}")}, automargin=True
    )
    return note_below(figure, note, axis=44) if note else figure


def _curve(figure: go.Figure, rows: Any, name: str, colour: str, row: str) -> None:
    figure.add_scatter(
        x=rows["share"],
        y=rows["profit"],
        mode="lines",
        name=name,
        line={"color": colour, "width": 2},
        customdata=[
            f"{at['treated']:,} treated ({percent(at['share'])}), from {percent(_finite(at['threshold']))} on; "
            f"{at['positives']:,} of them positive<br>{at['profit']:,.4g} per {text(row)}"
            for at in rows.to_dict("records")
        ],
        hovertemplate="%{customdata}<extra></extra>",
    )


def _marks(figure: go.Figure, marks: Any, colour: str, several: bool, first: bool) -> None:
    """Add the decisions with their intervals; the legend tells them apart by shape."""
    for symbol, row in zip(_SYMBOLS, marks.to_dict("records"), strict=False):
        known = row["low"] == row["low"]
        figure.add_scatter(
            x=[row["share"]],
            y=[row["profit"]],
            mode="markers",
            name=text(row["name"]),
            legendgroup=text(row["name"]),
            legendrank=2000,
            showlegend=first,
            marker={"symbol": symbol, "size": 10, "color": colour if several else INK},
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [row["high"] - row["profit"] if known else 0],
                "arrayminus": [row["profit"] - row["low"] if known else 0],
                "thickness": 1.4,
            },
            hovertemplate=f"<b>{text(row['name'])}</b>, from {percent(_finite(row['threshold']))} on: "
            f"{row['profit']:,.4g} ({row['low']:,.4g} to {row['high']:,.4g})<extra></extra>",
        )


def _finite(threshold: float) -> float | None:
    """Return a threshold; None where nobody is treated."""
    return threshold if threshold < float("inf") else None
