"""Kaplan-Meier curves: the share that has converted by when, with its band and the numbers at risk."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from cartpath.figures.below import note_below
from cartpath.figures.style import INK, MUTED, SERIES, layout, note_figure, percent, text

_UNITS = (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0), ("seconds", 1.0))


def survival_figure(frame: Any, at_risk: Any, note: str = "", what: str = "have purchased") -> go.Figure:
    """Draw the share that has converted, one curve a group.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a group and time: ``group seconds converted low high``.
    at_risk : pandas.DataFrame
        One row a group and time, evenly spaced: ``group seconds at_risk``.
    note : str
        A line below, such as the result of a test.
    what : str
        What those who converted did.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    frame = frame[frame["converted"].notna()]
    if not len(frame):
        return note_figure("Nobody started in this period: there is nothing to draw.")
    names = list(dict.fromkeys(frame["group"]))
    unit, length = scale_of(float(frame["seconds"].max()))
    table = 24 * len(names) + 30
    height = 380 + table + 40
    figure = make_subplots(
        rows=2,
        cols=1,
        shared_xaxes=True,
        vertical_spacing=70 / height,
        row_heights=[380 / (380 + table), table / (380 + table)],
    )
    for name, colour in zip(names, colours_of(names), strict=True):
        add_curve(figure, frame[frame["group"] == name], text(name), colour, unit, length, row=1, col=1)
    _numbers(figure, at_risk, names, length)
    layout(figure, height)
    figure.update_layout(
        showlegend=len(names) > 1, legend={"orientation": "h", "y": 1.01, "yanchor": "bottom", "x": 0},
        margin={"l": 10, "r": 20, "t": 36 if len(names) > 1 else 14, "b": 14},
    )  # fmt: skip
    figure.update_yaxes(
        tickformat=tick_format(frame), rangemode="tozero", automargin=True,
        title={"text": f"{text(what)}, with 95% band", "standoff": 6}, row=1, col=1,
    )  # fmt: skip
    ticks = sorted({seconds / length for seconds in at_risk["seconds"]})
    end = max(float(frame["seconds"].max()) / length, ticks[-1] if ticks else 0.0) or 1.0
    figure.update_xaxes(tickvals=ticks, ticktext=[f"{tick:g}" for tick in ticks], range=[-0.05 * end, 1.01 * end])
    figure.update_xaxes(showticklabels=True, title={"text": f"{unit} since the start", "standoff": 4}, row=1, col=1)
    return note_below(figure, note, axis=0) if note else figure


def colours_of(names: list[str]) -> list[str]:
    """Return a colour a group; the whole is in ink where there are groups beside it."""
    if len(names) == 1:
        return [SERIES[0]]
    return [INK if i == 0 and name == "all" else SERIES[(i - 1) % len(SERIES)] for i, name in enumerate(names)]


def scale_of(longest: float) -> tuple[str, float]:
    """Return the unit that suits times up to ``longest`` seconds, and how many seconds it has.

    Examples
    --------
    >>> scale_of(90000), scale_of(0)
    (('hours', 3600.0), ('seconds', 1.0))
    """
    return next(((unit, length) for unit, length in _UNITS if longest > 2 * length), _UNITS[-1])


def tick_format(frame: Any) -> str:
    """Return how shares on the axis are written: small ones with digits behind the point."""
    most = float(frame["converted"].max())
    return ".0%" if most > 0.08 else ".1%" if most > 0.008 else ".2%"


def add_curve(figure: go.Figure, rows: Any, name: str, colour: str, unit: str, length: float, **where: int) -> None:
    """Add a step curve with its band."""
    x = rows["seconds"] / length
    shape = {"shape": "hv", "width": 0}
    figure.add_scatter(
        x=x, y=rows["high"], mode="lines", line=shape, hoverinfo="skip", showlegend=False, legendgroup=name, **where
    )
    figure.add_scatter(
        x=x, y=rows["low"], mode="lines", line=shape, fill="tonexty", fillcolor=_pale(colour), hoverinfo="skip",
        showlegend=False, legendgroup=name, **where,
    )  # fmt: skip
    figure.add_scatter(
        x=x,
        y=rows["converted"],
        name=name,
        legendgroup=name,
        mode="lines" if len(rows) > 1 else "markers",
        line={"shape": "hv", "color": colour, "width": 2},
        customdata=[
            f"<b>{name}</b> within {row['seconds'] / length:,.4g} {unit}: {percent(row['converted'])}"
            f" (95% {percent(row['low'])} to {percent(row['high'])})<br>{row['at_risk']:,} at risk"
            for row in rows.to_dict("records")
        ],
        hovertemplate="%{customdata}<extra></extra>",
        **where,
    )


def _numbers(figure: go.Figure, at_risk: Any, names: list[str], length: float) -> None:
    places = {name: i for i, name in enumerate(names)}
    rows = at_risk[at_risk["group"].isin(names)]
    figure.add_scatter(
        x=rows["seconds"] / length,
        y=[places[name] for name in rows["group"]],
        text=[f"{n:,}" for n in rows["at_risk"]],
        mode="text",
        textfont={"size": 11, "color": INK},
        cliponaxis=False,
        hoverinfo="skip",
        showlegend=False,
        row=2,
        col=1,
    )
    labels = [text(name, 22) for name in names] if len(names) > 1 else ["at risk"]
    figure.update_yaxes(
        tickvals=list(range(len(names))), ticktext=labels, range=[len(names) - 0.5, -0.5], showgrid=False,
        zeroline=False, automargin=True, row=2, col=1,
    )  # fmt: skip
    figure.update_xaxes(showticklabels=False, showgrid=False, zeroline=False, row=2, col=1)
    if len(names) > 1:
        figure.add_annotation(
            text="number at risk", x=0, y=1, xref="x2 domain", yref="y2 domain", xanchor="left", yanchor="bottom",
            showarrow=False, font={"size": 12, "color": MUTED},
        )  # fmt: skip


def _pale(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.14)"
