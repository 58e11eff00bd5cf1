"""From a result to its figure, where a result has several."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from cartpath.paths import FunnelResult


#: Which question each table of a funnel answers.
_QUESTIONS = {
    "steps": "How many {unit} get how far?",
    "by": "How many {unit} get how far, by {by}?",
    "trend": "How many {unit} get to the end, by the {trend} they began?",
    "times": "How long does it take from the first step to the last?",
    "instead": "What did {unit} do instead that went no further?",
}


def funnel_question(result: FunnelResult) -> str:
    """Return the question that the table answers which a funnel shows."""
    parts = result.parts
    return _QUESTIONS[result.shown].format(unit=result.counting.unit, by=parts.by, trend=parts.trend)


def step_view_question(start: str | None, end: str | None) -> str:
    """Return the question that a step view answers."""
    if end is not None:
        return f"What comes before {end}, step by step?"
    return f"What comes after {start}, step by step?" if start else "What do people do, step by step?"


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
