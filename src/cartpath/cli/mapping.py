"""The command that looks at an unknown file: map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cartpath.cli.application import command
from cartpath.cli.options import Json
from cartpath.cli.output import print_json, print_table, warn
from cartpath.schema import CartpathError

if TYPE_CHECKING:
    from cartpath.ingest import Proposal


@command("map")
def map_columns(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A file; of a folder the first readable one.")],
    delimiter: Annotated[str, typer.Option(metavar="SIGN", help="Of CSV, if not as the header looks.")] = "",
    as_json: Json = False,
) -> None:
    """Look at an unknown file and propose how to read it.

    Which column is which, why, how sure that is, and the command that ingests it so.
    """
    from cartpath.ingest import propose

    found = propose(source, "\t" if delimiter == "tab" else delimiter)
    if as_json:
        print_json(found.to_dict())
    else:
        _show(found)
    if not found.usable:
        raise CartpathError(
            f"{found.file} has no column that could be {' or '.join(found.missing)}",
            "name it with --map canonical=column if there is one; docs/map.md says what is looked for",
        )


def _show(found: Proposal) -> None:
    typer.echo(f"{found.file}: {found.format}, {len(found.columns)} columns, {found.rows_sampled:,} rows looked at\n")
    rows = [(name, c.column, c.confidence, c.why, c.runner_up) for name, c in found.choices.items()]
    print_table(("canonical", "column", "confidence", "why", "runner-up"), rows)
    if found.unmapped:
        typer.echo(f"\nnot read: {', '.join(found.unmapped)}")
    for name, event in found.events.items():
        typer.echo(f"event {name!r} means {event}")
    if found.adapter is not None:
        typer.echo(f"\nadapter {found.adapter['name']} fits: {found.adapter['why']}")
    warn(found.warnings)
    if found.usable:
        typer.echo(f"\n{found.command}")
