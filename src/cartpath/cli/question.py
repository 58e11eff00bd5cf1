"""Options of what is asked of users at cut-offs, and how their results are printed."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cartpath.cli.output import print_table

#: Tasks whose results are printed here.
AT_CUTOFFS: tuple[str, ...] = ("churn", "spend", "repeat")

Horizon = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="How far an answer looks: 30d by default; of intent the session, or 24h, 7d ..."),
]
ActiveWithin = Annotated[
    str | None,
    typer.Option("--active-within", metavar="TIME", help="churn, spend, repeat: whom; active so long before, or ever."),
]
OfEvent = Annotated[
    str | None,
    typer.Option(
        "--event",
        metavar="NAME",
        help="churn: whose absence, visit (any event) or purchase; spend: who did it, purchase by default.",
    ),
]
Of = Annotated[
    str | None,
    typer.Option("--of", metavar="NAME", help="repeat: item, category, category_1 ... or brand, bought again."),
]
Step = Annotated[
    str | None, typer.Option("--step", metavar="TIME", help="From one cut-off to the next; the horizon by default.")
]
_LABELS = ("auc", "ap", "log_loss", "ece", "precision", "recall", "f1", "accuracy")
_AMOUNTS = ("rmse", "mae", "r2", "spearman", "coverage", "interval_width", "mean", "mean_predicted")


def given(**options: Any) -> dict[str, Any]:
    """Return the options that were given.

    Examples
    --------
    >>> given(horizon="7d", of=None)
    {'horizon': '7d'}
    """
    return {name: value for name, value in options.items() if value is not None}


def print_users(result: dict[str, Any]) -> None:
    """Print a row for each model of a task of users at cut-offs."""
    asked = ", ".join(f"{name} {value}" for name, value in result["asked"].items() if value is not None)
    rows = "pairs" if result["task"] == "repeat" else "users at cut-offs"
    typer.echo(
        f"{result['task']} ({asked}): {result['slice']} slice, {result['n']:,} {rows}, {result['positives']:,}"
        f" {'who spent' if result['task'] == 'spend' else 'positive'}. Best by the calibration slice: {result['best']}."
    )
    shown = _AMOUNTS if result["task"] == "spend" else _LABELS
    table = [[row["model"], *(row.get(name) for name in shown)] for row in result["results"]]
    print_table(("model", *shown), table, numeric=tuple(range(1, len(shown) + 1)))
    for row in result["results"]:
        if "error" in row:
            typer.echo(f"{row['model']} failed: {row['error']}", err=True)
