"""How soon a model is good: ours beside RecTools (eSASRec) and RecBole (SASRec), one after another on the same cores.

    python benchmarks/next_item/time_to_quality.py --envs /work/envs --write              # 40 minutes each: 2 hours
    python benchmarks/next_item/time_to_quality.py --minutes 2 --only cartpath            # a quick look

Leave-one-out on S3Rec's Beauty in CARTPATH_DATA (../shared/data), all items ranked, those seen left out. First the
judge that all share is held to our ranks and to RecTools' metrics (check_metrics.py). Seconds are of training: judging
test questions is left out of all clocks, while ours holds the validation that its fit stops by. A contender ends when
it has converged or its time is up; one that has not converged is marked. With ``--write`` the table goes into README.md
and the curves into results/time_to_quality.json. Nothing else should run on the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(ROOT), str(HERE / "peers")]

from environments import python_of

from benchmarks.measure import CORES, DATA, machine, measured, table, write_section

FILES = Path(os.environ.get("CARTPATH_DATA") or ROOT.parent / "shared" / "data")
FILE = Path("s3rec") / "Beauty.txt"
#: Quality to be reached: test NDCG@10 that is published for item to item and for EASE, without regard to order.
LEVELS = {"item-to-item": 0.0348, "EASE": 0.0386}
MINUTES = (10, 20, 40)
#: Contender to script, and the environment it needs.
PEERS = {"rectools": "rectools_esasrec.py", "recbole": "recbole_sasrec.py"}
Row = dict[str, Any]


def run(name: str, options: argparse.Namespace) -> Row | None:
    """Run one contender in a process of its own; None if its environment cannot be made."""
    script, python = PEERS.get(name, "cartpath_model.py"), Path(sys.executable)
    if name in PEERS:
        found = python_of(name, options.envs)
        if found is None:
            return None
        python = found
    command = [str(HERE / "peers" / script), str(options.file), "--minutes", str(options.minutes)]
    command += ["--questions", options.questions, "--seed", str(options.seed)]
    if name not in PEERS:
        command += ["--model", name, "--preset", options.preset]
    print(f"{name}: up to {options.minutes:g} minutes", file=sys.stderr, flush=True)
    done = measured(command, python)
    return {"name": name, **done.said, "whole": {"seconds": done.wall, "cpu_seconds": done.cpu}}


def reached(curve: list[Row], level: float) -> Row | None:
    """Return the first point of a curve that is at least so good.

    >>> reached([{"NDCG@10": 0.01}, {"NDCG@10": 0.04}, {"NDCG@10": 0.05}], 0.035)
    {'NDCG@10': 0.04}
    """
    return next((point for point in curve if point["NDCG@10"] >= level), None)


def best_until(curve: list[Row], seconds: float) -> float | None:
    """Return the best of a curve within a time.

    >>> best_until([{"seconds": 5, "NDCG@10": 0.02}, {"seconds": 9, "NDCG@10": 0.01}], 10)
    0.02
    """
    return max((point["NDCG@10"] for point in curve if point["seconds"] <= seconds), default=None)


def line(row: Row, minutes: float) -> list[str]:
    """Return a contender's row of the table."""
    points = [reached(row["curve"], level) for level in LEVELS.values()]
    times = ["not reached" if p is None else f"{p['seconds']:,.0f} ({p['cpu_seconds']:,.0f})" for p in points]
    course = [best_until(row["curve"], 60 * at) if at <= minutes else None for at in MINUTES]
    best = best_until(row["curve"], float("inf"))
    return [
        f"{row['contender']} ({row['version']})",
        *times,
        *("-" if value is None else f"{value:.4f}" for value in course),
        "-" if best is None else f"{best:.4f}",
        f"{row['curve'][-1]['epoch']:.1f}" if row["curve"] else "-",
        f"{row['peak_mb']:,.0f}",
        "converged" if row["converged"] else "unconverged",
    ]


def report(rows: list[Row], options: argparse.Namespace) -> str:
    head = [
        "contender",
        *(f"to {level:.4f} ({name}), s (CPU s)" for name, level in LEVELS.items()),
        *(f"at {at} min" for at in MINUTES),
        "best",
        "epochs",
        "peak MB",
        f"at the end, or after {options.minutes:g} min",
    ]
    text = table(head, [line(row, options.minutes) for row in rows])
    return f"{text}\n\nNDCG@10 on {options.questions} questions; seed {options.seed}; on {CORES} cores."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--file", type=Path, default=FILES / FILE)
    parser.add_argument("--minutes", type=float, default=40)
    parser.add_argument("--questions", choices=["test", "validation"], default="test")
    parser.add_argument("--only", default="cartpath,rectools,recbole", help="names of our models, rectools, recbole")
    parser.add_argument("--preset", default="small", help="of our networks")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--envs", type=Path, default=DATA / "envs", help="where the peers' environments are, or go")
    parser.add_argument("--write", action="store_true", help="put the table into README.md, the curves into results")
    options = parser.parse_args()
    if not options.file.exists():
        print(f"skipped: no {options.file} (set CARTPATH_DATA)", file=sys.stderr)
        return
    names = options.only.split(",")
    if "rectools" in names:
        check = [sys.executable, str(HERE / "check_metrics.py"), "--envs", str(options.envs)]
        subprocess.run(check, check=True, stdout=sys.stderr)
    rows = [row for name in names if (row := run(name, options)) is not None]
    text = report(rows, options)
    print(text, flush=True)
    if options.write:
        write_section(HERE / "README.md", "time-to-quality", f"{text}\n\n{machine(('numpy', 'torch'))}")
        (HERE / "results").mkdir(exist_ok=True)
        kept = {"minutes": options.minutes, "questions": options.questions, "seed": options.seed, "contenders": rows}
        (HERE / "results" / "time_to_quality.json").write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
