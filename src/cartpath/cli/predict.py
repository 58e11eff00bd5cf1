"""The command that scores: predict."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cartpath.cli.application import command
from cartpath.cli.data import Impressions, Items, Layout, Map, Options, adapter_options, pairs, print_reasons
from cartpath.cli.models import Task, training_progress
from cartpath.cli.options import Json, Workspace
from cartpath.cli.output import destination, print_json, print_record, warn
from cartpath.schema import CartpathError

Out = Annotated[str, typer.Option("--out", metavar="FILE", help="What is written: .parquet or .csv.")]
Users = Annotated[
    str | None,
    typer.Option(metavar="FILE|all", help="Whom: ids, one a line or in a column user_id; all by default."),
]
On = Annotated[
    list[str] | None,
    typer.Option("--on", metavar="SOURCE", help="Files to score and not to store, as ingest reads them; repeat it."),
]
Adapter = Annotated[
    str | None, typer.Option("--adapter", metavar="NAME", help="--on: one of `cartpath adapters`, or a .py file.")
]
EveryEvent = Annotated[
    bool, typer.Option("--every-event", help="--on: a row an event; by default a row a session, at its latest event.")
]
At = Annotated[
    str | None,
    typer.Option(
        "--at", metavar="DATE", help="churn, spend, repeat: as of when; just after the last event by default."
    ),
]
Model = Annotated[
    str | None, typer.Option("--model", metavar="NAME", help="A fitted model; by default the best by calibration.")
]


Drivers = Annotated[
    int,
    typer.Option("--drivers", metavar="N", min=0, help="A last column: the N largest drivers of the score, as JSON."),
]


@command()
def predict(
    shop: Workspace,
    out: Out,
    task: Task = "intent",
    users: Users = None,
    at: At = None,
    on: On = None,
    adapter: Adapter = None,
    every_event: EveryEvent = False,
    mapping: Map = None,
    items: Items = None,
    impressions: Impressions = False,
    layout: Layout = None,
    option: Options = None,
    model: Model = None,
    drivers: Drivers = 0,
    as_json: Json = False,
) -> None:
    """Write what a task predicts of users; of intent also at each event of new files (--on)."""
    from cartpath import shop as shops

    path = destination(out)
    given = {"adapter": adapter, "every-event": every_event, "map": mapping, "items": items, "option": option}
    _check(task, on, users, {**given, "impressions": impressions, "format": layout})
    opened = shops.open(shop)
    reading: dict[str, Any] = {}
    if on:
        words, options = pairs(mapping, "--map canonical=column"), adapter_options(impressions, layout, option)
        reading = {"adapter": adapter, "mapping": words, "options": options, "items": items, "every_event": every_event}
    with training_progress("predict") as told:
        asked: dict[str, Any] = {"model": model, "drivers": drivers, "at": at, "progress": told}
        result = opened.predict(path, task, users=users or "all", on=on or (), **asked, **reading)
    _warn(shop, out, result)
    if as_json:
        print_json(result)
        return
    print_record({**result, **{f"source_{name}": n for name, n in result.get("source", {}).items()}})
    print_reasons(result.get("source", {}).get("reasons") or {})


def _check(task: str, on: list[str] | None, users: str | None, of_source: dict[str, Any]) -> None:
    if on and task != "intent":
        raise CartpathError("--on scores the events of new files for intent", "leave --task out")
    if on and users is not None:
        raise CartpathError("--on scores the users of its files", "leave --users out")
    if on and of_source["adapter"] is None:
        raise CartpathError("no adapter named", "say how the files of --on are written: --adapter NAME")
    wrong = next((name for name, value in of_source.items() if value), None)
    if not on and wrong is not None:
        raise CartpathError(f"--{wrong} is for new files", "name them: --on SOURCE")


def _warn(shop: str, out: str, result: dict[str, Any]) -> None:
    warn(result.get("warnings", []))
    if Path(out).resolve().is_relative_to(Path(shop).resolve()):
        warn([f"{out} lies in the workspace, and an erasure (cartpath forget) does not know of it"])
    if result["users_unknown"] and "source" not in result:
        warn([f"{result['users_unknown']:,} of the users asked for are not in the shop"])
    if result.get("users_not_asked"):
        warn([f"{result['users_not_asked']:,} of the users asked for were not active in the way that is asked about"])
    cut = result.get("source", {}).get("truncated", [])
    warn([f"{file['file']} ends early: {file['why']}; what came before is scored" for file in cut])
