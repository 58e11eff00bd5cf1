"""The funnel as bars, each with its count, its rates and their intervals."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from cartpath.figures.notes import add_note
from cartpath.figures.style import ACCENT, ACCENT_SOFT, INK, layout, note_figure, percent, text


def funnel_figure(frame: Any, count: str = "users", note: str | None = None) -> go.Figure:
    """Draw a funnel.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a step: ``event``, ``n``, ``rate_from_start``, ``rate_from_previous`` and the ends of
        ``interval_from_start`` and ``interval_from_previous``.
    count : str
        What ``n`` counts.
    note : str, optional
        Written above: the rule, what was left out.

    Returns
    -------
    plotly.graph_objects.Figure
    """
    rows = frame.to_dict("records")
    if not rows or not rows[0]["n"]:
        first = rows[0]["event"] if rows else "the first step"
        return note_figure(f"No {count} reached {first}: there is nothing to draw.")
    names = [f"{i}. {text(row['event'])}" for i, row in enumerate(rows, start=1)]
    place = list(range(len(rows)))
    figure = go.Figure()
    figure.add_bar(
        y=place,
        x=[row["n"] for row in rows],
        orientation="h",
        width=0.62,
        marker={"color": [ACCENT] + [ACCENT_SOFT] * (len(rows) - 1)},
        hovertext=[_hover(name, row, count) for name, row in zip(names, rows, strict=True)],
        hoverinfo="text",
    )
    most = max(row["n"] for row in rows)
    for i, row in enumerate(rows):
        figure.add_annotation(
            x=row["n"], y=i, text=_label(row, i), showarrow=False, xanchor="left", xshift=8, font={"color": INK}
        )
    layout(figure, 70 + 58 * len(rows), bargap=0.3)
    figure.update_xaxes(range=[0, most * 1.55], title={"text": count, "standoff": 6}, rangemode="tozero")
    figure.update_yaxes(
        tickvals=place, ticktext=names, autorange="reversed", showgrid=False, zeroline=False, tickfont={"color": INK}
    )
    figure.update_layout(margin={"l": 10, "r": 10, "t": 6, "b": 40})
    figure.update_yaxes(automargin=True)
    return add_note(figure, note)


def _label(row: dict[str, Any], step: int) -> str:
    if step == 0:
        return f"<b>{row['n']:,}</b>"
    low, high = row["interval_from_start_low"], row["interval_from_start_high"]
    return (
        f"<b>{row['n']:,}</b>  {percent(row['rate_from_start'])} of start ({percent(low)}–{percent(high)})"
        f" · {percent(row['rate_from_previous'])} of previous"
    )


def _hover(name: str, row: dict[str, Any], count: str) -> str:
    lines = [f"<b>{name}</b>", f"{row['n']:,} {count}"]
    for word in ("start", "previous"):
        low, high = row[f"interval_from_{word}_low"], row[f"interval_from_{word}_high"]
        if low is not None and low == low:
            rate = percent(row[f"rate_from_{word}"])
            lines.append(f"{rate} of {word}, 95% interval {percent(low)} to {percent(high)}")
    return "<br>".join(lines)
