"""What evaluate asks and prints about intent alone: groups, the profit of a coupon, figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from cartpath.cli.output import print_table
from cartpath.schema import CartpathError

By = Annotated[
    str | None,
    typer.Option(metavar="A,B", help="Intent: figures by channel, device, country, returning ... at the middle step."),
]
Value = Annotated[
    float | None, typer.Option(metavar="X", help="Intent: what a purchase is worth that a coupon brings about.")
]
Cost = Annotated[float | None, typer.Option(metavar="Y", help="Intent: what a coupon costs, whoever gets it.")]
Uplift = Annotated[
    float | None,
    typer.Option(metavar="SHARE", help="Assumed share of the purchases that the coupon brings about, 1 by default."),
]
Figures = Annotated[
    str | None, typer.Option(metavar="FOLDER", help="Intent: write models by step, reliability and profit as HTML.")
]


def words(text: str | None) -> tuple[str, ...]:
    """Read names with commas between.

    Examples
    --------
    >>> words("channel, device"), words(None)
    (('channel', 'device'), ())
    """
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


def check_of_intent(task: str, given: Mapping[str, Any]) -> None:
    """Refuse what only intent has where another task is judged, before that takes its time."""
    wrong = next(iter(given), None)
    if wrong is not None and task not in ("all", "intent"):
        raise CartpathError(f"--{wrong.replace('_', '-')} means nothing to the task {task}", "judge --task intent")
    if "uplift" in given and "value" not in given:
        raise CartpathError("--uplift is of a coupon", "say what it brings and costs too: --value X --cost Y")


def tell_figures(result: dict[str, Any], folder: str) -> None:
    """Write the figures, and say where on standard error."""
    from cartpath.shop.judged_figures import write_judged

    for path in write_judged(result, folder):
        typer.echo(f"wrote {path}", err=True)


def print_intent(result: dict[str, Any]) -> None:
    """Print a row for each model at each step."""
    typer.echo(
        f"Will a {result['target']} follow? {result['slice']} slice, {result['n']:,} questions,"
        f" {result['positives']:,} positive. Best by the calibration slice: {result['best']}."
    )
    shown = ("auc", "ap", "log_loss", "ece", "precision", "recall", "f1", "accuracy")
    rows = [
        [row["k"], row["model"], row.get("n"), row.get("positives"), *(row.get(name) for name in shown)]
        for row in result["results"]
    ]
    print_table(("k", "model", "n", "positives", *shown), rows, numeric=tuple(range(2, 12)))
    for row in result["results"]:
        if "error" in row and row["k"] == result["k"]:
            typer.echo(f"{row['model']} failed: {row['error']}", err=True)
    _print_groups(result.get("groups", []))
    if "profit" in result:
        _print_profit(result["profit"])


def _print_groups(groups: list[dict[str, Any]]) -> None:
    """Print a row for each group and model."""
    if not groups:
        return
    typer.echo(f"\nBy group, at step {groups[0]['k']}:")
    shown = ("n", "positives", "rate", "predicted", "auc", "log_loss", "ece")
    rows = [
        [row["by"], row["group"], row["model"], *(row[name] for name in shown), row["note"] or ""] for row in groups
    ]
    print_table(("by", "group", "model", *shown, ""), rows, numeric=tuple(range(3, 10)))


def _print_profit(profit: dict[str, Any]) -> None:
    """Print what coupons bring by each model, and by giving everybody one."""
    typer.echo(
        f"\nCoupons at step {profit['k']}, of {profit['n']:,} sessions: a purchase brings {profit['value']:,.6g} x"
        f" {profit['uplift']:.4g}, a coupon costs {profit['cost']:,.6g}; threshold from the"
        f" {profit['chosen_on']} slice.\n{profit['assumption']}."
    )
    rows = []
    for one in profit["models"]:
        chosen, everybody = one["chosen"], one["everybody"]
        ends = f"{chosen['total']['low']:,.4g} to {chosen['total']['high']:,.4g}"
        shown = "nobody" if one["threshold"] is None else f"{one['threshold']:.4f}"
        rows.append(
            [one["model"], shown, chosen["treated"], chosen["positives"], chosen["total"]["value"], ends,
             everybody["total"]["value"]]
        )  # fmt: skip
    headers = ("model", "from", "coupons", "buyers", "profit", "95%", "everybody")
    print_table(headers, rows, numeric=(1, 2, 3, 4, 5, 6))
