"""The command that serves: serve."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

from cartpath.cli.application import command
from cartpath.cli.options import Workspace


@command()
def serve(
    shop: Workspace,
    host: Annotated[
        str, typer.Option(metavar="HOST", help="Address to listen at; 0.0.0.0 is every one.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 is any that is free.")] = 8080,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes; more than one need live paths in Redis. [serve] workers says.")
    ] = None,
) -> None:
    """Serve events, recommendations and scores over HTTP until it is interrupted."""
    from cartpath.serving.run import run

    def told(address: str) -> None:
        name = shlex.quote(shop)
        typer.echo(f"serving {shop} at {address}", err=True)
        typer.echo(f"  a key: cartpath keys create {name} --scopes events:write,recommend:read", err=True)
        typer.echo(f"  ready: curl {address}/readyz", err=True)

    run(shop, host=host, port=port, workers=workers, told=told)
