"""From a result to its figure, where a result has several."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from cartpath.paths import FunnelResult


def draw_funnel(result: FunnelResult) -> go.Figure:
    """Draw that table of a funnel which it shows."""
    from cartpath import figures

    unit, frame, words = result.counting.unit, result.frame, result.words
    if result.shown == "by":
        taken = f"{result.parts.by} at {result.parts.taken_at}"
        return figures.funnel_groups_figure(frame, unit, f"{words}; {taken}")
    if result.shown == "trend":
        incomplete = [row["period"] for row in result.parts.periods if row["complete"] is False]
        hollow = "; hollow: the window had not passed when the data end" if incomplete else ""
        note = f"{words}; by the {result.parts.trend} it began{hollow}"
        return figures.funnel_trend_figure(frame, unit, note, incomplete)
    if result.shown == "times":
        return figures.funnel_times_figure(frame, result.time_words)
    if result.shown == "instead":
        return figures.funnel_instead_figure(frame, f"{unit} that reached a step and no further; {words}")
    return figures.funnel_figure(frame, unit, f"{words}; {result.units:,} {unit} in all")
