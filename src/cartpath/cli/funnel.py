"""The funnel."""

from __future__ import annotations

from typing import Annotated

import typer

from cartpath.cli.application import command
from cartpath.cli.options import Csv, EngineName, FigureFile, Json, Since, Until, Workspace
from cartpath.cli.output import deliver, interval, percent, print_table, warn


@command()
def funnel(
    shop: Workspace,
    steps: Annotated[str, typer.Option(metavar="EVENT,EVENT,...", help="Events in order; a name may repeat.")],
    within: Annotated[
        str | None, typer.Option(metavar="DURATION", help="Longest time from the first step to the last, such as 7d.")
    ] = None,
    count: Annotated[str, typer.Option(metavar="users|sessions", help="What is counted.")] = "users",
    since: Since = None,
    until: Until = None,
    engine: EngineName = None,
    csv: Csv = None,
    figure: FigureFile = None,
    as_json: Json = False,
) -> None:
    """Count how many get through steps, in order."""
    from cartpath import shop as shops

    opened = shops.open(shop, engine)
    warn(opened.warnings())
    analysis = opened.funnel(steps, within, count, since, until)
    warn(analysis.result.warnings)
    if deliver(analysis, as_json, csv, figure):
        return
    typer.echo(f"{count} by {analysis.result.counting.words}; {analysis.result.units:,} {count} in all")
    rows = [
        (
            row["event"],
            row["n"],
            percent(row["rate_from_start"]),
            interval(row["interval_from_start"]),
            percent(row["rate_from_previous"]),
            interval(row["interval_from_previous"]),
        )
        for row in analysis.result.rows
    ]
    print_table(("step", "n", "of first", "95%", "of previous", "95%"), rows, numeric=(1, 2, 3, 4, 5))
