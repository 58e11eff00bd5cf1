"""Commands about models: pretrain, finetune, evaluate, recommend."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Annotated, Any

import typer

from cartpath.cli.application import command
from cartpath.cli.of_intent import (
    By,
    Cost,
    Figures,
    Uplift,
    Value,
    check_of_intent,
    print_intent,
    tell_figures,
    words,
)
from cartpath.cli.options import Json, Workspace
from cartpath.cli.output import print_json, print_record, print_table, progress
from cartpath.schema import CartpathError

#: Seconds between lines of progress, and how a message ends that must not be missed.
_EVERY, IGNORED = 30.0, "is ignored"
Epochs = Annotated[int | None, typer.Option(min=1, help="Passes over the training data.")]
Minutes = Annotated[float | None, typer.Option(min=0.01, help="Longest time to train.")]
Seed = Annotated[int, typer.Option(min=0, help="Of all that is random.")]
Fresh = Annotated[bool, typer.Option("--fresh", help="Start anew instead of going on from the last checkpoint.")]
TrainUntil = Annotated[
    str | None,
    typer.Option(
        metavar="DATE", help="Learn from nothing at or after it; a date is its midnight in the shop's time zone."
    ),
]
ValidUntil = Annotated[
    str | None, typer.Option(metavar="DATE", help="Choose by nothing at or after it; half of what is left by default.")
]
CalibrateUntil = Annotated[
    str | None,
    typer.Option(metavar="DATE", help="Calibrate on nothing at or after it: test begins there; the end by default."),
]
Task = Annotated[str, typer.Option(metavar="NAME", help="What is predicted: intent (a purchase later in the session).")]
Horizon = Annotated[
    str, typer.Option(metavar="TIME", help="Within which the purchase must follow: session, 24h, 7d ...")
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A setting of the model, such as rank=8; may be repeated."),
]
Refit = Annotated[
    bool, typer.Option("--refit", help="Learn from training and validation together, once everything is chosen.")
]


@contextmanager
def training_progress(label: str) -> Iterator[Callable[[str, float], None]]:
    """Show training's messages and share on a bar; a line every half minute where standard error is no terminal."""
    said = [time.monotonic()]

    def told(message: str, share: float) -> None:
        words = f"{label}: {message}"
        advance(share, 1.0, words)
        due = not sys.stderr.isatty() and time.monotonic() - said[0] >= _EVERY
        if due or message.endswith(IGNORED):
            typer.echo(f"{words} ({share:.0%} done)" if due else words, err=True)
            said[0] = time.monotonic()

    with progress(label) as advance:
        yield told


@command()
def pretrain(
    shop: Workspace,
    size: Annotated[
        str | None, typer.Option(metavar="NAME", help="tiny, small, base or large; by default what suits the log.")
    ] = None,
    backbone: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="A Transformers model, by name or folder, to go on from as the backbone."),
    ] = None,
    train_until: TrainUntil = None,
    epochs: Epochs = None,
    minutes: Minutes = None,
    seed: Seed = 0,
    resume: Annotated[
        bool,
        typer.Option("--resume/--fresh", help="Go on from the last checkpoint of the same training, or start anew."),
    ] = True,
    tracker: Annotated[
        str, typer.Option(metavar="NAME", help="Keep figures with none, tensorboard, mlflow or wandb, all offline.")
    ] = "none",
    batch_events: Annotated[
        int | None, typer.Option(min=1, help="Events of a batch, padding included; by default by the number of items.")
    ] = None,
    accumulate: Annotated[
        int, typer.Option(min=1, help="Work on a batch in so many parts: less memory, the same steps.")
    ] = 1,
    bf16: Annotated[bool, typer.Option("--bf16", help="Multiply in bfloat16.")] = False,
    as_json: Json = False,
) -> None:
    """Pretrain the behaviour model on what shoppers do next.

    Started by torchrun, several processes share each batch:
    torchrun --nproc-per-node 2 --no-python cartpath pretrain SHOP
    """
    from cartpath import shop as shops
    from cartpath.training.processes import is_first

    with training_progress("pretrain") if is_first() else nullcontext() as told:
        result = shops.open(shop).pretrain(
            size=size,
            backbone=backbone,
            train_until=train_until,
            epochs=epochs,
            minutes=minutes,
            seed=seed,
            resume=resume,
            tracker=tracker,
            tokens=batch_events,
            accumulate=accumulate,
            bf16=bf16,
            progress=told,
        )
    if is_first():
        print_result(result, as_json)


@command()
def finetune(
    shop: Workspace,
    task: Task = "intent",
    method: Annotated[
        str, typer.Option(metavar="NAME", help="What is trained: full, head, top, lora, adapter or prefix.")
    ] = "full",
    horizon: Horizon = "session",
    learning_rate: Annotated[
        float | None, typer.Option(metavar="X", help="Highest learning rate, of the head.")
    ] = None,
    layer_decay: Annotated[
        float | None, typer.Option(metavar="X", help="Of the rate, from each layer to the one below; 1 for none.")
    ] = None,
    warm_up: Annotated[
        float | None, typer.Option(metavar="SHARE", help="Of the training, over which the rate rises.")
    ] = None,
    dropout: Annotated[
        float | None, typer.Option(metavar="SHARE", help="Of activations in training; by default as pretrained.")
    ] = None,
    weight_decay: Annotated[float | None, typer.Option(metavar="X", help="Decoupled, of linear maps.")] = None,
    patience: Annotated[
        int | None, typer.Option(metavar="N", help="Epochs without a better validation loss before the end.")
    ] = None,
    positive_weight: Annotated[
        float | None, typer.Option(metavar="X", help="Of a positive in the loss; calibration takes it out again.")
    ] = None,
    settings: Set = None,
    searched: Annotated[
        bool,
        typer.Option("--searched/--unsearched", help="Settings not given: the best of a search, or the usual ones."),
    ] = True,
    refit: Refit = False,
    train_until: TrainUntil = None,
    valid_until: ValidUntil = None,
    calibrate_until: CalibrateUntil = None,
    epochs: Epochs = None,
    minutes: Minutes = None,
    seed: Seed = 0,
    fresh: Fresh = False,
    as_json: Json = False,
) -> None:
    """Fine-tune the pretrained behaviour model for a task, by a method."""
    from cartpath import shop as shops
    from cartpath.training.setting import pairs

    named = {
        "learning_rate": learning_rate,
        "layer_decay": layer_decay,
        "warm_up": warm_up,
        "dropout": dropout,
        "weight_decay": weight_decay,
        "patience": patience,
        "positive_weight": positive_weight,
    }
    given = {name: value for name, value in named.items() if value is not None} | pairs(settings or ())
    with training_progress("finetune") as told:
        result = shops.open(shop).finetune(
            task,
            method=method,
            horizon=horizon,
            settings=given,
            searched=searched,
            refit=refit,
            train_until=train_until,
            valid_until=valid_until,
            calibrate_until=calibrate_until,
            epochs=epochs,
            minutes=minutes,
            seed=seed,
            resume=not fresh,
            progress=told,
        )
    print_result(result, as_json)


@command()
def evaluate(
    shop: Workspace,
    task: Annotated[str, typer.Option(metavar="NAME", help="intent, next_item (recommendations), or all.")] = "all",
    models: Annotated[
        str | None,
        typer.Option(
            metavar="A,B", help="Intent models, or all; by default what is fitted, the base rate and LightGBM."
        ),
    ] = None,
    at_k: Annotated[
        str, typer.Option("--at-k", metavar="1,3", help="Steps of the session at which intent is asked.")
    ] = "1,3,5,10,20",
    part: Annotated[
        str | None,
        typer.Option("--slice", metavar="NAME", help="test or calibration; by default test where it has events."),
    ] = None,
    by: By = None,
    value: Value = None,
    cost: Cost = None,
    uplift: Uplift = 1.0,
    figures: Figures = None,
    seed: Seed = 0,
    refit: Refit = False,
    as_json: Json = False,
) -> None:
    """Judge the models on a later slice of time; intent models that are not fitted yet are fitted first."""
    from cartpath import shop as shops

    opened = shops.open(shop)
    asked = {"models": models, "at_k": numbers(at_k), "by": words(by), "value": value, "cost": cost, "uplift": uplift}
    check_of_intent(task, by, value, cost, figures)
    with training_progress("evaluate") as told:
        result = opened.evaluate(task, part, seed, told, refit=refit, **asked)
    if figures is not None:
        tell_figures(result["intent"], figures)
    if as_json:
        print_json(result if task == "all" else result[task])
        return
    if "intent" in result:
        print_intent(result["intent"])
    print_metrics([row for row in opened.metrics() if row["task"] != "intent" and task in ("all", row["task"])])


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


@command()
def recommend(
    shop: Workspace,
    user: Annotated[str, typer.Option(metavar="ID", help="The user's id; popular items where it is unknown.")],
    k: Annotated[int, typer.Option("--k", min=1, help="How many items.")] = 10,
    as_json: Json = False,
) -> None:
    """Recommend items to a user."""
    from cartpath import shop as shops

    items = shops.open(shop).recommend(user, k)
    if as_json:
        print_json({"user_id": user, "items": items})
        return
    headers = ("item_id", "title", "score", "why")
    print_table(headers, [[item.get(name) for name in headers] for item in items], numeric=(2,))


def print_metrics(rows: list[dict[str, Any]]) -> None:
    """Print every figure of every model, with its interval and its denominator."""
    print_table(
        ("task", "model", "metric", "value", "low", "high", "n", "slice"),
        [[row[c] for c in ("task", "model", "metric", "value", "low", "high", "n", "slice")] for row in rows],
        numeric=(3, 4, 5, 6),
    )


def print_result(result: dict[str, Any], as_json: bool) -> None:
    """Print a result as JSON or as a record."""
    if as_json:
        print_json(result)
        return
    print_record(result)
    for name, value in result.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            typer.echo(f"\n{name}:")
            headers = list(value[0])
            print_table(headers, [[row.get(h) for h in headers] for row in value])
