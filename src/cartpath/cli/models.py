"""Commands about models: pretrain, finetune, evaluate, recommend."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from cartpath.cli.application import command
from cartpath.cli.options import Json, Workspace
from cartpath.cli.output import print_json, print_record, print_table, progress

Epochs = Annotated[int | None, typer.Option(min=1, help="Passes over the training data.")]
Minutes = Annotated[float | None, typer.Option(min=0.01, help="Longest time to train.")]
Seed = Annotated[int, typer.Option(min=0, help="Of all that is random.")]
Fresh = Annotated[bool, typer.Option("--fresh", help="Start anew instead of going on from the last checkpoint.")]
Task = Annotated[str, typer.Option(metavar="NAME", help="What is predicted: intent (a purchase later in the session).")]


@contextmanager
def training_progress(label: str) -> Iterator[Callable[[str, float], None]]:
    """Show training's messages and share on a bar."""
    with progress(label) as advance:
        yield lambda message, share: advance(share, 1.0, f"{label}: {message}")


@command()
def pretrain(
    shop: Workspace,
    epochs: Epochs = None,
    minutes: Minutes = None,
    seed: Seed = 0,
    fresh: Fresh = False,
    as_json: Json = False,
) -> None:
    """Pretrain the behaviour model on what shoppers do next."""
    from cartpath import shop as shops

    with training_progress("pretrain") as told:
        result = shops.open(shop).pretrain(epochs=epochs, minutes=minutes, seed=seed, resume=not fresh, progress=told)
    print_result(result, as_json)


@command()
def finetune(
    shop: Workspace,
    task: Task = "intent",
    epochs: Epochs = None,
    minutes: Minutes = None,
    seed: Seed = 0,
    fresh: Fresh = False,
    as_json: Json = False,
) -> None:
    """Fine-tune the behaviour model for a task.

    LightGBM on counts and the base rate are trained beside it, on the same sessions.
    """
    from cartpath import shop as shops

    with training_progress("finetune") as told:
        result = shops.open(shop).finetune(
            task, epochs=epochs, minutes=minutes, seed=seed, resume=not fresh, progress=told
        )
    print_result(result, as_json)


@command()
def evaluate(
    shop: Workspace,
    task: Annotated[str, typer.Option(metavar="NAME", help="intent, next_item (recommendations), or all.")] = "all",
    part: Annotated[str, typer.Option("--slice", metavar="NAME", help="validation or test.")] = "validation",
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Judge the models on a later slice of time."""
    from cartpath import shop as shops

    opened = shops.open(shop)
    with training_progress("evaluate") as told:
        result = opened.evaluate(task, part, seed, told)
    if as_json:
        print_json(result)
        return
    print_metrics(opened.metrics())


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
