"""What goes with a conversion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

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
from cartpath.cli.output import deliver, percent, print_table, warn

if TYPE_CHECKING:
    from cartpath.paths.drivers.odds import Driver


@command()
def drivers(
    shop: Workspace,
    goal: Annotated[str, typer.Option(metavar="EVENT", help="The conversion, such as purchase[order_value>50].")],
    within: Annotated[
        str,
        typer.Option(metavar="WINDOW", help="Whose behaviour counts: the first '10 steps' or '1h' of each, or path."),
    ] = "10 steps",
    follow: Annotated[
        str | None,
        typer.Option(metavar="DURATION", help="How long after the window conversion counts, such as 7d."),
    ] = None,
    of: Annotated[
        str | None,
        typer.Option(metavar="NAME,NAME,...", help="Properties: event,category,channel,page,props.NAME, ..."),
    ] = None,
    exclude: Annotated[
        str | None, typer.Option(metavar="EVENT,EVENT,...", help="Events to leave out, such as checkout.")
    ] = None,
    min_support: Annotated[int, typer.Option(min=1, help="Least units with it, and without it.")] = 50,
    min_conversions: Annotated[int, typer.Option(min=1, help="Least units that convert, and that do not.")] = 10,
    top: Annotated[int, typer.Option(min=1, help="Rows of the table; --json has all.")] = 30,
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
    """Show what those who converted did more, or less, than those who did not: correlation, not cause.

    For each event and property value the odds ratio with its interval, controlled for false discoveries.
    """
    from cartpath import shop as shops

    opened = shops.open(shop, engine)
    warn(opened.warnings())
    analysis = opened.drivers(
        goal, within=within, follow=follow, of=of, exclude=exclude,
        min_support=min_support, min_conversions=min_conversions,
        count=count, since=since, until=until, where=where, segment=segment, time_zone=time_zone,
    )  # fmt: skip
    result = analysis.result
    warn(result.warnings)
    if deliver(analysis, as_json, csv, figure):
        return
    asked = (("where", result.header["filter"]), ("users in", result.header["segment"]))
    chosen = [f"{word} {value}" for word, value in asked if value]
    typer.echo(
        f"{result.conversions:,} of {result.units:,} {count} reached {goal};"
        f" {', '.join([result.header['period'], *chosen])}\n"
        f"{len(result.drivers):,} tested, {sum(d.significant for d in result.drivers):,} significant"
    )
    for what, reasons in result.left_out.items():
        if reasons:
            typer.echo(f"left out, {what}: {', '.join(f'{n:,} {why}' for why, n in reasons.items())}")
    typer.echo(f"{result.note}\n")
    print_table(_HEADERS, [_row(driver) for driver in result.drivers[:top]], numeric=(1, 2, 3, 4, 5, 6, 7, 8))
    if len(result.drivers) > top:
        typer.echo(f"{len(result.drivers) - top:,} more: --top, --json")


_HEADERS = ("driver", "with", "converted", "without", "odds ratio", "95%", "adjusted", "95%", "q", "")


def _row(driver: Driver) -> tuple[object, ...]:
    marks = ["" if driver.significant else "not significant", "skewed" if driver.skewed else ""]
    marks.append(f"as {driver.same_counts_as}" if driver.same_counts_as else "")
    q = max(driver.q, driver.adjusted_q or 0)
    return (
        driver.label,
        driver.with_,
        percent(driver.rate_with),
        percent(driver.rate_without),
        f"{driver.odds_ratio:.3g}",
        _ends(driver.interval),
        "-" if driver.adjusted_odds_ratio is None else f"{driver.adjusted_odds_ratio:.3g}",
        _ends(driver.adjusted_interval),
        f"{q:.1g}",
        ", ".join(mark for mark in marks if mark),
    )


def _ends(ends: tuple[float, float] | None) -> str:
    return "-" if ends is None else f"{ends[0]:.3g}-{ends[1]:.3g}"
