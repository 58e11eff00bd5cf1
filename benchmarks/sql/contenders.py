"""One contender, once: ``python contenders.py NAME URL TABLE PARQUET TARGET``; prints what it did as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

ROWS = 50_000


def cartpath(url: str, table: str, source: str, target: Path) -> dict[str, Any]:
    """Ingest the table into a fresh workspace, through ``--database``."""
    from cartpath.ingest.run import ingest

    return _counts(ingest(_fresh(target), [], adapter="cartpath", database=url, query=f"select * from {table}"))


def parquet(url: str, table: str, source: str, target: Path) -> dict[str, Any]:
    """Ingest the same rows from Parquet."""
    from cartpath.ingest.run import ingest

    return _counts(ingest(_fresh(target), [source], adapter="cartpath"))


def _fresh(target: Path) -> Path:
    from cartpath import store

    store.init(target)
    return target


def _counts(done: Any) -> dict[str, Any]:
    names = ("read", "stored", "duplicates", "quarantined", "reasons", "blanked", "users", "sessions", "items")
    return {"rows": done.read, **{name: getattr(done, name) for name in names}}


def pandas(url: str, table: str, source: str, target: Path) -> dict[str, Any]:
    """Copy the table to Parquet in pieces, through a server-side cursor; nothing is checked or sorted."""
    import pandas as pd
    import sqlalchemy

    engine, rows = sqlalchemy.create_engine(url.replace("postgresql:", "postgresql+psycopg:")), 0
    target.mkdir()
    with engine.connect().execution_options(stream_results=True) as connection:
        for number, frame in enumerate(pd.read_sql(f"select * from {table}", connection, chunksize=ROWS)):
            frame.to_parquet(target / f"{number:05d}.parquet", index=False)
            rows += len(frame)
    return {"rows": rows}


def driver(url: str, table: str, source: str, target: Path) -> dict[str, Any]:
    """Fetch the rows with psycopg and drop them: what no program on this driver can do without."""
    import psycopg

    with psycopg.connect(url) as connection, connection.cursor(name="bench") as cursor:
        cursor.execute(f"select * from {table}")
        rows = 0
        while fetched := cursor.fetchmany(4_000):
            rows += len(fetched)
    return {"rows": rows}


CONTENDERS = {"cartpath": cartpath, "parquet": parquet, "pandas": pandas, "driver": driver}

if __name__ == "__main__":
    name, *given, target = sys.argv[1:]
    print(json.dumps(CONTENDERS[name](*given, Path(target))))
