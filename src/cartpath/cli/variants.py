"""The most frequent paths."""

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
from cartpath.cli.output import deliver, interval, percent, print_table, warn

#: Characters of a path in the table; --json and --csv have all of it.
_WIDE = 78


@command()
def variants(
    shop: Workspace,
    collapse: Annotated[bool, typer.Option("--collapse", help="Take what follows itself for one.")] = False,
    top: Annotated[int, typer.Option(min=1, help="Variants shown; the others are one row.")] = 20,
    unit: Annotated[str, typer.Option(metavar="event|step", help="What an element of a path is.")] = "step",
    max_length: Annotated[int | None, typer.Option(min=1, help="Cut paths after so many elements.")] = None,
    node: Annotated[str, typer.Option(metavar="PROPERTY", help="What names an element, such as page.")] = "event",
    goal: Annotated[str, typer.Option(metavar="EVENT", help="What converts, such as checkout|purchase.")] = "purchase",
    across_sessions: Annotated[
        bool, typer.Option("--across-sessions", help="Paths of users, not of sessions.")
    ] = False,
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
    """Count the most frequent paths of sessions, with conversion, revenue and time."""
    from cartpath import shop as shops

    opened = shops.open(shop, engine)
    warn(opened.warnings())
    analysis = opened.variants(
        collapse, top, unit, max_length, node, goal, across_sessions,
        since=since, until=until, where=where, segment=segment, time_zone=time_zone,
    )  # fmt: skip
    result = analysis.result
    warn(result.warnings)
    if deliver(analysis, as_json, csv, figure):
        return
    typer.echo(result.note)
    rows = [
        (
            _short(" > ".join(row["path"])),
            row["n"],
            percent(row["share"]),
            percent(row["conversion"]),
            interval(row["conversion_interval"]),
            row["revenue"],
            "-" if row["median_seconds"] is None else f"{row['median_seconds']:,.0f} s",
        )
        for row in result.rows
    ]
    headers = ("path", "n", "share", "converts", "95%", "revenue", "median")
    print_table(headers, rows, numeric=(1, 2, 3, 4, 5, 6))


def _short(path: str) -> str:
    return path if len(path) <= _WIDE else f"{path[: _WIDE - 1]}…"
