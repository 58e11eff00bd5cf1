"""The blend beside each part alone on a shop with a pretrained model: recommendations judged, as tables.

    python benchmarks/recommend/run.py WORKSPACE NAME [--slice calibration] [--keep]

Writes ``benchmarks/recommend/results/NAME.md``. The workspace's recommender is chosen anew, unless ``--keep`` is given;
use a copy of a workspace whose recommender is in use.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "src"))

from cartpath.models import current_version
from cartpath.recommend import evaluate_recommender, fit_recommender
from cartpath.recommend.fit import NAME
from cartpath.training.card import read_card

HERE = Path(__file__).resolve().parent
TASKS = {
    "next_item": "at the beginning of the slice, everybody",
    "next_item_known": "at the beginning, those with a history",
    "next_item_live": "in the middle of things",
}


def told(message: str, share: float) -> None:
    """Say how far it is."""
    print(f"{message} ({share:.0%})", file=sys.stderr, flush=True)


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("workspace", type=Path)
    arguments.add_argument("name")
    arguments.add_argument("--slice", default=None)
    arguments.add_argument("--keep", action="store_true")
    given = arguments.parse_args()
    spent = {}
    if not given.keep:
        began = time.monotonic()
        fit_recommender(given.workspace, progress=told)
        spent["fit"] = time.monotonic() - began
    card = read_card(current_version(given.workspace, NAME, ""))
    began = time.monotonic()
    found = evaluate_recommender(given.workspace, slice=given.slice, progress=told)
    spent["evaluate"] = time.monotonic() - began
    folder = HERE / "results"
    folder.mkdir(exist_ok=True)
    text = "\n".join([*heading(given.name, card, found, spent), *tables(found)])
    (folder / f"{given.name}.md").write_text(text + "\n", encoding="utf-8")
    print(text)


def heading(name: str, card: Any, found: dict[str, Any], spent: dict[str, float]) -> list[str]:
    seconds = ", ".join(f"{what} {value:.0f} s" for what, value in spent.items())
    tried = "; ".join(f"{row['blend']} {row['ndcg']:.4f} (p {row['p']:.4f})" for row in card["tried"])
    return [
        f"# Recommendations: {name}",
        "",
        f"`python benchmarks/recommend/run.py WORKSPACE {name} --slice {found['slice']}`, seed {found['seed']}."
        f" {os.cpu_count()} cores shared with other work, {platform.machine()}: {seconds}.",
        "",
        f"Blend: **{card['blend']}**, chosen on {card['n_choose']:,} questions of the validation slice; NDCG@20 of each"
        f" kind there, each user judged by what was fitted on others, and p against the best: {tried}."
        f" Left out: {found['excluded']}. Parts' settings: {card['settings']}.",
        f"Slices: {found['split']}; judged on {found['slice']}. 95% intervals over draws of users.",
    ]


def tables(found: dict[str, Any]) -> list[str]:
    lines: list[str] = []
    for task, words in TASKS.items():
        rows = [row for row in found["leaderboard"] if row["task"] == task]
        if not rows:
            continue
        lines += ["", f"## {words.capitalize()}: {rows[0]['n']:,} of {rows[0]['n_of']:,} users (`{task}`)", ""]
        lines += [
            "| method | Recall@20 | NDCG@20 | MRR@20 | blend's NDCG@20 less it | p |",
            "|---|---|---|---|---|---|",
        ]
        against = {row["against"]: row["ndcg_at_20"] for row in found["comparisons"] if row["task"] == task}
        for model in dict.fromkeys(row["model"] for row in rows):
            cells = [cell(next(r for r in rows if (r["model"], r["metric"]) == (model, m))) for m in metrics()]
            more = [interval(against[model]), f"{against[model]['p']:.4f}"] if model in against else ["", ""]
            lines.append(f"| {' | '.join([model, *cells, *more])} |")
    for task, words in TASKS.items():
        lines += of_task(found, task, words)
    return lines


def of_task(found: dict[str, Any], task: str, words: str) -> list[str]:
    lines: list[str] = []
    if adds := [row for row in found["adds"] if row["task"] == task]:
        lines += [
            "",
            f"## What each part adds to the blend's NDCG@20, {words}",
            "",
            "| part | adds | p |",
            "|---|---|---|",
        ]
        lines += [f"| {row['part']} | {interval(row)} | {row['p']:.4f} |" for row in adds]
    if lists := [row for row in found["lists"] if row["task"] == task]:
        lines += ["", f"## The lists, {words}", ""]
        lines += [
            "| method | coverage | Gini | novelty, bits | diversity | popularity over that of what was touched |",
            "|---|---|---|---|---|---|",
        ]
        lines += [
            f"| {row['model']} | {row['coverage']:.3f} | {row['concentration']:.3f} | {row['novelty_bits']:.2f} |"
            f" {'' if row['diversity'] is None else format(row['diversity'], '.3f')} | {row['popularity_lift']:.2f} |"
            for row in lists
        ]
    if parts := [row for row in found["segments"] if row["task"] == task]:
        lines += ["", f"## By segment, {words}", ""]
        lines += [
            f"| segment | users | blend's NDCG@20 | less {parts[0]['against']} popularity | p |",
            "|---|---|---|---|---|",
        ]
        lines += [
            f"| {row['segment']} {row['value']} | {row['n']:,} | {cell(row['ndcg_at_20'])} |"
            f" {interval(row['difference'])} | {row['difference']['p']:.4f} |"
            for row in parts
        ]
    return lines


def metrics() -> tuple[str, ...]:
    return ("recall_at_20", "ndcg_at_20", "mrr_at_20")


def cell(row: dict[str, Any]) -> str:
    return f"{row['value']:.4f} ({row['low']:.4f} to {row['high']:.4f})"


def interval(row: dict[str, Any]) -> str:
    return f"{row['difference']:+.4f} ({row['low']:+.4f} to {row['high']:+.4f})"


if __name__ == "__main__":
    main()
