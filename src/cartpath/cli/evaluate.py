"""The command that judges: evaluate."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cartpath.cli.application import command
from cartpath.cli.models import CalibrateUntil, Minutes, Refit, Seed, TrainUntil, ValidUntil, training_progress
from cartpath.cli.of_intent import By, Cost, Figures, Uplift, Value, check_of_intent, print_intent, tell_figures, words
from cartpath.cli.options import Json, Workspace
from cartpath.cli.output import print_json, print_table
from cartpath.cli.question import AT_CUTOFFS, ActiveWithin, Horizon, Of, OfEvent, Step, given, print_users
from cartpath.schema import CartpathError


@command()
def evaluate(
    shop: Workspace,
    task: Annotated[
        str, typer.Option(metavar="NAME", help="intent, churn, spend, repeat, next_item (recommendations), or all.")
    ] = "all",
    models: Annotated[
        str | None,
        typer.Option(
            metavar="A,B", help="Models of the task, or all; by default what is fitted, the base rate and LightGBM."
        ),
    ] = None,
    at_k: Annotated[
        str | None,
        typer.Option("--at-k", metavar="1,3", help="intent: steps of the session, 1,3,5,10,20 by default."),
    ] = None,
    horizon: Horizon = None,
    active_within: ActiveWithin = None,
    event: OfEvent = None,
    of: Of = None,
    step: Step = None,
    train_until: TrainUntil = None,
    valid_until: ValidUntil = None,
    calibrate_until: CalibrateUntil = None,
    minutes: Minutes = None,
    part: Annotated[
        str | None,
        typer.Option("--slice", metavar="NAME", help="test or calibration; by default test where it has events."),
    ] = None,
    by: By = None,
    value: Value = None,
    cost: Cost = None,
    uplift: Uplift = None,
    figures: Figures = None,
    seed: Seed = 0,
    refit: Refit = False,
    as_json: Json = False,
) -> None:
    """Judge the models on a later slice of time; models that are not fitted yet are fitted first."""
    from cartpath import shop as shops

    opened = shops.open(shop)
    steps = None if at_k is None else numbers(at_k)
    asked = given(horizon=horizon, active_within=active_within, event=event, of=of, step=step, minutes=minutes)
    asked |= given(train_until=train_until, valid_until=valid_until, calibrate_until=calibrate_until)
    if asked and task not in AT_CUTOFFS:
        raise CartpathError(
            f"--{next(iter(asked)).replace('_', '-')} is for {', '.join(AT_CUTOFFS)}",
            "name one: --task; what intent is asked is said to finetune",
        )
    of_intent = given(at_k=steps, by=words(by) or None, value=value, cost=cost, uplift=uplift, refit=refit or None)
    check_of_intent(task, of_intent | given(figures=figures))
    with training_progress("evaluate") as told:
        result = opened.evaluate(task, part, seed, told, **given(models=models), **of_intent, **asked)
    if figures is not None:
        tell_figures(result["intent"], figures)
    if as_json:
        print_json(result if task == "all" else result[task])
        return
    if "intent" in result:
        print_intent(result["intent"])
    for name in AT_CUTOFFS:
        if name in result:
            print_users(result[name])
    printed = ("intent", *AT_CUTOFFS)
    others = [row for row in opened.metrics() if row["task"] not in printed and task in ("all", row["task"])]
    if others:
        print_metrics(others)


def numbers(text: str) -> list[int]:
    """Read whole numbers with commas between.

    Raises
    ------
    CartpathError
        If one is none.

    Examples
    --------
    >>> numbers("1, 3,5")
    [1, 3, 5]
    """
    try:
        return [int(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise CartpathError(f"not whole numbers: {text!r}", "write them with commas between: 1,3,5") from None


def print_metrics(rows: list[dict[str, Any]]) -> None:
    """Print every figure of every model, with its interval and its denominator."""
    print_table(
        ("task", "model", "metric", "value", "low", "high", "n", "slice"),
        [[row[c] for c in ("task", "model", "metric", "value", "low", "high", "n", "slice")] for row in rows],
        numeric=(3, 4, 5, 6),
    )
