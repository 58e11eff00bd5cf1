"""A funnel and a flow graph, beside hand-written DuckDB and Polars; the counts must be equal.

Run from the repository root::

    python benchmarks/funnel/run.py                         # a million events, to see that it works
    python benchmarks/funnel/run.py --events 10M --write    # what README.md shows

The contenders take turns, each in a process of its own on two cores. A process asks its question several times; the
first answer is left out of the times, so everyone is warm.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import measure  # noqa: E402

NAMES = {
    "cartpath": "Cartpath, path table on disk",
    "duckdb:file": "DuckDB, Parquet",
    "duckdb:table": "DuckDB, table in memory",
    "duckdb:numbers": "DuckDB, table in memory, ids as numbers",
    "polars:file": "Polars, Parquet",
    "polars:table": "Polars, frame in memory",
    "polars:numbers": "Polars, frame in memory, ids as numbers",
}
QUESTIONS = ("funnel", "flow")
#: The same events for all: what ingest kept, in path order, with the columns the questions need. Users and sessions
#: also as numbers, for contenders that would rather have those.
EXPORT = """
copy (
    select user_id, session_id, event, ts, order_id,
           row_number() over (order by filename, file_row_number) as position,
           (dense_rank() over (order by user_id) - 1)::uinteger as user_number,
           (dense_rank() over (order by session_id) - 1)::uinteger as session_number
    from read_parquet('{parts}', filename = true, file_row_number = true)
    order by position
) to '{target}' (format parquet)
"""
Runs = dict[tuple[str, str], list[measure.Measured]]


def main() -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=measure.amount, default=10**6, help="about how many, such as 10M")
    parser.add_argument("--only", nargs="+", choices=list(NAMES), default=list(NAMES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=4, help="questions a process, the first of which is left out")
    parser.add_argument("--write", action="store_true", help="put the tables into README.md")
    asked = parser.parse_args()
    folder = prepared(asked.events)
    text = report(rounds(folder, asked.only, asked.rounds, asked.repeats), folder)
    print(text)
    if asked.write:
        measure.write_section(HERE / "README.md", f"results {measure.short(asked.events)}", text)


def prepared(events: int) -> Path:
    """Return a folder with a shop and the same events for the others, made if it is not there."""
    folder = measure.simulated(events)
    shop, log = folder / "shop", folder / "log.parquet"
    if not log.exists():
        import duckdb

        from cartpath import store
        from cartpath.ingest.run import ingest

        shutil.rmtree(shop, ignore_errors=True)
        store.init(shop)
        ingest(shop, [str(folder / "events.parquet")], adapter="cartpath")
        with duckdb.connect() as connection:  # closed, it gives its memory back
            parts = shop / "store" / "events" / "*" / "*.parquet"
            connection.execute(EXPORT.format(parts=parts, target=f"{log}.tmp"))
        Path(f"{log}.tmp").rename(log)
    return folder


def rounds(folder: Path, names: list[str], n: int, repeats: int) -> Runs:
    """Ask everyone in turns and hold the answers against each other."""
    runs: Runs = {}
    for number in range(n):
        for question in QUESTIONS:
            for name in names:
                command = [str(HERE / "contenders.py"), name, question, str(folder), str(repeats)]
                done = measure.measured(command)
                runs.setdefault((question, name), []).append(done)
                print(f"round {number + 1}: {question} {name} {done.said['wall']}", file=sys.stderr)
    for question in QUESTIONS:
        answers = [run.said["answer"] for (asked, _), found in runs.items() if asked == question for run in found]
        assert all(answer == answers[0] for answer in answers), f"the counts of the {question} differ"
    return runs


def report(runs: Runs, folder: Path) -> str:
    """Return a table for each question."""
    from cartpath import store

    with store.open_snapshot(folder / "shop") as snapshot:
        totals = snapshot.totals
    parts = [
        f"{totals.events:,} events of {totals.users:,} users in {totals.sessions:,} sessions. All counts are equal."
    ]
    for question in QUESTIONS:
        rows = [_row(name, found) for (asked, name), found in runs.items() if asked == question]
        answer = next(found[0].said["answer"] for (asked, _), found in runs.items() if asked == question)
        parts += [_title(question, answer), measure.table(["", "ms, median", "ms, best", "CPU ms, median"], rows)]
    return "\n\n".join([*parts, measure.machine(("duckdb", "polars", "numba", "pyarrow"))])


def _row(name: str, found: list[measure.Measured]) -> list[str]:
    wall = [s * 1000 for run in found for s in run.said["wall"][1:]]
    cpu = [s * 1000 for run in found for s in run.said["cpu"][1:]]
    return [NAMES[name], f"{median(wall):,.0f}", f"{min(wall):,.0f}", f"{median(cpu):,.0f}"]


def _title(question: str, answer: Any) -> str:
    if question == "funnel":
        view, add, purchase = (f"{n:,}" for n in answer)
        return f"**Funnel**, loose, within 7 days: {view} users view, {add} add to cart, {purchase} purchase."
    return f"**Flow graph**: {len(answer)} edges, {sum(edge[2] for edge in answer):,} transitions."


if __name__ == "__main__":
    main()
