"""Funnel, flow, variants and step view, beside Retentioneering, DuckDB, Polars, pandas and pm4py, with equal counts.

Run from the repository root::

    python benchmarks/paths/run.py                                  # a million events, to see that it works
    python benchmarks/paths/run.py --logs ga --events 10M --write   # one of the sections of README.md

The contenders take turns, each in a process of its own on two cores. A process loads, asks its question several times,
and the first time is left out, so everyone is warm. The script fails unless all answers are equal.
"""

from __future__ import annotations

import argparse
import compileall
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.path.insert(0, str(HERE))

import answers
import logs
import measure
import peers
import tables
from tables import CONTENDERS, TITLES

Runs = tables.Runs


def main() -> None:
    """Run the benchmark and print its tables."""
    asked = _arguments()
    os.environ["CARTPATH_CACHE"] = "off"
    folder = logs.prepared(asked.logs, asked.events)
    # As pip leaves the packages that it installs, those of the others among them.
    compileall.compile_dir(measure.ROOT / "src", quiet=1)
    if any(name.endswith(":raw") for name in asked.only):
        logs.with_raw(folder)
    pythons = _pythons(asked.only, asked.peers_dir)
    runs = rounds(folder, pythons, asked)
    text = tables.report(runs, folder, pythons, ingested(folder) if asked.ingest else None)
    print(text)
    if asked.write:
        measure.write_section(HERE / "README.md", f"{asked.logs} {measure.short(asked.events)}", text)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--logs", choices=("sim", "ga"), default="sim", help="the simulator's, or the GA export copied")
    parser.add_argument("--events", type=measure.amount, default=10**6, help="about how many, such as 10M")
    parser.add_argument("--only", nargs="+", choices=list(CONTENDERS), default=list(CONTENDERS))
    parser.add_argument("--questions", nargs="+", choices=list(TITLES), default=list(TITLES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=4, help="questions a process, the first of which is left out")
    parser.add_argument("--peers-dir", type=Path, default=measure.DATA / "envs", help="where peers' environments are")
    parser.add_argument("--no-ingest", dest="ingest", action="store_false", help="leave out the time of an ingest")
    parser.add_argument("--write", action="store_true", help="put the tables into README.md")
    return parser.parse_args()


def _pythons(names: list[str], folder: Path) -> dict[str, Path]:
    found: dict[str, Path | None] = {}
    for name in names:
        apart = name.partition(":")[0]
        found[name] = peers.python_of(apart, folder) if apart in peers.PACKAGES else Path(sys.executable)
    return {name: python for name, python in found.items() if python}


def rounds(folder: Path, pythons: dict[str, Path], asked: argparse.Namespace) -> Runs:
    """Ask everyone in turns and hold each answer against the first."""
    runs: Runs = {}
    first: dict[str, Any] = {}
    for number in range(asked.rounds):
        for question in asked.questions:
            for name, python in pythons.items():
                if question not in CONTENDERS[name][1]:
                    continue
                command = [str(HERE / "contenders.py"), name, question, str(folder), str(asked.repeats)]
                done = measure.measured(command, python)
                differs = answers.agree(question, first.setdefault(question, done.said["answer"]), done.said["answer"])
                if differs and (name, question) not in answers.LOOSE:
                    raise SystemExit(f"{question}: {name} has other counts than {next(iter(pythons))}: {differs}")
                if differs:
                    done.said["differs"] = differs
                runs.setdefault((question, name), []).append(done)
                print(f"round {number + 1}: {question} {name} {done.said['wall']}", file=sys.stderr)
    return runs


def ingested(folder: Path) -> float | None:
    """Return the seconds from the raw log to a store; the export is another kind of file than the others read."""
    if not (folder / "events.parquet").exists():
        return None
    with tempfile.TemporaryDirectory(dir=folder) as into:
        done = measure.measured([str(HERE / "ingesting.py"), str(folder / "events.parquet"), into])
    return float(done.said["seconds"])


if __name__ == "__main__":
    main()
