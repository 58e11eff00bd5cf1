"""Commands about models: pretrain, finetune, recommend."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Annotated, Any

import typer

from cartpath.cli.application import command
from cartpath.cli.options import Json, Workspace
from cartpath.cli.output import destination, print_json, print_record, print_table, progress, warn
from cartpath.cli.question import ActiveWithin, Horizon, Of, OfEvent, Step, given
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
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A setting of the model, such as rank=8; may be repeated."),
]
Refit = Annotated[
    bool, typer.Option("--refit", help="Learn from training and validation together, once everything is chosen.")
]
Task = Annotated[
    str,
    typer.Option(
        metavar="NAME", help="What is predicted: intent (a purchase later in the session), churn, spend or repeat."
    ),
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
    horizon: Horizon = None,
    active_within: ActiveWithin = None,
    event: OfEvent = None,
    of: Of = None,
    step: Step = None,
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

    asked = given(horizon=horizon, active_within=active_within, event=event, of=of, step=step)
    named = {
        "learning_rate": learning_rate,
        "layer_decay": layer_decay,
        "warm_up": warm_up,
        "dropout": dropout,
        "weight_decay": weight_decay,
        "patience": patience,
        "positive_weight": positive_weight,
    }
    chosen = given(**named) | pairs(settings or ())
    with training_progress("finetune") as told:
        result = shops.open(shop).finetune(
            task,
            method=method,
            **asked,
            settings=chosen,
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
    if result.get("replaced"):
        warn([f"{task} is asked with {result['asked']} from now on, in place of {result['replaced']['asked']}"])
    print_result(result, as_json)


@command()
def recommend(
    shop: Workspace,
    user: Annotated[
        str | None, typer.Option(metavar="ID", help="One user's id; popular items where it is unknown.")
    ] = None,
    users: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|all", help="Many users: ids, one a line or in a column user_id, or all; with --out."
        ),
    ] = None,
    k: Annotated[int, typer.Option("--k", "-k", min=1, help="How many items each.")] = 10,
    out: Annotated[
        str | None, typer.Option(metavar="FILE", help="--users: what is written, .csv, .parquet or .jsonl.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Recommend items to a user, or write those of many users."""
    from cartpath import shop as shops

    if (user is None) == (users is None):
        raise CartpathError("whom to recommend to?", "name one user: --user ID, or many: --users all --out FILE")
    if (users is None) != (out is None):
        raise CartpathError("--users and --out go together", "for many users: --users all --out FILE")
    opened = shops.open(shop)
    if users is not None and out is not None:
        with training_progress("recommend") as told:
            result = opened.recommend_all(destination(out), users=users, k=k, progress=told)
        if result["users_unknown"]:
            warn([f"{result['users_unknown']:,} of the users asked for are not in the shop"])
        print_result(result, as_json)
        return
    items = opened.recommend(str(user), k)
    if as_json:
        print_json({"user_id": user, "items": items})
        return
    headers = ("item_id", "title", "score", "why")
    print_table(headers, [[item.get(name) for name in headers] for item in items], numeric=(2,))


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
