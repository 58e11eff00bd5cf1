"""``cartpath absorb``: live events become part of the store."""

from __future__ import annotations

from typing import Annotated

import typer

from cartpath.cli.application import command
from cartpath.cli.options import Json, Workspace
from cartpath.cli.output import print_json, print_record


@command()
def absorb(
    shop: Workspace,
    state: Annotated[
        str | None, typer.Option(metavar="URL", help="The Redis that has the live events, if they are in one.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Put the live events of a service into the store, as an ingest does, and empty their log.

    It may run while the service does, and be killed and repeated.
    """
    from cartpath.serving.state import absorb as run

    done = run(shop, state).to_dict()
    if as_json:
        print_json(done)
        return
    print_record(done)
