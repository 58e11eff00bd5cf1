"""Retention."""

from __future__ import annotations

from typing import Annotated

import typer

from cartpath.cli.application import command
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


@command()
def retention(
    shop: Workspace,
    start: Annotated[
        str, typer.Option(metavar="EVENT", help="What starts a user's time, such as purchase; * is the first event.")
    ] = "*",
    back: Annotated[str, typer.Option("--return", metavar="EVENT", help="What is a return; * is any event.")] = "*",
    cohort: Annotated[str, typer.Option(metavar="day|week|month", help="In which period users started.")] = "week",
    mode: Annotated[
        str, typer.Option(metavar="classic|unbounded", help="Back in that very period, or in that period or later.")
    ] = "classic",
    periods: Annotated[
        int | None, typer.Option(min=1, help="Periods after the start; 30 days, 12 weeks, 12 months.")
    ] = None,
    by: Annotated[
        str | None, typer.Option(metavar="PROPERTY", help="Part users by a property at their start, such as channel.")
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="Groups kept by name; the rest are (other).")] = 5,
    since: Since = None,
    until: Until = None,
    where: Where = None,
    segment: SegmentName = None,
    time_zone: TimeZone = None,
    engine: EngineName = None,
    csv: Csv = None,
    figure: FigureFile = None,
    as_json: Json = False,
) -> None:
    """Count who comes back, by the day, week or month in which they started."""
    from cartpath import shop as shops

    opened = shops.open(shop, engine)
    warn(opened.warnings())
    analysis = opened.retention(
        start,
        back,
        cohort,
        mode,
        periods,
        by,
        top,
        since=since,
        until=until,
        where=where,
        segment=segment,
        time_zone=time_zone,
    )
    result = analysis.result
    warn(result.warnings)
    if deliver(analysis, as_json, csv, figure):
        return
    typer.echo(
        f"{result.what}: share of {result.users:,} users by the {cohort} of their first {start}"
        f" ({result.observed.zone}); {result.rule.counting.sentence}"
    )
    parts: list[tuple[str, int | None]] = [("all", None)]
    parts += [(name, i) for i, name in enumerate(result.groups.names)] if by else []
    width = result.returned.shape[2]
    rows = [
        (name, sum(row["users"] for row in result.cohorts(i)), *(percent(cell["rate"]) for cell in result.totals(i)))
        for name, i in parts
    ]
    if by is None:
        blank = ("",) * width
        rows += [
            (row["cohort"], row["users"], *(*(percent(cell["rate"]) for cell in row["cells"]), *blank)[:width])
            for row in result.cohorts()
        ]
    print_table((cohort if by is None else by, "users", *map(str, range(width))), rows, numeric=range(1, width + 2))
    typer.echo("a rate stands where its period is wholly in the log; the line 'all' weighs these by their users")
