"""One contender, once: ``python contenders.py NAME SOURCE TARGET``; prints what it wrote as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

CORES = 2


def cartpath(source: Path, target: Path) -> dict[str, Any]:
    """Ingest into a fresh workspace: the event store and the path table, both on disk."""
    from cartpath import store
    from cartpath.ingest.run import ingest

    store.init(target)
    done = ingest(target, [str(source)], adapter="cartpath")
    return {"rows": done.read, "stored": done.stored, "duplicates": done.duplicates, "quarantined": done.quarantined}


def duckdb(source: Path, target: Path) -> dict[str, Any]:
    """Sort the rows into one Parquet file; bad rows and duplicates stay in."""
    import duckdb as db

    reader = "read_csv" if source.suffix == ".csv" else "read_parquet"
    connection = db.connect()
    connection.execute(f"SET threads = {CORES}")
    connection.execute(f"SET temp_directory = '{target.parent / 'duckdb-spill'}'")
    query = f"SELECT * FROM {reader}('{source}') ORDER BY user_id, ts"
    (rows,) = connection.execute(f"COPY ({query}) TO '{target}' (FORMAT parquet)").fetchone() or (0,)
    return {"rows": rows}


def pandas(source: Path, target: Path) -> dict[str, Any]:
    """The same with pandas, on Arrow types and Arrow's CSV reader, which is the faster and smaller way."""
    import pandas as pd

    if source.suffix == ".csv":
        frame = pd.read_csv(source, engine="pyarrow", dtype_backend="pyarrow")
    else:
        frame = pd.read_parquet(source, dtype_backend="pyarrow")
    frame.sort_values(["user_id", "ts"], kind="stable").to_parquet(target, index=False)
    return {"rows": len(frame)}


CONTENDERS = {"cartpath": cartpath, "duckdb": duckdb, "pandas": pandas}

if __name__ == "__main__":
    name, source, target = sys.argv[1:]
    print(json.dumps(CONTENDERS[name](Path(source), Path(target))))
