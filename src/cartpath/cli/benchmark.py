"""Commands that compare models under published protocols: benchmark next-item."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cartpath.cli.application import app, command
from cartpath.cli.models import Seed, training_progress
from cartpath.cli.options import Json
from cartpath.cli.output import print_json, print_table, say

group = typer.Typer(no_args_is_help=True, help="Compare models with strong baselines under published protocols.")
app.add_typer(group, name="benchmark")

#: Columns of the printed table: name in the result, and header.
_SESSIONS = (("Recall@20", "Recall@20"), ("MRR@20", "MRR@20"))
_TOLD = "_with_target_time"
_ALL = (("HR@10", "HR@10"), ("NDCG@10", "NDCG@10"))


@command("next-item", group)
def next_item(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="Sequences, sessions or a table of events; or a folder, or a shop.")
    ],
    protocol: Annotated[
        str, typer.Option(metavar="NAME", help="leave-one-out, time-split, session-positions or session-last.")
    ] = "leave-one-out",
    filter_seen: Annotated[bool, typer.Option("--filter-seen", help="Items of the path are no candidates.")] = False,
    models: Annotated[
        list[str] | None, typer.Option(metavar="A,B", help="Models to compare; all by default. May be repeated.")
    ] = None,
    items: Annotated[
        list[str] | None, typer.Option(metavar="FILE", help="Titles, categories, attributes of items; may be repeated.")
    ] = None,
    event: Annotated[
        str | None, typer.Option(metavar="A,B", help="Events whose items are asked for: view,add_to_cart,purchase.")
    ] = None,
    preset: Annotated[str, typer.Option(metavar="NAME", help="Size of networks: tiny, small, base, large.")] = "base",
    budget_seconds: Annotated[
        float | None, typer.Option(min=1, metavar="N", help="Longest time to train a network, in seconds.")
    ] = None,
    seed: Seed = 0,
    out: Annotated[str | None, typer.Option(metavar="FOLDER", help="Where results are kept; the user's cache.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Run anew what is finished.")] = False,
    with_target_time: Annotated[
        bool, typer.Option("--with-target-time", help="Judge again with the time of the answer told.")
    ] = False,
    refit: Annotated[
        bool | None,
        typer.Option(
            "--refit/--no-refit",
            help="Learn from validation too, once all is chosen; by default where files set the test apart.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Fit next-item models on a file and judge them on what they have not seen.

    Settings are chosen on validation questions, and the test questions are asked once. Every run is kept: a second
    command with the same data, settings and code takes what is finished.
    """
    from cartpath.training.next_item.runner import Request, default_folder, parsed_models
    from cartpath.training.next_item.source import open_source
    from cartpath.training.next_item.table import benchmark

    request = Request(
        protocol=protocol,
        models=parsed_models(models or []),
        filter_seen=filter_seen,
        events=None if event is None else parsed_models([event]),
        preset=preset,
        budget_seconds=budget_seconds,
        seed=seed,
        fresh=fresh,
        with_target_time=with_target_time,
        refit=refit,
    )
    request.check()
    folder = Path(out) if out else default_folder()
    with training_progress("benchmark") as told:
        told(f"reading {file}", 0.0)
        source = open_source(file, [Path(name) for name in items or []])
        result = benchmark(source, request, folder, told)
    for text in source.told:
        say(f"note: {text}")
    say(f"results are kept in {folder}")
    if as_json:
        print_json(result)
    else:
        _print(result)
    _end(result)


def _print(result: dict[str, Any]) -> None:
    """Print the models, the best first, and how they compare."""
    seen = "seen filtered" if result["filter_seen"] else "seen not filtered"
    typer.echo(
        f"{result['file']}: {result['layout']}; {result['users']:,} users, {result['items']:,} items\n"
        f"{result['protocol']}, {seen}: {result['questions']:,} questions, {result['valid_questions']:,} for validation"
        + (f"; {result['left_out']:,} left out (too little before them)" if result["left_out"] else "")
        + ("\nonce all was chosen, every model learned from validation too (--no-refit)" if result["refit"] else "")
        + "\n"
    )
    columns = [*_ALL, *(_SESSIONS if result["protocol"].startswith("session") else ())]
    columns += [(f"NDCG@10{_TOLD}", "NDCG@10 time told")] if any(_timed(row) for row in result["results"]) else []
    done = sorted((r for r in result["results"] if r["status"] == "done"), key=lambda row: -row["NDCG@10"])
    rows = [
        [
            row["model"],
            *(_figure(row.get(name)) for name, _ in columns),
            _interval(row["ci"]),
            *(row[name] for name in ("seconds", "peak_mb", "epochs")),
        ]
        for row in done
    ]
    headers = ["model", *(header for _, header in columns), "95% of NDCG@10", "seconds", "peak MB", "epochs"]
    print_table(headers, rows, numeric=range(1, len(headers)))
    if result["paired"]:
        typer.echo("\npaired, over users:")
        print_table(
            ("a", "b", "metric", "a - b", "95%", "p"),
            [
                [row["a"], row["b"], row["metric"], _figure(row["difference"]), _interval(row["ci"]), row["p"]]
                for row in result["paired"]
            ],
            numeric=(3, 4, 5),
        )


def _timed(row: dict[str, Any]) -> bool:
    return f"NDCG@10{_TOLD}" in row


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _interval(ends: list[float] | None) -> str:
    return (
        "-" if ends is None else f"{ends[0]:.4f}-{ends[1]:.4f}" if ends[0] >= 0 else f"{ends[0]:.4f} to {ends[1]:.4f}"
    )


def _end(result: dict[str, Any]) -> None:
    """Tell what failed, and end with 2 if all of it is input that can be mended, else with 1."""
    failed = [row for row in result["results"] if row["status"] == "failed"]
    for row in failed:
        say(f"error: {row['model']} failed: {row['reason']}")
    if failed:
        raise typer.Exit(2 if all(row["is_input"] for row in failed) else 1)
