"""What a small commit costs: ``python benchmarks/follow/run.py [SHOP] [COMMITS]`` appends to a copy of a shop.

Without a shop, one of a simulated log of a million events is made.

Each commit has 1,000 views of users that the shop knows, spread over all buckets, after its last event.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from measure import simulated

from cartpath import store
from cartpath.ingest import ingest

EVENTS = 1000


def table(rng: np.random.Generator, users: list[str], begin: int) -> pa.Table:
    ts = np.sort(begin + rng.integers(0, 60_000_000, EVENTS))
    return pa.table(
        {
            "user_id": [users[at] for at in rng.integers(0, len(users), EVENTS)],
            "ts": pa.array(ts, pa.timestamp("us", "UTC")),
            "event": ["view"] * EVENTS,
            "item_id": [f"i{at}" for at in rng.integers(0, 1000, EVENTS)],
            "page": [f"/p{at}" for at in rng.integers(0, 1000, EVENTS)],
        }
    )


def commit(shop: Path, rows: pa.Table, turn: int) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    with store.writer(shop) as writer:
        writer.add(rows)
        writer.commit(sources=[{"file": "log"}], followed={"log": {"turn": turn}})
    return time.perf_counter() - wall, time.process_time() - cpu


def main() -> None:
    commits = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        shop = Path(folder, "shop")
        if len(sys.argv) > 1:
            shutil.copytree(sys.argv[1], shop)
        else:
            store.init(shop)
            ingest(shop, [str(simulated(10**6) / "events.parquet")], adapter="cartpath")
        with store.open_snapshot(shop) as snap:
            users = [u for bucket in range(snap.n_buckets) for u in snap.bucket(bucket).user_id.to_pylist()]
            events, buckets, last = snap.totals.events, snap.n_buckets, snap.totals.last_ts or 0
        commit(shop, table(rng, users, last), 0)  # loads the kernels
        taken = [commit(shop, table(rng, users, last + turn * 60_000_000), turn) for turn in range(1, commits + 1)]
        wall, cpu = zip(*taken[-20:], strict=True)
        files = sum(1 for path in (shop / "store").rglob("*") if path.is_file())
        print(
            f"| {events:,} | {buckets} | {commits} | {statistics.median(wall):.2f} s (worst {max(wall):.2f}) "
            f"| {statistics.median(cpu):.2f} s | {files:,} | {(shop / 'store/manifest.json').stat().st_size:,} |"
        )


if __name__ == "__main__":
    main()
