"""Segments: who is in them."""

from __future__ import annotations

from typing import Annotated

import typer

from cartpath.cli.application import command
from cartpath.cli.options import Csv, EngineName, FigureFile, Json, Workspace
from cartpath.cli.output import deliver, destination, percent, print_table, say, warn
from cartpath.schema import CartpathError


@command()
def segments(
    shop: Workspace,
    name: Annotated[
        list[str] | None,
        typer.Option(metavar="SEGMENT", help="Only this one, a name or an expression; may be repeated."),
    ] = None,
    out: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write the ids of the users of the one segment of --name as CSV.")
    ] = None,
    engine: EngineName = None,
    csv: Csv = None,
    figure: FigureFile = None,
    as_json: Json = False,
) -> None:
    """List the segments of cartpath.toml: users, share, overlaps."""
    from cartpath import shop as shops

    opened = shops.open(shop, engine)
    warn(opened.warnings())
    if out is not None:
        if len(name or ()) != 1:
            raise CartpathError("--out writes one segment", "name it: --name buyers --out buyers.csv")
        say(f"wrote {opened.write_segment((name or [''])[0], destination(out)):,} users to {out}")
    analysis = opened.segments(name)
    warn(analysis.result.warnings)
    if deliver(analysis, as_json, csv, figure):
        return
    result = analysis.result
    typer.echo(f"{result.users:,} users; a segment is evaluated over everything the store holds")
    if not result.plans:
        typer.echo('no segments: write some in the table [segments] of cartpath.toml, such as buyers = "did purchase"')
        return
    rows = [(row["name"], row["users"], percent(row["share"]), row["expression"]) for row in result.rows]
    rows += [(one.name, "-", "refused", one.expression) for one in result.refused]
    print_table(("segment", "users", "share", "expression"), rows, numeric=(1, 2))
    if result.overlaps:
        typer.echo()
        pairs = [(row["a"], row["b"], row["users"], percent(row["jaccard"])) for row in result.overlaps]
        print_table(("segment", "and", "in both", "of either"), pairs, numeric=(2, 3))
