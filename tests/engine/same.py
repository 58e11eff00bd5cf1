"""Whether two workspaces hold the same, and what is asked of both engines."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import cartpath
from cartpath import config, engine, ingest, store
from cartpath.store.codes import CODED
from cartpath.store.path import EVENT_ARRAYS

SPARK = "local[2]"
SESSION = ("user", "start", "end", "key", "context_ts")


def fresh(folder: Path, buckets: int = 4) -> Path:
    """An empty workspace."""
    store.init(folder, config.Settings(config.StoreSettings(buckets=buckets)))
    return folder


def both(folder: Path, buckets: int = 4) -> tuple[Path, Path]:
    """An empty workspace for either engine."""
    return fresh(folder / "threads", buckets), fresh(folder / "spark", buckets)


def copied(shop: Path, to: Path) -> Path:
    shutil.copytree(shop, to)
    return to


def put(shop: Path, engine_name: str, sources: list[Path], adapter: str = "generic", **more: Any) -> dict[str, Any]:
    """Ingest on an engine; the summary without what differs from run to run."""
    with engine.using(engine_name):
        done = ingest.ingest(shop, [str(source) for source in sources], adapter=adapter, **more).to_dict()
    return {name: value for name, value in done.items() if name not in ("seconds", "quarantine_file")}


def same_state(one: Path, other: Path) -> None:
    """The same paths, event for event; dictionaries, tables, counts and quarantine."""
    with store.open_snapshot(one) as a, store.open_snapshot(other) as b:
        for name in CODED.values():
            assert a.codes(name) == b.codes(name), name
        for bucket in range(a.n_buckets):
            same_paths(a.bucket(bucket), b.bucket(bucket))
        assert a.totals == b.totals
        assert a.items.equals(b.items)
        assert a.users.equals(b.users)
        assert [counted(c) for c in a.commits] == [counted(c) for c in b.commits]
        assert [e["stats"] for e in a.manifest.data["buckets"]] == [e["stats"] for e in b.manifest.data["buckets"]]
    assert quarantined(one).equals(quarantined(other))


def counted(commit: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in commit.items() if name != "time"}


def same_paths(a: store.PathView, b: store.PathView) -> None:
    assert a.user_id.equals(b.user_id)
    assert np.array_equal(a.offsets, b.offsets)
    for name in EVENT_ARRAYS:
        left, right = getattr(a, name), getattr(b, name)
        assert np.array_equal(left, right, equal_nan=left.dtype.kind == "f"), name
    for name in SESSION:
        assert np.array_equal(getattr(a.sessions, name), getattr(b.sessions, name)), name
    for name, values in a.sessions.context.items():
        assert np.array_equal(values, b.sessions.context[name]), name


def quarantined(shop: Path) -> pa.Table:
    """All quarantined rows; files by the time they were made."""
    from cartpath.ingest.quarantine import SCHEMA

    files = sorted((shop / "quarantine").glob("*.parquet"), key=lambda path: path.stat().st_mtime_ns)
    return pa.concat_tables([SCHEMA.empty_table(), *(pq.read_table(file) for file in files)])


def clean(shop: Path) -> None:
    """Nothing is left of the way there."""
    assert store.leftovers(shop) == []
    assert not list((shop / "store" / "spill").glob("*"))


def answers(shop: Path, engine_name: str) -> dict[str, Any]:
    """Every analysis that scans."""
    opened = cartpath.open(shop, engine=engine_name)
    return {
        "status": opened.status().to_dict(),
        "daily": opened.daily().frame.to_dict(),
        "users": opened.funnel("view,add_to_cart,purchase", within="7d").to_dict(),
        "sessions": opened.funnel("view,purchase", count="sessions", since="2024-01-10").to_dict(),
        "flow": opened.flow().to_dict(),
        "doctor": opened.doctor().to_dict(),
    }
