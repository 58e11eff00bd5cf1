"""Ingest of a simulated log, beside a plain sort by DuckDB and by pandas.

Run from the repository root::

    python benchmarks/ingest/run.py                         # a million events, to see that it works
    python benchmarks/ingest/run.py --events 10M --write    # what README.md shows
    python benchmarks/ingest/run.py --events 100M --formats parquet --only cartpath --rounds 1 --write

The contenders take turns, each in a process of its own on two cores; wall time includes starting Python.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import measure

NAMES = ("cartpath", "duckdb", "pandas")
Results = dict[tuple[str, str], list[measure.Measured]]


def main() -> None:
    """Run the benchmark and print its table."""
    asked = _arguments()
    folder = measure.simulated(asked.events)
    sources = {name: _source(folder, name) for name in asked.formats}
    _warm()
    results = _rounds(sources, asked.only, asked.rounds, folder)
    text = _report(results, sources)
    print(text)
    if asked.write:
        measure.write_section(HERE / "README.md", f"results {measure.short(asked.events)}", text)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=measure.amount, default=10**6, help="about how many, such as 10M")
    parser.add_argument("--formats", nargs="+", choices=("parquet", "csv"), default=["parquet", "csv"])
    parser.add_argument("--only", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="put the table into README.md")
    return parser.parse_args()


def _source(folder: Path, name: str) -> Path:
    parquet, csv = folder / "events.parquet", folder / "events.csv"
    if name == "csv" and not csv.exists():
        import duckdb

        with duckdb.connect() as connection:  # closed, it gives its memory back
            connection.execute(f"COPY (SELECT * FROM read_parquet('{parquet}')) TO '{csv}.tmp' (FORMAT csv, HEADER)")
        Path(f"{csv}.tmp").rename(csv)
    return csv if name == "csv" else parquet


def _warm() -> None:
    """Compile the kernels, once for all, as the first use of an installation does."""
    folder = measure.simulated(10_000)
    for name in ("parquet", "csv"):
        _one("cartpath", _source(folder, name), folder)


def _one(name: str, source: Path, folder: Path) -> measure.Measured:
    target = folder / f"target-{name}"
    _remove(target)
    try:
        return measure.measured([str(HERE / "contenders.py"), name, str(source), str(target)])
    finally:
        _remove(target)
        _remove(folder / "duckdb-spill")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _rounds(sources: dict[str, Path], names: list[str], rounds: int, folder: Path) -> Results:
    results: Results = {}
    for number in range(rounds):
        for format_name, source in sources.items():
            for name in names:
                done = _one(name, source, folder)
                results.setdefault((format_name, name), []).append(done)
                print(f"round {number + 1}: {format_name} {name} {done}", file=sys.stderr)
    for format_name in sources:
        rows = {results[format_name, name][0].said["rows"] for name in names}
        assert len(rows) == 1, f"the contenders read different numbers of rows: {rows}"
    return results


def _report(results: Results, sources: dict[str, Path]) -> str:
    rows = []
    for (format_name, name), runs in results.items():
        n, best = runs[0].said["rows"], min(run.wall for run in runs)
        cpu = median(run.cpu for run in runs)
        rows.append([
            f"{format_name}, {name}", f"{best:.1f}", f"{median(run.wall for run in runs):.1f}", f"{n / best:,.0f}",
            f"{cpu:.1f}", f"{cpu / n * 1e6:.2f}", f"{max(run.peak_mb for run in runs) / 1000:.2f}",
        ])  # fmt: skip
    head = ["", "wall s, best", "wall s, median", "events/s, best", "CPU s, median", "CPU µs an event", "peak GB"]
    sizes = ", ".join(f"{name} {source.stat().st_size / 1e6:,.0f} MB" for name, source in sources.items())
    said = next(runs[0].said for runs in results.values())
    rounds = len(next(iter(results.values())))
    facts = f"{said['rows']:,} rows of 28 columns ({sizes}); {rounds} round{'s' if rounds > 1 else ''}."
    if "stored" in said:
        facts += (
            f" Cartpath stored {said['stored']:,}, dropped {said['duplicates']:,} exact duplicates"
            f" and quarantined {said['quarantined']:,}."
        )
    packages = ("pyarrow", "duckdb", "pandas", "numba")
    return "\n\n".join([facts, measure.table(head, rows), measure.machine(packages)])


if __name__ == "__main__":
    main()
