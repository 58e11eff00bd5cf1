"""The lifecycle, and stickiness."""

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

ActiveEvent = Annotated[str, typer.Option("--event", metavar="EVENT", help="What makes a user active; * is any event.")]


@command()
def lifecycle(
    shop: Workspace,
    event: ActiveEvent = "*",
    period: Annotated[str, typer.Option(metavar="day|week|month", help="What a period is.")] = "week",
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
    """Count new, retained, resurrected and dormant users of each period."""
    from cartpath import shop as shops

    opened = shops.open(shop, engine)
    warn(opened.warnings())
    analysis = opened.lifecycle(
        event, period, since=since, until=until, where=where, segment=segment, time_zone=time_zone
    )
    result = analysis.result
    warn(result.warnings)
    if deliver(analysis, as_json, csv, figure):
        return
    typer.echo(f"users active with {event} by {period} ({result.observed.zone}); {result.rule.counting.sentence}")
    rows = [
        (
            *(row[name] for name in ("period", "active", "new", "retained", "resurrected", "dormant")),
            percent(row["retention"]),
            interval(None if row["low"] is None else (row["low"], row["high"])),
            "" if row["complete"] else "in part",
        )
        for row in result.rows
    ]
    headers = (period, "active", "new", "retained", "resurrected", "dormant", "of before", "95%", "")
    print_table(headers, rows, numeric=range(1, 8))


@command()
def stickiness(
    shop: Workspace,
    event: ActiveEvent = "*",
    period: Annotated[str, typer.Option(metavar="week|month", help="Where active days are counted.")] = "month",
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
    """Count on how many days users are active, and daily users as a share of weekly and monthly ones."""
    from cartpath import shop as shops

    opened = shops.open(shop, engine)
    warn(opened.warnings())
    analysis = opened.stickiness(
        event, period, since=since, until=until, where=where, segment=segment, time_zone=time_zone
    )
    result = analysis.result
    warn(result.warnings)
    if deliver(analysis, as_json, csv, figure):
        return
    typer.echo(f"users active with {event} ({result.observed.zone}); {result.rule.counting.sentence}")
    rows = [
        (row["period"], row["days"], row["users"], row["mean_days"], percent(row["dau_ratio"]),
         "" if row["complete"] else "in part")
        for row in result.by_period
    ]  # fmt: skip
    print_table((period, "days", "users", "days active", "mean DAU / users", ""), rows, numeric=(1, 2, 3, 4))
    typer.echo()
    shares = [
        (row["days"], row["n"], percent(row["share"]), interval((row["low"], row["high"])))
        for row in result.distribution
        if row["n"]
    ]
    print_table((f"days active in a {period}", "n", "share", "95%"), shares, numeric=(0, 1, 2, 3))
