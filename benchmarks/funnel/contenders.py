"""One contender, one question, some times: ``python contenders.py NAME QUESTION FOLDER REPEATS``; prints JSON."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

CORES = 2
HERE = Path(__file__).resolve().parent
Ask = Callable[[], Any]
#: In a table of numbers, users and sessions are integers and events an enumeration, under the names of the texts.
NUMBERS = "user_number as user_id, session_number as session_id, event::{type} as event, ts, order_id, position"


def cartpath(question: str, folder: Path, how: str) -> Ask:
    """A shop's own answer: it opens the newest generation each time and maps the path table from disk."""
    import cartpath as shops

    shop = shops.open(folder / "shop")

    def funnel() -> list[int]:
        steps = shop.funnel(["view", "add_to_cart", "purchase"], within="7d").to_dict()["steps"]
        return [step["n"] for step in steps]

    def flow() -> list[list[Any]]:
        edges = shop.flow().to_dict()["edges"]
        return [[edge[name] for name in ("source", "target", "n", "sessions", "users")] for edge in edges]

    return {"funnel": funnel, "flow": flow}[question]


def duckdb(question: str, folder: Path, how: str) -> Ask:
    """The SQL beside this file, over the Parquet file or over a table in memory."""
    import duckdb as db

    connection = db.connect()
    connection.execute(f"SET threads = {CORES}")
    log = f"read_parquet('{folder / 'log.parquet'}')"
    if how == "numbers":
        connection.execute(f"CREATE TYPE kind AS ENUM (SELECT DISTINCT event FROM {log})")
        connection.execute(f"CREATE TABLE log AS SELECT {NUMBERS.format(type='kind')} FROM {log}")
    else:
        connection.execute(f"CREATE {'TABLE' if how == 'table' else 'VIEW'} log AS SELECT * FROM {log}")
    query = (HERE / f"{question}.sql").read_text(encoding="utf-8")
    if question == "funnel":
        return lambda: list(connection.execute(query).fetchall()[0])
    return lambda: [list(row) for row in connection.execute(query).fetchall()]


def polars(question: str, folder: Path, how: str) -> Ask:
    """The same questions of a lazy frame, over the Parquet file or over a frame in memory."""
    os.environ["POLARS_MAX_THREADS"] = str(CORES)
    import polars as pl
    import polars_queries

    ask = getattr(polars_queries, question)
    log = pl.scan_parquet(folder / "log.parquet")
    if how == "file":
        return lambda: ask(pl.scan_parquet(folder / "log.parquet"))
    if how == "numbers":
        names = log.select(pl.col("event").unique()).collect()["event"].to_list()
        log = log.drop("user_id", "session_id").rename({"user_number": "user_id", "session_number": "session_id"})
        log = log.with_columns(pl.col("event").cast(pl.Enum(sorted(names))))
    frame = log.collect()
    return lambda: ask(frame.lazy())


CONTENDERS = {"cartpath": cartpath, "duckdb": duckdb, "polars": polars}


def main() -> None:
    """Ask, and say how long it took each time and what the answer was."""
    name, question, folder, repeats = sys.argv[1:]
    contender, _, how = name.partition(":")
    ask = CONTENDERS[contender](question, Path(folder), how)
    wall, cpu, answer = [], [], None
    for _ in range(int(repeats)):
        began, used = time.perf_counter(), time.process_time()
        answer = ask()
        wall.append(time.perf_counter() - began)
        cpu.append(time.process_time() - used)
    print(json.dumps({"wall": wall, "cpu": cpu, "answer": sorted(answer) if question == "flow" else answer}))


if __name__ == "__main__":
    main()
