"""The questions for DuckDB: the SQL in ``sql/``, over tables in memory, ids as numbers, events an enumeration.

``windows`` is SQL as the standard has it, which may not rely on the order of rows; ``order`` relies on it. The tables
hold what the questions need, in the order that suits them; making them is the loading. ``raw`` asks ``windows`` of the
log as a shop has it: a Parquet file in the order of time, ids as text; nothing is loaded.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

HERE = Path(__file__).resolve().parent
LOAD = """
create type kind as enum (select distinct event from '{log}' order by event);
create table events as select position, "user", session, event::kind as event, ts from '{log}';
create table steps as
    select position, "user", session, event::kind as event, ts from '{log}' where is_step order by session, position;
"""
RAW = """
create view events as select position, "user", session, event, ts from '{raw}';
create view steps as select position, "user", session, event, ts from '{raw}' where is_step;
"""
WINDOW = 7 * 86400 * 10**6


def ask(question: str, folder: Path, how: str, cores: int) -> Callable[[], Any]:
    connection = duckdb.connect()
    connection.execute(f"set threads = {cores}")
    table = "events" if question == "funnel" else "steps"
    load = RAW if how == "raw" else LOAD
    for statement in load.format(log=folder / "log.parquet", raw=folder / "raw.parquet").split(";")[:-1]:
        if "create table" not in statement or f"create table {table} " in statement:
            connection.execute(statement)
    query = (HERE / "sql" / ("windows" if how == "raw" else how) / f"{question}.sql").read_text(encoding="utf-8")
    values = {}
    if "$first" in query:
        first, last = connection.execute("select epoch_us(min(ts)), epoch_us(max(ts)) from events").fetchall()[0]
        values = {"first": first, "window": WINDOW, "span": last - first + WINDOW + 1}

    def rows() -> list[list[Any]]:
        return [list(row) for row in connection.execute(query, values or None).fetchall()]

    return (lambda: rows()[0]) if question == "funnel" else rows
