"""Commands that keep a shop's models up to date: feedback, refresh, versions, rollback."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cartpath.cli.application import command
from cartpath.cli.models import Epochs, Minutes, Seed, TrainUntil, training_progress
from cartpath.cli.options import Json, Workspace
from cartpath.cli.output import interval, percent, print_json, print_record, print_table, say, warn


@command()
def feedback(
    shop: Workspace,
    source: Annotated[
        str | None,
        typer.Option(
            "--in", metavar="FILE", help="Take clicks and purchases from JSON lines first; - is standard input."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Count what was recommended and what came of it, by policy."""
    from cartpath import shop as shops

    opened = shops.open(shop)
    if source is not None:
        taken = opened.take_feedback(source)
        say("taken: " + ", ".join(f"{n:,} {name.replace('_', ' ')}" for name, n in taken.items()))
    found = opened.feedback()
    if as_json:
        print_json(found)
        return
    typer.echo(f"{found['slates']:,} slates of {found['items']:,} items; {found['given']:,} pieces of feedback: " + (
        ", ".join(f"{n:,} {name.replace('_', ' ')}" for name, n in found["outcomes"].items())
    ))  # fmt: skip
    rows = [_policy_row(policy) for policy in found["policies"]]
    if rows:
        headers = ("policy", "slates", "clicked", "click-through", "95%", "purchased", "conversion", "95%")
        print_table(headers, rows, numeric=range(1, 8))


def _policy_row(policy: dict[str, Any]) -> list[Any]:
    row = [policy["policy"], policy["slates"]]
    for count, name in (("clicked", "click_through"), ("purchased", "conversion")):
        rate = policy[name]
        ends = None if rate["low"] is None else (rate["low"], rate["high"])
        row += [policy[count], percent(rate["rate"]), interval(ends)]
    return row


@command()
def refresh(
    shop: Workspace,
    train_until: TrainUntil = None,
    margin: Annotated[
        float, typer.Option(min=0.0, metavar="X", help="NDCG@20 that a new model may be worse by, at most.")
    ] = 0.01,
    epochs: Epochs = None,
    minutes: Minutes = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Train the behaviour model on with new events; promote it if it is not worse on the newest ones."""
    from cartpath import shop as shops

    with training_progress("refresh") as told:
        result = shops.open(shop).refresh(
            train_until=train_until, margin=margin, epochs=epochs, minutes=minutes, seed=seed, progress=told
        )
    if as_json:
        print_json(result)
        return
    print_record(result)
    if "test" in result:
        test = result["test"]
        typer.echo(f"\nNDCG@20 of {test['n']:,} questions of {test['users']:,} users in the newest slice:")
        rows = [(name, *(test[name][end] for end in ("value", "low", "high"))) for name in ("running", "candidate")]
        rows.append(("difference", test["difference"], test["low"], test["high"]))
        print_table(("model", "mean", "low", "high"), rows, numeric=(1, 2, 3))
    _tell_stale(result)


@command()
def versions(
    shop: Workspace,
    artefact: Annotated[
        str | None, typer.Option("--of", metavar="NAME", help="Of one model; of all by default.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List the versions of the models, and which of each is current."""
    from cartpath import shop as shops

    found = shops.open(shop).versions(artefact)
    if as_json:
        print_json({"versions": found})
        return
    rows = [
        (
            version["artefact"],
            version["version"],
            "current" if version["current"] else "",
            version["made"],
            version["learned_until"],
            ", ".join(f"{name} {value:,.4g}" for name, value in version["figures"].items()),
        )
        for version in found
    ]
    print_table(("model", "version", "", "made", "learned until", "figures"), rows)


@command()
def rollback(
    shop: Workspace,
    artefact: Annotated[str, typer.Argument(metavar="MODEL", help="Its name, as versions lists it.")],
    to: Annotated[
        str | None, typer.Option(metavar="VERSION", help="By default the one made before the current one.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make an earlier version of a model the current one; a running service takes it up."""
    from cartpath import shop as shops

    result = shops.open(shop).rollback(artefact, to)
    if as_json:
        print_json(result)
        return
    print_record(result)
    _tell_stale(result)


def _tell_stale(result: dict[str, Any]) -> None:
    if result.get("refitted"):
        say(f"fitted anew for it: {', '.join(result['refitted'])}")
    stale = [name for name in result["out_of_date"] if name != "recommender"]
    if "recommender" in result["out_of_date"]:
        say("the blend of recommendations is of another version of the behaviour model: chosen anew when next asked")
    if stale:
        named = ", ".join(stale)
        warn([f"made from another version of the behaviour model: {named}; fit them again: cartpath finetune SHOP"])
