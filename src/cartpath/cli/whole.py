"""Commands that do all of it: run, report, demo."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cartpath.cli.application import command
from cartpath.cli.data import (
    AdapterName,
    Database,
    Impressions,
    Items,
    Layout,
    Map,
    Options,
    Query,
    Sources,
    Users,
    adapter_options,
    pairs,
)
from cartpath.cli.models import Epochs, Minutes, Seed, training_progress
from cartpath.cli.options import EngineName, Json, Workspace
from cartpath.cli.output import print_json, progress, say, warn
from cartpath.schema import CartpathError

if TYPE_CHECKING:
    from cartpath.shop import Shop, StepOutcome

Steps = Annotated[
    str | None, typer.Option(metavar="EVENT,EVENT,...", help="Steps of the funnel; else the usual way to an order.")
]
Within = Annotated[str | None, typer.Option(metavar="DURATION", help="Longest time through the funnel, such as 7d.")]

#: The demo's shop: enough for every model to learn something, small enough for two cores.
DEMO_USERS, DEMO_DAYS, DEMO_SEED = 6_000, 60, 7


@command()
def run(
    shop: Workspace,
    adapter: AdapterName,
    sources: Sources = None,
    database: Database = None,
    query: Query = None,
    mapping: Map = None,
    items: Items = None,
    users: Users = None,
    impressions: Impressions = False,
    layout: Layout = None,
    option: Options = None,
    steps: Steps = None,
    within: Within = None,
    epochs: Epochs = None,
    minutes: Minutes = None,
    seed: Seed = 0,
    engine: EngineName = None,
    as_json: Json = False,
) -> None:
    """Do everything in order, resumable.

    Ingest, analyse, pretrain, finetune, evaluate, recommend, report. The workspace is made if it is not there. A step
    is skipped while nothing that it depends on has changed, so a run that was cut goes on where it was.
    """
    outcomes = run_everything(
        opened_or_made(shop, engine),
        sources or [],
        adapter,
        database=database,
        query=query,
        mapping=pairs(mapping, "--map canonical=column"),
        items=items,
        users=users,
        options=adapter_options(impressions, layout, option),
        steps=steps,
        within=within,
        epochs=epochs,
        minutes=minutes,
        seed=seed,
    )
    if as_json:
        print_json({"steps": [outcome.to_dict() for outcome in outcomes]})
    else:
        typer.echo(outcomes[-1].result.get("report", ""))
    failed = [outcome.name for outcome in outcomes if outcome.state == "failed"]
    if failed:
        raise CartpathError(f"these steps failed: {', '.join(failed)}", "the notes above say why; the rest is done")


@command()
def report(
    shop: Workspace,
    steps: Steps = None,
    within: Within = None,
    engine: EngineName = None,
    as_json: Json = False,
) -> None:
    """Write the report, one HTML file."""
    from cartpath import shop as shops

    opened = shops.open(shop, engine)
    warn(opened.warnings())
    path = opened.report(steps, within)
    print_json({"report": str(path)}) if as_json else typer.echo(str(path))


@command()
def demo(
    folder: Annotated[str, typer.Argument(metavar="[DIR]", help="Folder of the demo shop.")] = "demo-shop",
    users: Annotated[int, typer.Option(min=1, help="Simulated shoppers.")] = DEMO_USERS,
    days: Annotated[int, typer.Option(min=1, help="Simulated days.")] = DEMO_DAYS,
    seed: Seed = DEMO_SEED,
    epochs: Epochs = None,
    minutes: Minutes = None,
) -> None:
    """Simulate a shop and do everything with it.

    The report's path is printed last.
    """
    from cartpath.simulate import simulate

    log = Path(folder) / "simulated"
    shop = opened_or_made(folder)
    asked = {"users": users, "days": days, "seed": seed}
    if not _simulated(log, asked):
        say(f"simulate: {users:,} shoppers over {days} days")
        with progress("simulate") as advance:
            summary = simulate(log, users, days, seed, progress=advance)
        say(f"simulate: {summary.rows:,} events in {summary.seconds:.1f} s")
    outcomes = run_everything(
        shop,
        [str(log / "events.parquet")],
        "cartpath",
        items=str(log / "items.parquet"),
        users=str(log / "users.parquet"),
        within="7d",
        epochs=epochs,
        minutes=minutes,
        seed=seed,
    )
    bad = [outcome for outcome in outcomes if not outcome.good]
    typer.echo(outcomes[-1].result.get("report", ""))
    if any(outcome.state != "missing" and outcome.state != "waiting" for outcome in bad):
        raise CartpathError(f"these steps failed: {', '.join(outcome.name for outcome in bad)}")


def _simulated(log: Path, asked: dict[str, int]) -> bool:
    """Tell whether the log is there already; one of other settings must not be mixed in."""
    try:
        truth = json.loads((log / "truth.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return False
    if any(truth["asked"][name] != value for name, value in asked.items()):
        raise CartpathError(f"{log} was simulated with other settings", "choose another folder for this demo")
    return True


def opened_or_made(path: str, engine: str | None = None) -> Shop:
    """Open a workspace, or make one where there is nothing yet."""
    from cartpath import config, store
    from cartpath import shop as shops

    folder = Path(path)
    if not (folder / config.FILE_NAME).exists() or not (folder / "store" / "manifest.json").exists():
        store.init(folder)
        say(f"made the workspace {folder}")
    return shops.open(folder, engine)


def run_everything(shop: Shop, sources: list[str], adapter: str, **settings: Any) -> list[StepOutcome]:
    """Run all steps and tell of each when it begins and how it ends."""
    return shop.run(
        sources,
        adapter,
        begin=lambda name: say(f"{name}: …"),
        end=_tell,
        progress_for=_progress_for,
        **settings,
    )


def _tell(outcome: StepOutcome) -> None:
    words = {
        "done": f"done in {outcome.seconds:.1f} s",
        "unchanged": f"unchanged {outcome.note}",
        "failed": f"failed after {outcome.seconds:.1f} s: {outcome.note}",
        "missing": f"left out: {outcome.note}",
        "waiting": f"left out: {outcome.note}",
    }
    say(f"{outcome.name}: {words[outcome.state]}")


@contextmanager
def _progress_for(name: str) -> Iterator[Callable[..., Any]]:
    shown = progress(name) if name == "ingest" else training_progress(name)
    with shown as advance:
        yield advance
