"""The flow graph."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cartpath.cli.application import command
from cartpath.cli.options import (
    Csv,
    EngineName,
    FigureFile,
    Json,
    SegmentName,
    Since,
    TimeZone,
    Until,
    Where,
    Workspace,
)
from cartpath.cli.output import deliver, interval, percent, print_table, warn

AcrossSessions = Annotated[
    bool, typer.Option("--across-sessions", help="Follow users through all their sessions, not each session by itself.")
]
Node = Annotated[
    str, typer.Option(metavar="PROPERTY", help="What a node is: event, page, item_id, category or another property.")
]


@command()
def flow(
    shop: Workspace,
    across_sessions: AcrossSessions = False,
    node: Node = "event",
    nodes: Annotated[int, typer.Option(help="Values that are nodes at most; the rest is (other).")] = 100,
    min_share: Annotated[
        float, typer.Option(metavar="SHARE", help="Hide edges that carry less than this share of all transitions.")
    ] = 0.0,
    top_edges: Annotated[int | None, typer.Option(metavar="N", help="Show the N most frequent edges alone.")] = None,
    since: Since = None,
    until: Until = None,
    where: Where = None,
    segment: SegmentName = None,
    time_zone: TimeZone = None,
    top: Annotated[int, typer.Option(min=1, help="Edges in the table; --json has all.")] = 25,
    engine: EngineName = None,
    csv: Csv = None,
    figure: FigureFile = None,
    as_json: Json = False,
) -> None:
    """Count which step directly follows which, how probably and after what time."""
    from cartpath import shop as shops

    opened = shops.open(shop, engine)
    warn(opened.warnings())
    analysis = opened.flow(
        across_sessions=across_sessions,
        node=node,
        most_nodes=nodes,
        min_share=min_share,
        top_edges=top_edges,
        since=since,
        until=until,
        where=where,
        segment=segment,
        time_zone=time_zone,
    )
    warn(analysis.result.warnings)
    if not deliver(analysis, as_json, csv, figure):
        _print(analysis.result, top)


def _print(result: Any, top: int) -> None:
    typer.echo(
        f"{result.steps:,} steps of {result.sessions:,} sessions and {result.users:,} users; {result.counting.sentence}"
    )
    if result.hidden["edges"]:
        typer.echo(
            f"{len(result.edges):,} edges carry {percent(result.coverage)} of {result.transitions:,} transitions; "
            f"{result.hidden['edges']:,} are hidden"
        )
    rows = [
        (
            row["source"],
            row["target"],
            row["n"],
            row["users"],
            percent(row["share"]),
            percent(row["probability"]),
            interval(row["interval"]),
            row["median_gap_seconds"],
        )
        for row in result.edges[:top]
    ]
    headers = ("source", "target", "n", "users", "of all", "of source", "95%", "median seconds")
    print_table(headers, rows, numeric=(2, 3, 4, 5, 6, 7))
    if len(result.edges) > top:
        typer.echo(f"{len(result.edges) - top:,} more edges: --top, --json")
