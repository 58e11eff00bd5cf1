"""The report: what a shop's paths say, on one page that opens from disk without a network."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from cartpath import figures, store
from cartpath.figures.flow import select
from cartpath.figures.style import percent
from cartpath.paths import wilson
from cartpath.web import markup as m
from cartpath.web.doctor import doctor_section
from cartpath.web.models import models_section

if TYPE_CHECKING:
    from cartpath.shop import ReportContent

#: Rows of the table of edges; the picture and the JSON have the others.
_EDGES = 12
_EVENTS = 14
_TITLES = {"overview": "Overview", "funnel": "Funnel", "flow": "Flow", "models": "Models", "quality": "Data quality"}


def write(content: ReportContent) -> Path:
    """Write the report of a workspace.

    Parameters
    ----------
    content : ReportContent

    Returns
    -------
    Path
        ``reports/report.html``; it is whole or not there, whenever the process ends.
    """
    path = content.folder / "reports" / "report.html"
    with store.atomic(path) as temporary:
        temporary.write_text(render(content), encoding="utf-8")
    return path


def render(content: ReportContent) -> str:
    """Return the report as HTML.

    Parameters
    ----------
    content : ReportContent

    Returns
    -------
    str
        One page; scripts, styles and data are inside.
    """
    sections = (
        overview_section(content),
        funnel_section(content),
        flow_section(content),
        models_section(content.metrics, content.calibration),
        doctor_section(content.doctor),
    )
    nav = "".join(f'<a href="#{name}">{title}</a>' for name, title in _TITLES.items())
    return Template(_file("report.html")).substitute(
        version=m.text(content.versions["cartpath"]),
        title=m.text(f"{content.shop}: Cartpath report"),
        css=_file("report.css"),
        shop=m.text(content.shop),
        lead=m.text_long(_lead(content)),
        nav=nav,
        body="\n".join(sections),
        foot=_foot(content),
        plotly=_plotly(),
        script=_file("report.js"),
    )


def _lead(content: ReportContent) -> str:
    s = content.status
    if s.first is None or s.last is None:
        return "The store is empty."
    return f"{s.events:,} events of {s.users:,} users from {_moment(s.first)} to {_moment(s.last)} (UTC)."


def _moment(iso: str) -> str:
    return iso[:16].replace("T", " ")


def overview_section(content: ReportContent) -> str:
    """Return the numbers of the whole store and its volumes per day."""
    s = content.status
    bought, users = content.users_bought
    per_order = f"{s.revenue / s.orders:,.2f} per order" if s.orders else "no order ids among the purchases"
    if s.purchases_without_order:
        per_order += f"; {s.purchases_without_order:,} purchases without an order id count in revenue only"
    of_types = f"of {len(s.events_by_type):,} types, on {s.items:,} items"
    if s.removed:
        of_types += f"; cleaning took out {s.removed:,} of {s.events + s.removed:,}"
    tiles = (
        m.tile("Users", f"{s.users:,}", f"{_ratio(s.sessions, s.users)} sessions each"),
        m.tile("Sessions", f"{s.sessions:,}", f"{_ratio(s.events, s.sessions)} events each"),
        m.tile("Events", f"{s.events:,}", of_types),
        m.tile("Users who bought", percent(bought / users if users else None), _of(bought, users)),
        m.tile("Orders", f"{s.orders:,}", f"{_ratio(s.orders, bought)} per buyer" if bought else ""),
        m.tile("Revenue", f"{s.revenue:,.2f}", per_order),
        m.tile("Refunds", f"{s.refunds:,.2f}", f"{s.refund_events:,} refund lines; not subtracted from revenue"),
    )
    types = list(s.events_by_type.items())
    rows = [(name, f"{n:,}", percent(n / s.events)) for name, n in types[:_EVENTS]]
    left = len(types) - len(rows)
    note = m.paragraph(f"{left:,} rarer types are not listed.", "quiet") if left > 0 else ""
    return m.section(
        "overview",
        _TITLES["overview"],
        f'<div class="tiles">{"".join(tiles)}</div>',
        f"<h3>Per day ({content.daily.result.time_zone})</h3>",
        m.figure(content.daily.drawing, "daily", "Events, active users, sessions and purchases per day"),
        "<h3>Events by type</h3>",
        m.table(("Event", "Count", f"Share of {s.events:,}"), rows, numeric=(1, 2), kind="narrow") + note,
    )


def _ratio(a: int, b: int) -> str:
    return f"{a / b:,.1f}" if b else "–"


def _of(hits: int, total: int) -> str:
    ends = wilson(hits, total)
    return f"{hits:,} of {total:,}" + (f"; 95% interval {m.interval(ends)}" if ends else "")


def funnel_section(content: ReportContent) -> str:
    """Return the funnel with its rule, its denominators and its intervals."""
    result = content.funnel.result
    unit = result.counting.unit
    window = "without a time limit" if result.within_seconds is None else f"within {_duration(result.within_seconds)}"
    rule = (
        f"{unit.capitalize()} that did these steps in this order, {window}, with anything in between; every possible "
        f"start counts. Period: {result.counting.words}. Base: {result.units:,} {unit} with any event."
    )
    rows = [
        (
            f"{i}. {row['event']}",
            f"{row['n']:,}",
            percent(row["rate_from_start"]),
            m.interval(row["interval_from_start"]),
            percent(row["rate_from_previous"]),
            m.interval(row["interval_from_previous"]),
        )
        for i, row in enumerate(result.rows, start=1)
    ]
    headers = ("Step", unit.capitalize(), "Of first step", "95% interval", "Of previous", "95% interval")
    return m.section(
        "funnel",
        _TITLES["funnel"],
        m.paragraph(rule, "quiet"),
        *(m.paragraph(warning, "warning") for warning in result.warnings),
        m.figure(content.funnel.drawing, "funnel-figure", "Funnel: " + ", ".join(result.steps)),
        m.table(headers, rows, numeric=(1, 2, 3, 4, 5)),
    )


def _duration(seconds: int) -> str:
    for size, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds % size == 0:
            return f"{seconds // size:,} {name}{'s' if seconds != size else ''}"
    return f"{seconds:,} seconds"


def flow_section(content: ReportContent) -> str:
    """Return the flow graph, what of it is drawn, and its most frequent edges."""
    result = content.flow.result
    frame, nodes = result.frame, result.node_frame
    rule = (
        f"What directly follows what within a session, over {result.steps:,} steps of {result.sessions:,} sessions and "
        f"{result.users:,} users (the events of one hit are one step). Period: {result.counting.words}. Arcs on the "
        "right lead onwards, arcs on the left lead back; a label is the probability of the arc after its source."
    )
    shown = select(frame, nodes)
    rows = [
        (
            f"{edge['source']} → {edge['target']}",
            f"{edge['n']:,}",
            f"{edge['users']:,}",
            percent(edge["probability"]),
            m.interval(edge["interval"]),
        )
        for edge in result.edges[:_EDGES]
    ]
    headers = ("Most frequent", "Times", "Users", "Of what follows", "95% interval")
    return m.section(
        "flow",
        _TITLES["flow"],
        m.paragraph(rule, "quiet"),
        m.figure(figures.flow_figure(frame, nodes, shown), "flow-figure", "Flow graph of the most visited events"),
        m.paragraph(shown.words, "quiet"),
        m.table(headers, rows, numeric=(1, 2, 3, 4)) if rows else "",
    )


def _foot(content: ReportContent) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in content.versions.items())
    return m.paragraph(
        f"Written {_moment(content.written)} UTC from generation {content.generation} of the store. {versions}. "
        "Counting rules: docs/counting.md. Intervals are 95% Wilson intervals."
    )


@cache
def _file(name: str) -> str:
    return files("cartpath.web").joinpath(name).read_text(encoding="utf-8")


@cache
def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    script: str = get_plotlyjs()
    return script.replace("</script", "<\\/script")
