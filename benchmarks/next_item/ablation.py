"""What each choice of the recipe is worth: one left out at a time, on Beauty, the same seconds each, by validation.

    python benchmarks/next_item/ablation.py --write                     # 12 fits of 240 s
    python benchmarks/next_item/ablation.py --seconds 60 --only recipe  # a quick look

Leave-one-out on S3Rec's Beauty in CARTPATH_DATA (../shared/data), ids alone, seen filtered. A fit is the network's own
(``behaviour``): preset, early stopping and all, ended by the budget, which holds encoding and start vectors too.
Told is the best NDCG@10 on its validation questions; the test questions are not asked. The recipe is fitted with three
seeds, whose spread says what a difference of one seed is worth. Fits are kept in bench-data/next_item: what is finished
is not run again. With ``--write`` the table goes into README.md and the curves into results/ablation.json.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(ROOT)]

from benchmarks.measure import CORES, DATA, machine, measured, table, write_section
from cartpath.training.next_item.code_version import code_version

FILES = Path(os.environ.get("CARTPATH_DATA") or ROOT.parent / "shared" / "data")
FILE = Path("s3rec") / "Beauty.txt"
SEEDS = (0, 1, 2)
#: What is changed, in words and as settings of the model ``behaviour``.
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "recipe": ("nothing: the recipe as it is", {}),
    "start": ("item vectors start at random", {"start": "random"}),
    "average": ("weights as they are, not their running average", {"average": 0.0}),
    "gates": ("no gates (plain pre-norm sublayers)", {"gated": False}),
    "swiglu": ("GELU in place of SwiGLU", {"feed": "gelu"}),
    "position": ("no bias by distance", {"relative_position": False}),
    "layers": ("two layers in place of one", {"layers": 2}),
    "dropout": ("dropout .2 in place of .6", {"dropout": 0.2, "input_dropout": 0.1}),
    "softmax": ("1,024 mixed negatives in place of all items", {"loss": "sampled"}),
    "batch": ("batches of 4,096 events in place of 1,024", {"tokens": 4096}),
}
Row = dict[str, Any]


def runs(only: str) -> list[tuple[str, int]]:
    """Return variants and seeds in the order in which they are fitted.

    >>> runs("recipe,gates")
    [('recipe', 0), ('recipe', 1), ('recipe', 2), ('gates', 0)]
    """
    names = [name for name in only.split(",") if name] or list(VARIANTS)
    return [(name, seed) for name in names for seed in (SEEDS if name == "recipe" else SEEDS[:1])]


def fitted(name: str, seed: int, options: argparse.Namespace) -> Row:
    """Return a finished fit, or run it in a process of its own."""
    asked = {"settings": VARIANTS[name][1], "seed": seed, "preset": options.preset, "seconds": options.seconds}
    code = code_version("cartpath.training.next_item.networks")
    key = hashlib.sha256(json.dumps([asked, code, CORES]).encode()).hexdigest()[:12]
    kept = DATA / "next_item" / "ablation" / f"{name}-{seed}-{key}.json"
    if not kept.exists():
        print(f"{name}, seed {seed}: {options.seconds:g} s", file=sys.stderr, flush=True)
        done = measured([__file__, "--fit", json.dumps(asked)])
        kept.parent.mkdir(parents=True, exist_ok=True)
        part = kept.with_suffix(".part")
        part.write_text(json.dumps({"variant": name, "seed": seed, **done.said, "cpu_seconds": done.cpu}))
        part.rename(kept)
    found: Row = json.loads(kept.read_text())
    return found


def fit(asked: Row) -> None:
    """Fit once and print the curve, as the process that ``fitted`` starts."""
    from cartpath.training.next_item import FitOptions, fit_model
    from cartpath.training.next_item.source import open_source, split_source

    split = split_source(open_source(FILES / FILE), "leave-one-out", filter_seen=True)
    options = FitOptions(asked["seed"], asked["seconds"], asked["preset"], asked["settings"])
    found = fit_model("behaviour", split, options)
    print(json.dumps({"curve": found.curve, "epochs": found.epochs, "parameters": found.chosen["parameters"]}))


def best(row: Row) -> float:
    """Return the best of a curve."""
    return float(max(point["NDCG@10"] for point in row["curve"]))


def report(rows: list[Row], options: argparse.Namespace) -> str:
    recipe = [best(row) for row in rows if row["variant"] == "recipe"]
    mean = sum(recipe) / len(recipe) if recipe else None
    lines = []
    for row in sorted(rows, key=lambda row: (row["variant"] != "recipe", -best(row))):
        at = max(row["curve"], key=lambda point: point["NDCG@10"])
        change = "-" if mean is None or row["variant"] == "recipe" else f"{best(row) - mean:+.4f}"
        what = VARIANTS[row["variant"]][0]
        lines.append([what, str(row["seed"]), f"{best(row):.4f}", change, f"{at['epoch']:g} of {row['epochs']}"])
        lines[-1].append(f"{at['seconds']:,.0f}")
    head = ["changed", "seed", "validation NDCG@10", "against the recipe's mean", "best epoch", "after, s"]
    spread = f" The recipe's mean is {mean:.4f}, from {min(recipe):.4f} to {max(recipe):.4f}." if mean else ""
    about = f"Preset {options.preset}, {options.seconds:g} s a fit on {CORES} of {os.cpu_count()} cores.{spread}"
    return f"{table(head, lines)}\n\n{about}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=240)
    parser.add_argument("--preset", default="base")
    parser.add_argument("--only", default="", help=f"of {', '.join(VARIANTS)}; commas between")
    parser.add_argument("--write", action="store_true", help="put the table into README.md, the curves into results")
    parser.add_argument("--fit", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.fit:
        fit(json.loads(options.fit))
        return
    if not (FILES / FILE).exists():
        print(f"skipped: no {FILES / FILE} (set CARTPATH_DATA)", file=sys.stderr)
        return
    rows = [fitted(name, seed, options) for name, seed in runs(options.only)]
    text = report(rows, options)
    print(text, flush=True)
    if options.write:
        write_section(HERE / "README.md", "ablation", f"{text}\n\n{machine(('numpy', 'torch', 'transformers'))}")
        kept = {"preset": options.preset, "seconds": options.seconds, "rows": rows}
        (HERE / "results" / "ablation.json").write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
