"""The command about ids: identities."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cartpath.cli.application import command
from cartpath.cli.options import Json, Workspace
from cartpath.cli.output import print_json, print_record, print_table


@command()
def identities(
    shop: Workspace,
    user: Annotated[str | None, typer.Option(metavar="ID", help="Show one user's ids, and why they are its.")] = None,
    as_json: Json = False,
) -> None:
    """Show which anonymous ids are merged with known users, and which are not."""
    from cartpath import shop as shops

    found = shops.open(shop).identities(user)
    if as_json:
        print_json(found)
    elif user is None:
        _overview(found)
    else:
        _ids(found)


def _overview(found: dict[str, Any]) -> None:
    print_record({**found, **{f"left_out_{name}": n for name, n in found["left_out"].items()}})
    examples = [(name, ", ".join(ids)) for name, ids in found["examples"].items() if ids]
    if examples:
        typer.echo("\nfor example:")
        print_table(("what", "ids"), examples)


def _ids(found: dict[str, Any]) -> None:
    print_record(found)
    typer.echo()
    rows = [
        (
            one["id"],
            one["verdict"],
            link["user_id"] or "(erased)",
            link["source"],
            link["n"],
            link["first"],
            link["last"],
        )
        for one in found["ids"]
        for link in one["links"]
    ]
    if rows:
        print_table(("id", "verdict", "linked with", "by", "n", "first", "last"), rows, numeric=(4,))
    else:
        typer.echo("no link names this id")
