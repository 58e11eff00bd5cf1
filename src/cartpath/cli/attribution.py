"""Attribution."""

from __future__ import annotations

from typing import Annotated

import typer

from cartpath.cli.application import command
from cartpath.cli.options import (
    Count,
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
from cartpath.cli.output import deliver, print_table, warn


@command()
def attribution(
    shop: Workspace,
    of: Annotated[
        str, typer.Option(metavar="PROPERTY", help="What is credited: channel, source, campaign, ..., event, page.")
    ] = "channel",
    goal: Annotated[
        str, typer.Option(metavar="EVENT", help="The conversion, such as purchase or signup.")
    ] = "purchase",
    models: Annotated[
        str | None, typer.Option(metavar="MODEL,...", help="Such as last,linear,markov_1,shapley; all by default.")
    ] = None,
    lookback: Annotated[
        str, typer.Option(metavar="DURATION", help="How long before a conversion a touch counts; none is without end.")
    ] = "30d",
    half_life: Annotated[str, typer.Option(metavar="DURATION", help="Of time decay.")] = "7d",
    reset: Annotated[
        bool, typer.Option("--reset/--no-reset", help="Whether a conversion spends the touches before it.")
    ] = True,
    top: Annotated[int, typer.Option(min=1, max=200, help="Values told apart; the rest is (other).")] = 12,
    game: Annotated[
        str, typer.Option(metavar="conversions|rate", help="What a set of channels is worth to the Shapley value.")
    ] = "conversions",
    revenue: Annotated[bool, typer.Option("--revenue", help="Table and figure show revenue.")] = False,
    count: Count = "users",
    since: Since = None,
    until: Until = None,
    where: Where = None,
    segment: SegmentName = None,
    time_zone: TimeZone = None,
    engine: EngineName = None,
    csv: Csv = None,
    figure: FigureFile = None,
    as_json: Json = False,
) -> None:
    """Divide orders and revenue among the channels or events before them.

    Shares are not causal effects.
    """
    from cartpath import shop as shops

    opened = shops.open(shop, engine)
    warn(opened.warnings())
    analysis = opened.attribution(
        of=of, goal=goal, lookback=lookback, half_life=half_life, reset=reset, top=top, models=models, game=game,
        value="revenue" if revenue else "conversions",
        count=count, since=since, until=until, where=where, segment=segment, time_zone=time_zone,
    )  # fmt: skip
    result = analysis.result
    warn(result.all_warnings)
    if deliver(analysis, as_json, csv, figure):
        return
    typer.echo(result.note)
    rows = [(name, *(f"{v:,.1f}" for v in by)) for name, by in result.wide("revenue" if revenue else "conversions")]
    print_table((of, *result.credits), rows, numeric=range(1, 20))
    typer.echo(result.caution)
