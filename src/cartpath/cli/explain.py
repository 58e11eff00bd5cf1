"""The command that says why: explain."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cartpath.cli.application import command
from cartpath.cli.models import Task
from cartpath.cli.options import Json, Workspace
from cartpath.cli.output import print_json, print_table
from cartpath.cli.predict import Model


@command()
def explain(
    shop: Workspace,
    user: Annotated[str, typer.Option(metavar="ID", help="The user's id.")],
    task: Task = "intent",
    model: Model = None,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="As of the latest event before it, in the shop's time zone; of all by default."
        ),
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="Drivers to tell, the largest first.")] = 10,
    as_json: Json = False,
) -> None:
    """Show what one user's score is made of: events or features, in log odds that add up to it."""
    from cartpath import shop as shops

    result = shops.open(shop).explain(user, task, model=model, at=at, top=top)
    if as_json:
        print_json(result)
        return
    typer.echo(
        f"{result['score']:.2%}: will a {result['target']} follow? User {user}, {result['event']} at {result['ts']},"
        f" step {result['step']} of the session; model {result['model']}."
    )
    if "log_odds" not in result:
        typer.echo(f"No model is asked: {result['method']}.")
        return
    rows = [_row(driver) for driver in result["drivers"]]
    if abs(result["others"]) > 0:
        rows.append(("all others", "", "", f"{result['others']:+.3f}"))
    print_table(("driver", "value", "when", "log odds"), rows, numeric=(3,))
    typer.echo(
        f"Before calibration: {result['baseline']:+.3f} where nothing is known; these make {result['log_odds']:+.3f}"
        f" (error {result['error']:+.1g}). {result['method']}."
    )


def _row(driver: dict[str, Any]) -> tuple[str, str, str, str]:
    contribution = f"{driver['contribution']:+.3f}"
    if driver["kind"] != "event":
        value = driver.get("value")
        shown = "unknown" if value is None else f"{value:,.6g}" if isinstance(value, float) else str(value)
        unit = driver.get("unit")
        shown = shown if unit in (None, "id", "flag") or value is None else f"{shown} {unit}"
        return driver["name"], "" if driver["kind"] == "path" else shown, "", contribution
    ago = driver["sessions_ago"]
    when = driver["ts"] if not ago else f"{driver['ts']}, {ago} session{'s' if ago > 1 else ''} ago"
    return driver["name"], str(driver.get("item_id") or driver.get("page") or ""), when, contribution
