"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer


def known_zone(name: str | None) -> str | None:
    """Refuse a time zone that does not exist, before anything is read."""
    from cartpath.config import zone_named
    from cartpath.schema import CartpathError

    try:
        _ = zone_named(name) if name else None
    except CartpathError as error:
        raise typer.BadParameter(f"{error.message}; {error.hint}") from None
    return name


Workspace = Annotated[str, typer.Argument(metavar="SHOP", help="The workspace's folder.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON alone on standard output.")]
Csv = Annotated[str | None, typer.Option("--csv", metavar="FILE", help="Write the table as CSV; - is standard output.")]
FigureFile = Annotated[
    str | None, typer.Option("--figure", metavar="FILE", help="Write the figure: .html for people, .json for Plotly.")
]
Count = Annotated[str, typer.Option(metavar="users|sessions", help="What is counted.")]
Since = Annotated[
    str | None, typer.Option(metavar="DATE", help="First moment that counts; a date is its midnight in the time zone.")
]
Until = Annotated[str | None, typer.Option(metavar="DATE", help="First moment that no longer counts.")]
Where = Annotated[
    list[str] | None,
    typer.Option(
        metavar="CONDITIONS", help="Count only where these hold, such as device=mobile,price>50; may be repeated."
    ),
]
SegmentName = Annotated[
    str | None, typer.Option("--segment", metavar="SEGMENT", help="Count only these users: a name or an expression.")
]
TimeZone = Annotated[
    str | None,
    typer.Option(
        "--time-zone",
        metavar="ZONE",
        callback=known_zone,
        help="Of dates, days and hours, an IANA name; by default [shop] time_zone.",
    ),
]
EngineName = Annotated[
    str | None,
    typer.Option(
        "--engine",
        metavar="NAME",
        help="What does the work: threads (the default), spark, or a Spark master such as spark://host:7077.",
    ),
]
