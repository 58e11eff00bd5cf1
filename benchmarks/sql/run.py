"""Ingest from PostgreSQL, beside the same rows from Parquet, pandas, and the bare driver.

Run from the repository root::

    python benchmarks/sql/run.py --rows 1M                   # the first million rows, to see that it works
    python benchmarks/sql/run.py --events 10M --write        # what README.md shows

The server is the one that CARTPATH_TEST_POSTGRES names; where it is not set, one is started in a temporary folder. The
contenders take turns, each in a process of its own on two cores; wall time includes starting Python.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
sys.path.insert(0, str(HERE))

import measure
import server

NAMES = ("cartpath", "parquet", "pandas", "driver")
WORDS = {
    "cartpath": "Cartpath, `--database`",
    "parquet": "Cartpath, from Parquet",
    "pandas": "pandas `read_sql` in chunks, to Parquet",
    "driver": "psycopg alone, rows dropped",
}
Results = dict[str, list[measure.Measured]]


def main() -> None:
    """Run the benchmark and print its table."""
    asked = _arguments()
    source = measure.simulated(asked.events) / "events.parquet"
    with tempfile.TemporaryDirectory(dir=measure.DATA) as folder, server.server() as url:
        rows = _first(source, asked.rows, Path(folder)) if asked.rows else source
        _warm(url, source, Path(folder))
        began = time.perf_counter()
        with server.loaded(url, rows) as table:
            print(f"loaded in {time.perf_counter() - began:.0f} s", file=sys.stderr)
            results = _rounds(asked.only, asked.rounds, url, table, rows, Path(folder))
    text = _report(results)
    print(text)
    if asked.write:
        measure.write_section(HERE / "README.md", "results", text)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=measure.amount, default=10**7, help="about how many, such as 10M")
    parser.add_argument("--rows", type=measure.amount, help="only so many of them, the first")
    parser.add_argument("--only", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--write", action="store_true", help="put the table into README.md")
    return parser.parse_args()


def _first(source: Path, rows: int, folder: Path) -> Path:
    """Write the first rows of a file to another."""
    import pyarrow.parquet as pq

    target, left = folder / f"first-{rows}.parquet", rows
    with pq.ParquetFile(source) as file, pq.ParquetWriter(target, file.schema_arrow, compression="zstd") as writer:
        for batch in file.iter_batches(min(rows, 100_000)):
            writer.write_batch(batch.slice(0, left))
            left -= min(left, len(batch))
            if not left:
                break
    return target


def _warm(url: str, source: Path, folder: Path) -> None:
    """Compile the kernels, once for all, as the first use of an installation does."""
    few = _first(source, 5_000, folder)
    with server.loaded(url, few) as table:
        for name in ("cartpath", "parquet"):
            _one(name, url, table, few, folder)


def _one(name: str, url: str, table: str, source: Path, folder: Path) -> measure.Measured:
    with _gone(folder / f"target-{name}") as target:
        return measure.measured([str(HERE / "contenders.py"), name, url, table, str(source), str(target)])


@contextmanager
def _gone(target: Path) -> Iterator[Path]:
    try:
        yield target
    finally:
        shutil.rmtree(target, ignore_errors=True)


def _rounds(names: list[str], rounds: int, url: str, table: str, source: Path, folder: Path) -> Results:
    results: Results = {}
    for number in range(rounds):
        for name in names:
            done = _one(name, url, table, source, folder)
            results.setdefault(name, []).append(done)
            print(f"round {number + 1}: {name} {done}", file=sys.stderr)
    rows = {runs[0].said["rows"] for runs in results.values()}
    assert len(rows) == 1, f"the contenders read different numbers of rows: {rows}"
    if {"cartpath", "parquet"} <= set(results):
        one, two = results["cartpath"][0].said, results["parquet"][0].said
        assert one == two, f"the database and the file gave different counts: {one}, {two}"
    return results


def _report(results: Results) -> str:
    rows = []
    for name, runs in results.items():
        n, best, cpu = runs[0].said["rows"], min(run.wall for run in runs), median(run.cpu for run in runs)
        rows.append([
            WORDS[name], f"{best:.1f}", f"{median(run.wall for run in runs):.1f}", f"{n / best:,.0f}", f"{cpu:.1f}",
            f"{cpu / n * 1e6:.2f}", f"{max(run.peak_mb for run in runs) / 1000:.2f}",
        ])  # fmt: skip
    head = ["", "wall s, best", "wall s, median", "events/s, best", "CPU s, median", "CPU µs an event", "peak GB"]
    rounds, said = len(next(iter(results.values()))), next(runs[0].said for runs in results.values())
    facts = f"{said['rows']:,} rows of 28 columns; {rounds} round{'s' if rounds > 1 else ''}."
    if "stored" in said:
        facts += f" Cartpath stored {said['stored']:,}, dropped {said['duplicates']:,} and quarantined"
        facts += f" {said['quarantined']:,}"
        both = {"cartpath", "parquet"} <= set(results)
        facts += ", the same from the table and the file, by every reason." if both else "."
    packages = ("pyarrow", "psycopg", "sqlalchemy", "pandas", "numba")
    return "\n\n".join([facts, measure.table(head, rows), measure.machine(packages)])


if __name__ == "__main__":
    main()
