"""Commands that count: status, funnel, flow."""

from __future__ import annotations

from typing import Annotated

import typer

from cartpath.cli.application import command
from cartpath.cli.engine import EngineName
from cartpath.cli.output import percent, print_json, print_record, print_table, warn

Workspace = Annotated[str, typer.Argument(metavar="SHOP", help="The workspace's folder.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON alone on standard output.")]
Since = Annotated[
    str | None, typer.Option(metavar="DATE", help="First moment that counts, UTC; a date is its midnight.")
]
Until = Annotated[str | None, typer.Option(metavar="DATE", help="First moment that no longer counts, UTC.")]


@command()
def status(shop: Workspace, engine: EngineName = None, as_json: Json = False) -> None:
    """Show what the store holds.

    Events, users, sessions, items, orders, revenue and refunds.
    """
    from cartpath import shop as shops

    opened = shops.open(shop, engine)
    warn(opened.warnings())
    result = opened.status()
    if as_json:
        print_json(result.to_dict())
        return
    print_record(result.to_dict())
    typer.echo()
    total = result.events
    print_table(
        ("event", "n", "share"), [(e, n, percent(n / total)) for e, n in result.events_by_type.items()], numeric=(1, 2)
    )


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
    as_json: Json = False,
) -> None:
    """Count how many get through steps, in order."""
    from cartpath import shop as shops

    opened = shops.open(shop, engine)
    warn(opened.warnings())
    analysis = opened.funnel(steps, within, count, since, until)
    warn(analysis.result.warnings)
    if as_json:
        print_json(analysis.to_dict())
        return
    typer.echo(f"{count} by {analysis.result.counting.words}; {analysis.result.units:,} {count} in all")
    rows = [
        (
            row["event"],
            row["n"],
            percent(row["rate_from_start"]),
            _interval(row["interval_from_start"]),
            percent(row["rate_from_previous"]),
            _interval(row["interval_from_previous"]),
        )
        for row in analysis.result.rows
    ]
    print_table(("step", "n", "of first", "95%", "of previous", "95%"), rows, numeric=(1, 2, 3, 4, 5))


@command()
def flow(
    shop: Workspace,
    since: Since = None,
    until: Until = None,
    top: Annotated[int, typer.Option(min=1, help="Edges in the table; --json has all.")] = 25,
    engine: EngineName = None,
    as_json: Json = False,
) -> None:
    """Count which step directly follows which within a session."""
    from cartpath import shop as shops

    opened = shops.open(shop, engine)
    warn(opened.warnings())
    result = opened.flow(since, until).result
    if as_json:
        print_json(result.to_dict())
        return
    typer.echo(
        f"{result.steps:,} steps of {result.sessions:,} sessions and {result.users:,} users; {result.counting.words}"
    )
    rows = [
        (row["source"], row["target"], row["n"], row["users"], percent(row["probability"]), _interval(row["interval"]))
        for row in result.edges[:top]
    ]
    print_table(("source", "target", "n", "users", "of source", "95%"), rows, numeric=(2, 3, 4, 5))
    if len(result.edges) > top:
        typer.echo(f"{len(result.edges) - top:,} more edges: --top, --json")


def _interval(ends: tuple[float, float] | None) -> str:
    return "-" if ends is None else f"{percent(ends[0])}-{percent(ends[1])}"
