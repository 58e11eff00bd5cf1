"""The command that searches a model's settings."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cartpath.cli.application import command
from cartpath.cli.models import (
    CalibrateUntil,
    Epochs,
    Fresh,
    Seed,
    Set,
    Task,
    TrainUntil,
    ValidUntil,
    training_progress,
)
from cartpath.cli.options import Json, Workspace
from cartpath.cli.output import print_json, print_table
from cartpath.cli.question import Horizon


@command()
def search(
    shop: Workspace,
    task: Task = "intent",
    model: Annotated[
        str, typer.Option(metavar="NAME", help="behaviour-METHOD, gru, lstm, transformer, lightgbm, logistic ...")
    ] = "behaviour-full",
    sampler: Annotated[str, typer.Option(metavar="NAME", help="tpe, random or grid.")] = "tpe",
    trials: Annotated[int, typer.Option(min=1, help="In all, those of earlier runs counted.")] = 20,
    pruner: Annotated[
        str, typer.Option(metavar="NAME", help="Ends hopeless trials early: median, hyperband or none.")
    ] = "median",
    over: Annotated[
        str | None, typer.Option(metavar="A,B", help="Settings to search; by default all that have a range.")
    ] = None,
    settings: Set = None,
    horizon: Horizon = "session",
    train_until: TrainUntil = None,
    valid_until: ValidUntil = None,
    calibrate_until: CalibrateUntil = None,
    epochs: Epochs = None,
    minutes: Annotated[
        float | None, typer.Option(min=0.01, help="Longest time; the next run goes on with the trial that it ends.")
    ] = None,
    seed: Seed = 0,
    fresh: Fresh = False,
    as_json: Json = False,
) -> None:
    """Search a model's settings on the validation slice; finetune and evaluate take the best from then on."""
    from cartpath import shop as shops
    from cartpath.training.setting import pairs

    with training_progress("search") as told:
        result = shops.open(shop).search(
            task,
            model=model,
            sampler=sampler,
            trials=trials,
            pruner=pruner,
            over=None if over is None else tuple(name.strip() for name in over.split(",") if name.strip()),
            settings=pairs(settings or ()),
            horizon=horizon,
            train_until=train_until,
            valid_until=valid_until,
            calibrate_until=calibrate_until,
            epochs=epochs,
            minutes=minutes,
            seed=seed,
            fresh=fresh,
            progress=told,
        )
    print_json(result) if as_json else print_search(result)


def print_search(result: dict[str, Any]) -> None:
    """Print a row for each trial, and the best."""
    names = list(dict.fromkeys(name for row in result["history"] for name in row["settings"]))
    rows = [
        [row["trial"], row["state"], row["loss"], row["seconds"], *(row["settings"].get(name) for name in names)]
        for row in result["history"]
    ]
    print_table(("trial", "state", "loss", "seconds", *names), rows, numeric=(0, *range(2, 4 + len(names))))
    for row in result["history"]:
        if "error" in row:
            typer.echo(f"trial {row['trial']} failed: {row['error']}", err=True)
    told = f"{result['trials']} trials, {result['pruned']} ended early, {result['failed']} failed."
    best = result["best"]
    if best is None:
        typer.echo(f"{told} None has ended well yet: run this again to go on.")
        return
    typer.echo(f"{told} Best: trial {best['trial']}, log loss {best['loss']:.5f} on validation.")
    if result["kept"]:
        typer.echo("finetune and evaluate take its settings from now on.")
    else:
        typer.echo("Another search of the same question found better, and its settings stay.")
