"""Two segments compared on a view."""

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
from cartpath.cli.output import deliver, percent, print_table, warn

VIEWS = (
    *("status", "funnel", "flow", "step-view", "variants", "attribution"),
    *("retention", "lifecycle", "repurchase", "time-to-purchase", "drivers"),
)
#: Parameters that are handed on.
_ASKED = (
    *("steps", "within", "order", "exclude", "hold", "node", "across_sessions", "collapse", "max_length"),
    *("start", "end", "back", "goal", "event", "cohort", "mode", "period", "of", "models", "lookback", "follow"),
    *("periods", "unit", "same", "reset", "min_support", "min_conversions"),
    *("correction", "alpha", "min_users", "count", "since", "until", "where", "segment", "time_zone"),
)
Text = str | None


def _of(views: str, words: str, metavar: str, *names: str) -> Any:
    """Return an option of some views, as their own commands have it."""
    return typer.Option(*names, metavar=metavar, help=f"{views}: {words}")


@command()
def compare(
    shop: Workspace,
    view: Annotated[str, typer.Argument(metavar="VIEW", help=f"What to compare on: {', '.join(VIEWS)}.")],
    a: Annotated[str, typer.Argument(metavar="A", help="A segment: a name or an expression.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Another.")],
    steps: Annotated[
        Text,
        _of(
            "funnel", "events in order, by default the usual way to an order; step-view: how many steps", "EVENT,...|N"
        ),
    ] = None,
    within: Annotated[Text, _of("funnel", "longest time; drivers: the window", "DURATION")] = None,
    order: Annotated[Text, _of("funnel", "order of the steps", "loose|strict|any")] = None,
    exclude: Annotated[Text, _of("funnel, drivers", "events that may not be", "EVENT,...")] = None,
    hold: Annotated[Text, _of("funnel", "the same at all steps", "PROPERTY")] = None,
    node: Annotated[Text, _of("flow, step-view, variants", "what a node is", "PROPERTY")] = None,
    across_sessions: Annotated[
        bool, typer.Option("--across-sessions", help="flow, variants: follow users through all their sessions.")
    ] = False,
    collapse: Annotated[
        bool, typer.Option("--collapse", help="step-view, variants: take what follows itself for one.")
    ] = False,
    max_length: Annotated[int | None, typer.Option(min=1, help="variants: cut paths after so many elements.")] = None,
    start: Annotated[Text, _of("step-view, retention, time-to-purchase", "where it begins", "EVENT")] = None,
    end: Annotated[Text, _of("step-view", "look backwards from it", "EVENT")] = None,
    back: Annotated[Text, _of("retention", "what is a return", "EVENT", "--return")] = None,
    goal: Annotated[Text, _of("attribution, time-to-purchase, drivers", "what converts", "EVENT")] = None,
    event: Annotated[Text, _of("lifecycle", "what makes a user active", "EVENT")] = None,
    cohort: Annotated[Text, _of("retention", "in which period users started", "day|week|month")] = None,
    mode: Annotated[Text, _of("retention", "in that very period, or later too", "classic|unbounded")] = None,
    period: Annotated[Text, _of("lifecycle", "what a period is", "day|week|month")] = None,
    of: Annotated[Text, _of("attribution, drivers", "what is credited, what is compared", "PROPERTY")] = None,
    models: Annotated[Text, _of("attribution", "one model", "first|last|last_non_direct")] = None,
    lookback: Annotated[Text, _of("attribution", "how long before a touch counts", "DURATION")] = None,
    follow: Annotated[Text, _of("drivers", "how long conversion counts", "DURATION")] = None,
    periods: Annotated[int | None, typer.Option(min=1, help="retention: periods after the start.")] = None,
    unit: Annotated[Text, _of("variants", "what an element of a path is", "event|step")] = None,
    same: Annotated[Text, _of("repurchase", "between orders with the same", "PROPERTY")] = None,
    reset: Annotated[
        bool | None,
        typer.Option("--reset/--no-reset", help="attribution: whether a conversion spends the touches before it."),
    ] = None,
    min_support: Annotated[
        int | None, typer.Option(min=1, help="drivers: least users with it, and without it.")
    ] = None,
    min_conversions: Annotated[
        int | None, typer.Option(min=1, help="drivers: least users that convert, and that do not.")
    ] = None,
    correction: Annotated[
        str, typer.Option(metavar="auto|holm|bh|none", help="For many looks; auto: holm up to 20, bh beyond.")
    ] = "auto",
    alpha: Annotated[float, typer.Option(help="Level at which a difference is called significant.")] = 0.05,
    min_users: Annotated[int, typer.Option(min=0, help="Of many measures, leave out those with fewer users.")] = 10,
    count: Annotated[Text, typer.Option(metavar="users|sessions", help="What is counted.")] = None,
    since: Since = None,
    until: Until = None,
    where: Where = None,
    segment: SegmentName = None,
    time_zone: TimeZone = None,
    top: Annotated[int, typer.Option(min=1, help="Measures in the table; --json has all.")] = 25,
    engine: EngineName = None,
    csv: Csv = None,
    figure: FigureFile = None,
    as_json: Json = False,
) -> None:
    """Compare two segments on a view: difference, interval, effect size, test."""
    from cartpath import shop as shops

    asked: dict[str, Any] = dict(locals())
    opened = shops.open(shop, engine)
    warn(opened.warnings())
    analysis = opened.compare(view, a, b, **{name: asked[name] for name in _ASKED})
    warn(analysis.result.warnings)
    if deliver(analysis, as_json, csv, figure):
        return
    result = analysis.result
    for letter, group in (("A", result.pair.a), ("B", result.pair.b)):
        typer.echo(f"{letter}: {group.called}: {group.basis.users:,} users, {group.basis.sessions:,} sessions")
    typer.echo(f"{result.counting.sentence}; {result.sentence}")
    typer.echo()
    if not result.rows:
        typer.echo("nothing to compare: the warnings say why" if result.warnings else "nothing to compare")
        return
    headers = ("measure", "A", "B", "difference", "95%", "effect", "p", "adjusted", "")
    print_table(headers, [_row(row) for row in result.rows[:top]], numeric=(1, 2, 3, 4, 5, 6, 7))
    if len(result.rows) > top:
        typer.echo(f"{len(result.rows) - top:,} more measures: --top, --json")


def _row(row: dict[str, Any]) -> tuple[str, ...]:
    rate = row["kind"] == "rate"
    a, b = (
        "not reached" if row["kind"] == "survival" and row[g] is None and row[f"{g}_n"] else _number(row[g], rate)
        for g in ("a", "b")
    )
    ends = row["interval"]
    return (
        row["name"],
        a,
        b,
        _points(row["difference"], rate),
        "-" if ends is None else f"{_points(ends[0], rate)} to {_points(ends[1], rate)}",
        "-" if row["effect"] is None else f"{row['effect_name']} {row['effect']:.3f}",
        "-" if row["p"] is None else f"{row['p']:.2g}",
        "-" if row["p_adjusted"] is None else f"{row['p_adjusted']:.2g}",
        "significant" if row["significant"] else row["test"] if row["p"] is None else "",
    )


def _number(value: float | None, rate: bool) -> str:
    return "-" if value is None else percent(value) if rate else f"{value:,.4g}"


def _points(value: float | None, rate: bool) -> str:
    """Return a difference; of rates in percentage points."""
    if value is None:
        return "-"
    return f"{value * 100:+.2f}" if rate else f"{value:+,.4g}"
