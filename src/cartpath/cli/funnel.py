"""The funnel."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

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

if TYPE_CHECKING:
    from cartpath.paths import FunnelResult

_Exclude = Annotated[
    str | None, typer.Option(metavar="EVENT,...", help="Events that may not lie between the first step and the last.")
]
_ByOption = Annotated[
    str | None,
    typer.Option(metavar="PROPERTY[@STEP]", help="Break down; the value is taken at @first, @last, or a step."),
]
_Show = Annotated[
    str | None,
    typer.Option(
        metavar="steps|by|trend|times|instead", help="Which table is printed, written as CSV and drawn; --json has all."
    ),
]


@command()
def funnel(
    shop: Workspace,
    steps: Annotated[
        str, typer.Option(metavar="STEP,STEP,...", help="Such as view[price>50],add_to_cart,checkout|purchase.")
    ],
    within: Annotated[
        str | None,
        typer.Option(metavar="DURATION", help="Longest time from the first step to the last, such as 7d; or session."),
    ] = None,
    order: Annotated[
        str, typer.Option(metavar="loose|strict|any", help="Strict: nothing in between the steps.")
    ] = "loose",
    exclude: _Exclude = None,
    hold: Annotated[
        str | None, typer.Option(metavar="PROPERTY", help="The same at all steps, such as item_id or category.")
    ] = None,
    count: Annotated[str, typer.Option(metavar="users|sessions|entries", help="What is counted.")] = "users",
    by: _ByOption = None,
    trend: Annotated[
        str | None, typer.Option(metavar="day|week|month", help="Conversion by when the funnel was begun.")
    ] = None,
    top: Annotated[
        int, typer.Option(min=1, help="Groups, and events done instead, that stand for themselves; the rest: (other).")
    ] = 10,
    show: _Show = None,
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
    """Count how many get through steps, how long it takes, and what they do instead."""
    from cartpath import shop as shops

    opened = shops.open(shop, engine)
    warn(opened.warnings())
    analysis = opened.funnel(
        steps,
        within,
        count,
        since,
        until,
        where=where,
        segment=segment,
        time_zone=time_zone,
        order=order,
        exclude=exclude,
        hold=hold,
        by=by,
        trend=trend,
        top=top,
        show=show,
    )
    result = analysis.result
    warn(result.warnings)
    if deliver(analysis, as_json, csv, figure):
        return
    typer.echo(f"{count} {result.words}; {result.units:,} {count} in all")
    _TABLES[result.shown](result)
    if len(result.steps) > 1:
        typer.echo(result.time_words)


def _steps(result: FunnelResult) -> None:
    rows = [
        (
            row["event"],
            row["n"],
            percent(row["rate_from_start"]),
            interval(row["interval_from_start"]),
            percent(row["rate_from_previous"]),
            interval(row["interval_from_previous"]),
        )
        for row in result.rows
    ]
    print_table(("step", "n", "of first", "95%", "of previous", "95%"), rows, numeric=(1, 2, 3, 4, 5))


def _by(result: FunnelResult) -> None:
    typer.echo(f"{result.parts.by} at {result.parts.taken_at}")
    rows = [
        (f"(other: {row['values']:,} values)" if "values" in row else row["value"], *row["n"], *_conversion(row))
        for row in result.parts.groups
    ]
    whole = ("(all)", *result.counts, *_conversion(result.to_dict()["conversion"]))
    _counts("value", [*rows, whole], result)


def _trend(result: FunnelResult) -> None:
    rows = [
        (row["period"], *row["n"], *_conversion(row), "not yet over" if row["complete"] is False else "")
        for row in result.parts.periods
    ]
    _counts(str(result.parts.trend), rows, result, "")


def _counts(label: str, rows: list[tuple[object, ...]], result: FunnelResult, *more: str) -> None:
    numeric = range(1, len(result.steps) + 3)
    print_table((label, *result.steps, "conversion", "95%", *more), rows, numeric=list(numeric))


def _conversion(row: dict[str, Any]) -> tuple[str, str]:
    return percent(row.get("conversion", row.get("rate"))), interval(row["interval"])


def _times(result: FunnelResult) -> None:
    rows = [(row["bin"], row["n"], percent(row["share"])) for row in result.time_to_convert["distribution"]]
    print_table(("first step to last", "n", "share"), rows, numeric=(1, 2))
    between = [
        (row["source"], row["target"], row["n"], row["median_seconds"], row["p90_seconds"])
        for row in result.time_between
    ]
    if between:
        typer.echo()
        print_table(("from", "to", "n", "median s", "90% s"), between, numeric=(2, 3, 4))


def _instead(result: FunnelResult) -> None:
    rows = [
        (row["event"], row["n"], to["event"], to["n"], percent(to["share"]))
        for row in result.instead
        for to in row["next"]
    ]
    print_table(("reached, no further", "stopped", "then", "n", "share"), rows, numeric=(1, 3, 4))


_TABLES: dict[str, Callable[[FunnelResult], None]] = {
    "steps": _steps,
    "by": _by,
    "trend": _trend,
    "times": _times,
    "instead": _instead,
}
