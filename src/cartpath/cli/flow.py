"""The flow graph."""

from __future__ import annotations

from typing import Annotated

import typer

from cartpath.cli.application import command
from cartpath.cli.options import Csv, EngineName, FigureFile, Json, Since, Until, Workspace
from cartpath.cli.output import deliver, interval, percent, print_table, warn


@command()
def flow(
    shop: Workspace,
    since: Since = None,
    until: Until = None,
    top: Annotated[int, typer.Option(min=1, help="Edges in the table; --json has all.")] = 25,
    engine: EngineName = None,
    csv: Csv = None,
    figure: FigureFile = None,
    as_json: Json = False,
) -> None:
    """Count which step directly follows which within a session."""
    from cartpath import shop as shops

    opened = shops.open(shop, engine)
    warn(opened.warnings())
    analysis = opened.flow(since, until)
    if deliver(analysis, as_json, csv, figure):
        return
    result = analysis.result
    typer.echo(
        f"{result.steps:,} steps of {result.sessions:,} sessions and {result.users:,} users; {result.counting.words}"
    )
    rows = [
        (row["source"], row["target"], row["n"], row["users"], percent(row["probability"]), interval(row["interval"]))
        for row in result.edges[:top]
    ]
    print_table(("source", "target", "n", "users", "of source", "95%"), rows, numeric=(2, 3, 4, 5))
    if len(result.edges) > top:
        typer.echo(f"{len(result.edges) - top:,} more edges: --top, --json")
