"""Keys of the service: keys create, list, revoke, audit."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from cartpath.cli.application import app, command
from cartpath.cli.options import Json, Workspace
from cartpath.cli.output import print_json, print_table, say

group = typer.Typer(no_args_is_help=True, help="Make, list and revoke the keys of the service.")
app.add_typer(group, name="keys")

KeyId = Annotated[str, typer.Argument(metavar="ID", help="The key's id, as `cartpath keys list` has it.")]


@command("create", group)
def create(
    shop: Workspace,
    scopes: Annotated[
        list[str],
        typer.Option(metavar="A,B", help="What it is for: events:write, recommend:read, admin; may be repeated."),
    ],
    name: Annotated[str | None, typer.Option(metavar="NAME", help="For people who look through the list.")] = None,
    rate: Annotated[
        float | None, typer.Option(metavar="N", help="Requests a second of this key, if not as all have it.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a key; it is the last line of standard output, and is not shown again."""
    from cartpath import access

    wanted = [scope.strip() for text in scopes for scope in text.split(",") if scope.strip()]
    key = access.create_key(shop, wanted, name, rate=rate)
    say("keep it now: only a hash of it is stored")
    if as_json:
        info = next(info for info in access.list_keys(shop) if key.split("_")[1] == info.id)
        print_json({"key": key} | info.to_dict())
    else:
        typer.echo(key)


@command("list", group)
def list_(shop: Workspace, as_json: Json = False) -> None:
    """List the keys, revoked ones too; the keys themselves are not known."""
    from cartpath import access

    keys = access.list_keys(shop)
    if as_json:
        print_json({"keys": [key.to_dict() for key in keys]})
        return
    rows = [(key.id, key.name, ",".join(key.scopes), key.rate, key.created, key.revoked) for key in keys]
    print_table(("id", "name", "scopes", "rate", "created", "revoked"), rows, numeric=(3,))


@command("revoke", group)
def revoke(shop: Workspace, key_id: KeyId) -> None:
    """End a key; running services refuse it within a second."""
    from cartpath import access

    access.revoke_key(shop, key_id)
    say(f"revoked {key_id}")


@command("audit", group)
def audit(
    shop: Workspace,
    target: Annotated[
        str | None, typer.Option(metavar="ID", help="Only what was done to this user, whose id is not in the log.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what administrators did, the oldest first."""
    from cartpath import access, config

    config.load(Path(shop))
    deeds = list(access.Audit.open(shop).read(target=target))
    if as_json:
        print_json({"deeds": [asdict(deed) for deed in deeds]})
        return
    rows = [(deed.time, deed.actor, deed.act, deed.about or deed.target, deed.outcome) for deed in deeds]
    print_table(("time", "actor", "act", "on", "outcome"), rows)
