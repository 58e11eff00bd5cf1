"""Repurchase, and the time to a purchase."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cartpath.cli.application import command
from cartpath.cli.options import (
    Count,
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
from cartpath.cli.output import deliver, duration, interval, percent, print_record, print_table, warn


@command()
def repurchase(
    shop: Workspace,
    same: Annotated[
        str | None,
        typer.Option(metavar="PROPERTY", help="Between orders with the same item_id, category, brand or the like."),
    ] = None,
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
    """Count who orders again, and after how long."""
    from cartpath import shop as shops

    opened = shops.open(shop, engine)
    warn(opened.warnings())
    analysis = opened.repurchase(same, since=since, until=until, where=where, segment=segment, time_zone=time_zone)
    result = analysis.result
    warn(result.warnings)
    if deliver(analysis, as_json, csv, figure):
        return
    typer.echo(f"{result.unit}; {result.rule.counting.sentence}")
    print_record(result.numbers)
    if result.curve is None:
        return
    typer.echo()
    summary = result.curve.summary(result.marks)
    rows = [(row["within"], percent(row["converted"]), _ends(row), row["at_risk"]) for row in summary["shares"]]
    print_table(("second order within", "share", "95%", "at risk then"), rows, numeric=(1, 2, 3))
    half = summary["median_seconds"]
    typer.echo(f"half have a second order within: {'not reached' if half is None else duration(half)}")


@command("time-to-purchase")
def time_to_purchase(
    shop: Workspace,
    start: Annotated[str, typer.Option(metavar="EVENT", help="What starts the clock; * is the first event.")] = "*",
    goal: Annotated[str, typer.Option(metavar="EVENT", help="What stops it.")] = "purchase",
    by: Annotated[
        str | None, typer.Option(metavar="PROPERTY", help="Compare groups by a property at the start, such as channel.")
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="Groups kept by name; the rest are (other).")] = 5,
    count: Count = "users",
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
    """Estimate what share has purchased by when (Kaplan-Meier), and whether groups differ (log-rank test)."""
    from cartpath import shop as shops

    opened = shops.open(shop, engine)
    warn(opened.warnings())
    analysis = opened.time_to_purchase(
        start, goal, by, top, count=count, since=since, until=until, where=where, segment=segment, time_zone=time_zone
    )
    result = analysis.result
    warn(result.warnings)
    if deliver(analysis, as_json, csv, figure):
        return
    typer.echo(
        f"share of {result.curve.n:,} {count} who {result.what}, by time since {start}; {result.rule.counting.sentence}"
    )
    headers = ["group", count, "did", *(word for mark in result.marks for word in (f"by {mark}", "95%")), "half did by"]
    rows = [
        (
            row["group"],
            row["n"],
            row["converted"],
            *(word for share in row["shares"] for word in (percent(share["converted"]), _ends(share))),
            "not reached" if row["median_seconds"] is None else duration(row["median_seconds"]),
        )
        for row in result.rows
    ]
    print_table(headers, rows, numeric=range(1, len(headers)))
    whole = result.rows[0]
    if whole["converted"]:
        typer.echo(
            f"of those who did, half did within {duration(whole['median_of_converted'])} and nine in ten within"
            f" {duration(whole['p90_of_converted'])}"
        )
    if result.test_words:
        typer.echo(result.test_words)


def _ends(row: dict[str, Any]) -> str:
    return interval(None if row["low"] is None else (row["low"], row["high"]))
