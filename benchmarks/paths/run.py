"""Funnel, flow, variants and step view, beside Retentioneering, DuckDB, Polars, pandas and pm4py; the counts must be equal.

Run from the repository root::

    python benchmarks/paths/run.py                                  # a million events, to see that it works
    python benchmarks/paths/run.py --logs ga --events 10M --write   # one of the sections of README.md

The contenders take turns, each in a process of its own on two cores. A process loads, asks its question several times and
leaves the first time out, so everyone is warm. Nobody's times count before all answers are held against each other.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.path.insert(0, str(HERE))

import answers  # noqa: E402
import logs  # noqa: E402
import measure  # noqa: E402
import peers  # noqa: E402

#: Contender -> what the tables call it, and the questions it can answer.
ALL = ("funnel", "flow", "variants", "steps")
CONTENDERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "cartpath": ("Cartpath, store on disk", ("funnel", "reach", "flow", "variants", "steps")),
    "duckdb:windows": ("DuckDB", ALL),
    "duckdb:order": ("DuckDB, relying on the order of rows", ALL),
    "polars:over": ("Polars", ALL),
    "polars:order": ("Polars, relying on the order of rows", ALL),
    "pandas": ("pandas, relying on the order of rows", ALL),
    "retentioneering": ("Retentioneering 5", ("reach", "flow", "variants", "steps")),
    "pm4py": ("pm4py", ("flow", "variants")),
}
TITLES = {
    "funnel": "Funnel: view > add_to_cart > purchase within 7 days, users",
    "reach": "Funnel without a window, users",
    "flow": "Flow: what directly follows what within a session, with sessions, users and median gap",
    "variants": "Variants: the 20 most frequent paths of sessions, repeats collapsed",
    "steps": "Step view: what sessions do as their first to fifth step, and who has left",
}
Runs = dict[tuple[str, str], list[measure.Measured]]


def main() -> None:
    """Run the benchmark and print its tables."""
    asked = _arguments()
    os.environ["CARTPATH_CACHE"] = "off"
    folder = logs.prepared(asked.logs, asked.events)
    pythons = _pythons(asked.only, asked.peers_dir)
    runs = rounds(folder, pythons, asked)
    text = report(runs, folder, pythons, ingested(folder) if asked.ingest else None)
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
    found = {name: peers.python_of(name, folder) if name in peers.PACKAGES else Path(sys.executable) for name in names}
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
                if differs:
                    raise SystemExit(f"{question}: {name} has other counts than {next(iter(pythons))}: {differs}")
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


def report(runs: Runs, folder: Path, pythons: dict[str, Path], ingest: float | None) -> str:
    """Return a table for each question, and one from the file to the answer."""
    from cartpath import store

    with store.open_snapshot(folder / "shop") as snapshot:
        totals = snapshot.totals
    parts = [f"{totals.events:,} events of {totals.users:,} users in {totals.sessions:,} sessions. All counts are equal."]
    head = ["", "ms, median", "ms, best", "CPU ms, median", "CPU, times ours", "peak MB"]
    for question, title in TITLES.items():
        found = {name: runs[asked, name] for asked, name in runs if asked == question}
        if found:
            ours = _cpu(found["cartpath"]) if "cartpath" in found else None
            parts += [f"**{title}.**", measure.table(head, [_row(name, done, ours) for name, done in found.items()])]
    parts += ["**From the file to the first answer, seconds.**", _from_file(runs, ingest)]
    installed = [peers.version_of(name, python) for name, python in pythons.items() if name in peers.PACKAGES]
    also = [f"In environments of their own: {', '.join(installed)}."] if installed else []
    return "\n\n".join([*parts, measure.machine(("duckdb", "polars", "pandas", "numba", "pyarrow")), *also])


def _cpu(found: list[measure.Measured]) -> float:
    return median(s * 1000 for run in found for s in run.said["cpu"][1:])


def _row(name: str, found: list[measure.Measured], ours: float | None) -> list[str]:
    wall = [s * 1000 for run in found for s in run.said["wall"][1:]]
    return [
        CONTENDERS[name][0],
        f"{median(wall):,.0f}",
        f"{min(wall):,.0f}",
        f"{_cpu(found):,.0f}",
        f"{_cpu(found) / ours:.1f}" if ours else "",
        f"{max(run.said['peak_mb'] for run in found):,.0f}",
    ]


def _from_file(runs: Runs, ingest: float | None) -> str:
    """A process from its start to its first answer: importing, loading, asking once."""
    questions = [question for question in TITLES if any(asked == question for asked, _ in runs)]
    names = [name for name in CONTENDERS if any(name == other for _, other in runs)]
    first = {
        key: median(run.said["import"] + run.said["load"] + run.said["wall"][0] for run in found)
        for key, found in runs.items()
    }
    rows = [[CONTENDERS[name][0], *(f"{first[q, name]:.1f}" if (q, name) in first else "" for q in questions)] for name in names]
    if ingest and "cartpath" in names:
        rows.insert(1, [f"Cartpath, with {ingest:.1f} s of ingest", *(f"{first[q, 'cartpath'] + ingest:.1f}" for q in questions)])
    return measure.table(["", *questions], rows)


if __name__ == "__main__":
    main()
