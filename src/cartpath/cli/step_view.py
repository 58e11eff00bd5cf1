"""The step view."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cartpath.cli.application import command
from cartpath.cli.flow import AcrossSessions, Node
from cartpath.cli.options import (
    Csv,
    EngineName,
    FigureFile,
    Json,
    SegmentName,
    Since,
    TimeZone,
    Until,
    Where,
    Workspace,
)
from cartpath.cli.output import deliver, percent, print_table, warn
from cartpath.schema import OTHER


@command("step-view")
def step_view(
    shop: Workspace,
    start: Annotated[
        str | None,
        typer.Option(metavar="EVENT", help="Look forwards from it, such as view[price>50]; by default the first step."),
    ] = None,
    end: Annotated[str | None, typer.Option(metavar="EVENT", help="Look backwards from it instead.")] = None,
    steps: Annotated[int, typer.Option(metavar="N", help="How many steps.")] = 5,
    top: Annotated[int, typer.Option(metavar="N", help="Values of a step at most; the rest is (other).")] = 8,
    collapse: Annotated[bool, typer.Option("--collapse", help="The same value several times in a row is one.")] = False,
    across_sessions: AcrossSessions = False,
    node: Node = "event",
    since: Since = None,
    until: Until = None,
    where: Where = None,
    segment: SegmentName = None,
    time_zone: TimeZone = None,
    chart: Annotated[str, typer.Option(metavar="sankey|matrix", help="What --figure draws.")] = "sankey",
    engine: EngineName = None,
    csv: Csv = None,
    figure: FigureFile = None,
    as_json: Json = False,
) -> None:
    """Count where paths are one, two, three steps after an event, or before it."""
    from cartpath import shop as shops

    opened = shops.open(shop, engine)
    warn(opened.warnings())
    analysis = opened.step_view(
        start=start,
        end=end,
        steps=steps,
        top=top,
        collapse=collapse,
        across_sessions=across_sessions,
        node=node,
        chart=chart,
        since=since,
        until=until,
        where=where,
        segment=segment,
        time_zone=time_zone,
    )
    warn(analysis.result.warnings)
    if not deliver(analysis, as_json, csv, figure):
        _print(analysis.result, node)


def _print(result: Any, node: str) -> None:
    typer.echo(f"{result.note.rstrip('.')}; {result.counting.sentence}")
    share = {(v["event"], column["step"]): v["share"] for column in result.columns for v in column["values"]}
    sign = "-" if result.direction == "backwards" else "+"
    order = [column["step"] for column in result.columns]
    last = {OTHER: 1, result.gone: 2}
    events = sorted(dict.fromkeys(event for event, _ in share), key=lambda event: last.get(event, 0))
    rows = [(event, *(percent(share[event, k]) if (event, k) in share else "" for k in order)) for event in events]
    headers = (node, *(f"{sign}{k}" if k else "anchor" for k in order))
    if rows:
        print_table(headers, rows, numeric=range(1, len(headers)))
