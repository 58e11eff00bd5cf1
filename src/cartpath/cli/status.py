"""The command that shows what a store holds."""

from __future__ import annotations

import typer

from cartpath.cli.application import command
from cartpath.cli.options import EngineName, Json, Workspace
from cartpath.cli.output import percent, print_json, print_record, print_table, warn


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
