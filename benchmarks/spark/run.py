"""Threads against Spark in local mode, on the same log and the same two cores: time, memory, and the same numbers.

Run from the repository root::

    python benchmarks/spark/run.py                                  # a million events; writes rates.json
    python benchmarks/spark/run.py --events 10M --write             # what README.md shows, beside what was predicted
    python benchmarks/spark/run.py --events 100M --write

Each engine gets a process for ingest and one for the scans; memory and CPU are those of the whole process tree.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import measure
import pyarrow.parquet as pq
import tree
from cost import Rates, tasks

ENGINES = ("threads", "local[2]")
SCANS = ("status", "funnel", "flow", "doctor")
#: Of a workspace made without further settings.
BUCKETS = 64
HERE = Path(__file__).resolve().parent
RATES = HERE / "rates.json"
Steps = dict[str, tree.Step]


def main() -> None:
    """Run the benchmark and print its tables."""
    asked = _arguments()
    source = asked.source or measure.simulated(asked.events) / "events.parquet"
    n = pq.read_metadata(source).num_rows
    work = Path(tempfile.mkdtemp(prefix="spark-benchmark-", dir=asked.work))
    try:
        found = {name: _engine(name, source, work) for name in ENGINES}
    finally:
        shutil.rmtree(work, ignore_errors=True)
    _same({name: steps for name, (steps, _, _) in found.items()})
    rates = _rates(found, source, n)
    if asked.rates:
        rates.save(RATES)
    text = _report(found, rates, n)
    print(text)
    if asked.write:
        measure.write_section(HERE / "README.md", f"results {measure.short(asked.events)}", text)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=measure.amount, default=10**6, help="about how many, such as 10M")
    parser.add_argument("--source", type=Path, help="a log to use in place of the simulated one")
    parser.add_argument("--work", type=Path, help="folder for the workspaces; temporary by default")
    parser.add_argument("--rates", action="store_true", help="keep this run's rates as what predictions are made of")
    parser.add_argument("--write", action="store_true", help="put the tables into README.md")
    return parser.parse_args()


def _engine(name: str, source: Path, work: Path) -> tuple[Steps, int, int]:
    """Return an engine's steps, bytes spilled and bytes stored."""
    shop = work / name.strip("]").replace("[", "-")
    script = [str(HERE / "work.py"), name]
    steps, spilled = tree.run([*script, "ingest", str(shop), str(source)], shop / "store" / "spill")
    stored = sum(tree.size(shop / "store" / folder) for folder in ("events", "paths", "codes", "tables"))
    scans, _ = tree.run([*script, "scans", str(shop), str(source)], shop / "store" / "spill")
    for step in ("start", "tasks, first"):  # that of the ingest is shown
        scans.pop(step)
    for step, at in {**steps, **scans}.items():
        print(f"{name}: {step} {at.wall:.1f} s, {at.cpu:.1f} s CPU, {at.peak_mb:,.0f} MB", file=sys.stderr)
    return steps | scans, spilled, stored


def _same(found: dict[str, Steps]) -> None:
    one, other = found.values()
    for step in one:
        if one[step].said["digest"] != other[step].said["digest"]:
            raise SystemExit(f"{step} differs: {one[step].said} {other[step].said}")


def _rates(found: dict[str, tuple[Steps, int, int]], source: Path, n: int) -> Rates:
    """Work out rates; scans are the same functions on both engines, and on threads nothing is in their way."""
    steps, spilled, stored = found["local[2]"]
    ingest_task = steps["ingest, few rows"].cpu / tasks("ingest", 1, BUCKETS)
    per_event = {scan: found["threads"][0][f"{scan}, again"].cpu / n * 1e6 for scan in SCANS}
    return Rates(
        read=source.stat().st_size / n,
        spilled=spilled / n,
        stored=stored / n,
        ingest=(steps["ingest"].cpu - tasks("ingest", n, BUCKETS) * ingest_task) / n * 1e6,
        scan_task=steps["tasks, again"].cpu / BUCKETS * 1000,
        ingest_task=ingest_task * 1000,
        start=steps["start"].cpu,
        **per_event,
    )


def _report(found: dict[str, tuple[Steps, int, int]], rates: Rates, n: int) -> str:
    said = found["threads"][0]["ingest"].said["found"]
    stored, twice, bad = (f"{said[name]:,}" for name in ("stored", "duplicates", "quarantined"))
    parts = [
        f"{n:,} rows; {stored} stored, {twice} duplicates, {bad} quarantined; both engines give the same results.",
        _engines_table(found),
        "Predicted with the rates of the smaller log, and measured, for Spark:",
        _predicted_table(found, rates, n),
        measure.machine(["pyspark", "pyarrow", "numba", "pandas"]),
    ]
    return "\n\n".join(parts)


def _engines_table(found: dict[str, tuple[Steps, int, int]]) -> str:
    rows = []
    for step in found["threads"][0]:
        cells = [step]
        for steps, _, _ in found.values():
            at = steps[step]
            cells += [f"{at.wall:.2f}", f"{at.cpu:.2f}", f"{at.peak_mb / 1000:.2f}"]
        rows.append(cells)
    head = ["", *(f"{name}: {what}" for name in found for what in ("wall s", "CPU s", "peak GB"))]
    return measure.table(head, rows)


def _predicted_table(found: dict[str, tuple[Steps, int, int]], measured: Rates, n: int) -> str:
    if not RATES.exists():
        return "no rates.json yet: run with --rates on a small log first"
    model, steps = Rates.load(RATES), found["local[2]"][0]
    rows = []
    for name in ("read", "spilled", "stored"):
        rate = f"{model.bytes(name, 1):.1f} bytes an event"
        rows.append(_row(f"GB {name}", model.bytes(name, n) / 1e9, measured.bytes(name, n) / 1e9, rate))
    for step in ("ingest", *SCANS):
        took = steps[step if step == "ingest" else f"{step}, again"].cpu
        rate = f"{getattr(model, step):.3f} µs an event, {model.task(step):.1f} ms a task"
        rows.append(_row(f"{step}, CPU s", model.cpu(step, n, BUCKETS), took, rate))
    return measure.table(["", "predicted", "measured", "measured / predicted", "from"], rows)


def _row(name: str, predicted: float, measured: float, rate: str) -> list[str]:
    return [name, f"{predicted:.2f}", f"{measured:.2f}", f"{measured / predicted:.2f}", rate]


if __name__ == "__main__":
    main()
