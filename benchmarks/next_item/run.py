"""Next-item models on public data, each under the protocol that papers use on it; tables.toml says which.

    python benchmarks/next_item/run.py                              # models that are not networks
    python benchmarks/next_item/run.py --models all --only beauty   # networks too: hours on two cores
    python benchmarks/next_item/run.py --models cartpath,ease --budget-seconds 3600 --preset base

It is ``cartpath benchmark next-item`` on the data sets in CARTPATH_DATA (../shared/data), its results kept in
bench-data/next_item: what is finished is not run again. Writes the tables into README.md, and figures, settings and
curves into results/NAME.json.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmarks.measure import DATA, machine, table, write_section
from cartpath import ingest, store
from cartpath.training.next_item import MODELS
from cartpath.training.next_item.runner import Request, parsed_models
from cartpath.training.next_item.source import Source, open_source
from cartpath.training.next_item.table import benchmark

HERE = Path(__file__).resolve().parent
FILES = Path(os.environ.get("CARTPATH_DATA") or ROOT.parent / "shared" / "data")
PACKAGES = ("numpy", "torch", "transformers")
Row = dict[str, Any]


def tables() -> list[Row]:
    """Return the tables of tables.toml in their order."""
    found: list[Row] = tomllib.loads((HERE / "tables.toml").read_text(encoding="utf-8"))["table"]
    return found


def source_of(asked: Row) -> Source:
    """Open the data of a table; an export is ingested into a shop first."""
    file = FILES / asked["file"]
    if "adapter" in asked:
        shop = DATA / "next_item" / f"shop-{asked['name']}"
        if not (shop / "done").exists():
            store.init(shop)
            ingest.ingest(shop, [str(file)], adapter=asked["adapter"])
            (shop / "done").touch()
        file = shop
    return open_source(file, [FILES / name for name in asked.get("items", [])])


def run(asked: Row, options: argparse.Namespace) -> Row:
    """Run the models of a table, or take what is finished."""
    request = Request(
        protocol=asked["protocol"],
        models=models_of(options.models),
        filter_seen=asked["filter_seen"],
        events=tuple(asked["events"]) if "events" in asked else None,
        preset=asked.get("preset", options.preset),
        budget_seconds=options.budget_seconds or asked.get("budget_seconds"),
        seed=options.seed,
        with_target_time=asked.get("with_target_time", False),
        settings=asked.get("settings", {}),
    )
    last = ""

    def told(message: str, share: float) -> None:
        nonlocal last
        if message != last:
            print(f"  {asked['name']} {share:4.0%} {message}", file=sys.stderr, flush=True)
        last = message

    return benchmark(source_of(asked), request, DATA / "next_item", told)


def models_of(names: str) -> tuple[str, ...]:
    if names == "quick":
        return tuple(name for name, recipe in MODELS.items() if not recipe.is_network)
    return tuple(MODELS) if names == "all" else parsed_models([names])


def section(asked: Row, result: Row) -> str:
    """Return a table's text: the models, the best first, with what they are compared by."""
    sessions = asked["protocol"].startswith("session")
    metrics = ["NDCG@10", "HR@10", *(("Recall@20", "MRR@20") if sessions else ())]
    told = any("NDCG@10_with_target_time" in row for row in result["results"])
    metrics += ["NDCG@10_with_target_time"] if told else []
    done = sorted((row for row in result["results"] if row["status"] == "done"), key=lambda row: -row["NDCG@10"])
    ours = result["paired"][0]["a"] if result["paired"] else done[0]["model"]
    p = {row["b"]: row["p"] for row in result["paired"] if row["metric"] == "NDCG@10"}
    head = ["model", *(m.replace("_with_target_time", ", time told") for m in metrics), "95% of NDCG@10"]
    rows = [
        [
            row["model"],
            *(f"{row[name]:.4f}" if row.get(name) is not None else "-" for name in metrics),
            f"{row['ci'][0]:.4f}-{row['ci'][1]:.4f}",
            f"{p[row['model']]:.4f}" if row["model"] in p else "-",
            f"{row['seconds']:,.1f}",
            f"{row['peak_mb']:,.0f}",
            str(row["epochs"] or "-"),
            f"{row['valid_NDCG@10']:.4f}",
        ]
        for row in done
    ]
    text = table([*head, f"p against {ours}", "fit, s", "peak MB", "epochs", "validation NDCG@10"], rows)
    pools = [row["chosen"]["pool"] for row in done if row["model"] == ours and "pool" in row["chosen"]]
    pools = [pool for pool in pools if pool["weight"] > 0]
    failed = [f"- {row['model']} failed: {row['reason']}" for row in result["results"] if row["status"] == "failed"]
    about = (
        f"{result['users']:,} users, {result['items']:,} items; {result['questions']:,} questions, "
        f"{result['valid_questions']:,} for validation, {result['left_out']:,} left out. Seed {result['seed']}. "
        f"Published: {asked.get('published', 'nothing under this protocol')}."
        + (" Once all was chosen, every model learned from validation too." if result["refit"] else "")
        + "".join(f" Network and {pool['counts']} are pooled (weight {pool['weight']:g})." for pool in pools)
    )
    return "\n\n".join([f"### {asked['title']}", text, *(["\n".join(failed)] if failed else []), about])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="names of tables, with commas between")
    parser.add_argument("--models", default="quick", help="quick (no networks), all, or names with commas between")
    parser.add_argument("--preset", default="base")
    parser.add_argument("--budget-seconds", type=float)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if not FILES.is_dir():
        print(f"skipped: no data at {FILES} (set CARTPATH_DATA)", file=sys.stderr)
        return
    known = [asked["name"] for asked in tables()]
    wanted = [name for name in options.only.split(",") if name] or known
    if unknown := [name for name in wanted if name not in known]:
        raise SystemExit(f"no table {unknown[0]!r}; there are: {', '.join(known)}")
    for asked in tables():
        if asked["name"] not in wanted:
            continue
        if not (FILES / asked["file"]).exists():
            print(f"skipped: no {FILES / asked['file']}", file=sys.stderr)
            continue
        result = run(asked, options)
        text = section(asked, result)
        print(text, flush=True)
        write_section(HERE / "README.md", asked["name"], f"{text}\n\n{machine(PACKAGES)}")
        keep(asked, result)


def keep(asked: Row, result: Row) -> None:
    """Write all figures, settings and curves of a table beside it."""
    folder = HERE / "results"
    folder.mkdir(exist_ok=True)
    # Where files lie is of this machine alone.
    kept = {name: value for name, value in result.items() if name not in ("file", "folder")}
    text = json.dumps({"asked": asked, **kept}, indent=1, ensure_ascii=False)
    (folder / f"{asked['name']}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
