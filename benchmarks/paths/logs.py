"""The logs that are asked: a store for Cartpath, and the same events in one Parquet file for the others.

``log.parquet`` has the order and the numbers of the path table, ``raw.parquet`` neither. ``sim`` is the simulated shop.
``ga`` is the Google Merchandise Store's export (70 days, a million events), copied with new ids of users, sessions and
orders until it is large enough.
"""

from __future__ import annotations

import math
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import measure

from cartpath import store
from cartpath.ingest.run import ingest
from cartpath.schema import event_schema

EXPORT = Path(os.environ.get("CARTPATH_DATA") or measure.ROOT.parent / "shared" / "data") / "ga360_merch"
#: Ids that a copy has of its own.
RENAMED = ("user_id", "session_id", "order_id", "event_id")


def prepared(kind: str, events: int) -> Path:
    """Return a folder with ``shop`` and ``log.parquet``, made if they are not there."""
    folder = measure.simulated(events) if kind == "sim" else measure.DATA / f"ga-{measure.short(events)}"
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "log.parquet").exists():
        shutil.rmtree(folder / "shop", ignore_errors=True)
        store.init(folder / "shop")
        if kind == "sim":
            ingest(folder / "shop", [str(folder / "events.parquet")], adapter="cartpath")
        else:
            _ga(folder / "shop", events)
        write_log(folder / "shop", folder / "log.parquet")
    return folder


def with_raw(folder: Path) -> Path:
    """Return the folder with ``raw.parquet`` beside the log, made if it is not there."""
    if not (folder / "raw.parquet").exists():
        write_raw(folder / "log.parquet", folder / "raw.parquet")
    return folder


def _ga(shop: Path, events: int) -> None:
    if events == 10**6:
        if not EXPORT.exists():
            raise SystemExit(f"no export at {EXPORT}: set CARTPATH_DATA, or ask for --logs sim")
        ingest(shop, [str(EXPORT)], adapter="ga360")
        return
    copied(prepared("ga", 10**6) / "shop", shop, math.ceil(events / 10**6))


def copied(source: Path, target: Path, copies: int) -> None:
    """Fill a new store with copies of another's events."""
    print(f"copying {source} {copies} times into {target}", file=sys.stderr)
    with store.writer(target) as writer:
        for part in sorted((source / "store" / "events").glob("*/*.parquet")):
            table = pq.read_table(part)
            for copy in range(copies):
                writer.add(renamed(table, copy))
        writer.commit()


def renamed(table: pa.Table, copy: int) -> pa.Table:
    """Give a copy ids of its own: as they were, and the number of the copy."""
    columns = {name: table[name] for name in event_schema().names if name in table.column_names}
    if "_hit" in table.column_names:
        # The store keeps hits as numbers and takes them as names. What it was to take once, it has taken once (_once).
        columns["_hit"] = pc.cast(pc.if_else(pc.equal(table["_hit"], 0), None, table["_hit"]), pa.string())
    for name in RENAMED:
        columns[name] = pc.binary_join_element_wise(pc.cast(columns[name], pa.string()), str(copy), "~")
    return pa.table(columns)


def write_log(shop: Path, target: Path) -> None:
    """Write the path table as a table: its order, users and sessions as numbers, and which events start a step."""
    with store.open_snapshot(shop) as snapshot:
        names = pa.array(snapshot.codes("event"))
        partial = target.with_suffix(".tmp")
        with pq.ParquetWriter(partial, LOG, compression="zstd") as writer:
            for table in _tables(snapshot, names):
                writer.write_table(table)
        partial.rename(target)


def write_raw(log: Path, target: Path) -> None:
    """Write the same events as a shop's log has them: in the order of time, all users mixed, ids as text."""
    import duckdb

    partial = target.with_suffix(".tmp")
    with duckdb.connect() as connection:
        connection.execute(RAW.format(log=log, target=partial))
    partial.rename(target)


RAW = """
copy (
    select position, 'user-' || "user" as "user", 'session-' || session as session, event::varchar as event, ts, is_step
    from '{log}' order by ts, position
) to '{target}' (format parquet, compression zstd)
"""
#: Rows are in path order, which ``position`` says for those who may not rely on the order of rows.
LOG = pa.schema(
    {
        "position": pa.uint32(),
        "user": pa.uint32(),
        "session": pa.uint32(),
        "event": pa.dictionary(pa.int32(), pa.string()),
        "ts": pa.timestamp("us"),
        "is_step": pa.bool_(),
    }
)


def _tables(snapshot: store.Snapshot, names: pa.Array) -> Iterator[pa.Table]:
    users = sessions = rows = 0
    for bucket in range(snapshot.n_buckets):
        view = snapshot.bucket(bucket)
        user = np.repeat(np.arange(view.n_users), np.diff(view.offsets))
        columns = [
            rows + np.arange(view.n_events),
            users + user,
            sessions + np.asarray(view.session),
            pa.DictionaryArray.from_arrays(pa.array(np.asarray(view.event)), names),
            pa.array(np.asarray(view.ts), pa.timestamp("us")),
            np.asarray(view.step) == 1,
        ]
        made = [c if isinstance(c, pa.Array) else pa.array(c, LOG.field(i).type) for i, c in enumerate(columns)]
        yield pa.Table.from_arrays(made, schema=LOG)
        rows, users, sessions = rows + view.n_events, users + view.n_users, sessions + len(view.sessions)
