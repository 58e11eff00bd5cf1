"""Features of users as of a moment."""

from __future__ import annotations

from typing import Annotated

import typer

from cartpath.cli.application import command
from cartpath.cli.options import Json, Workspace
from cartpath.cli.output import destination, print_json, print_record, print_table, progress, say, warn
from cartpath.schema import CartpathError


@command()
def features(
    shop: Workspace,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="DATE",
            help="The cut-off: only events before it count; a date is its midnight in the shop's time zone.",
        ),
    ] = None,
    out: Annotated[str | None, typer.Option(metavar="FILE", help="Where to write: .parquet or .csv.")] = None,
    columns: Annotated[
        bool, typer.Option("--columns", help="Say what each column is, and write nothing; needs no other option.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write features of each user as of a moment: profile, windows, habits."""
    from cartpath import shop as shops

    if columns:
        _print_columns(shops.open(shop).feature_columns(), as_json)
        return
    if at is None or out is None:
        raise CartpathError(
            "features need a moment and a file", "say them, --at 2016-09-01 --out users.parquet, or ask for --columns"
        )
    destination(out)
    opened = shops.open(shop)
    warn(opened.warnings())
    with progress("features") as advance:
        summary = opened.write_features(at, out, advance)
    warn(summary["warnings"])
    if as_json:
        print_json(summary)
        return
    print_record(summary)
    say(f"what the columns are: cartpath features {shop} --columns")


def _print_columns(columns: list[dict[str, str]], as_json: bool) -> None:
    if as_json:
        print_json({"columns": columns})
        return
    print_table(("column", "unit", "what it is"), [(c["name"], c["unit"], c["about"]) for c in columns])
