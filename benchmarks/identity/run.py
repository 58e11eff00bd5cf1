"""Users who are anonymous until their first purchase: are their paths given back, and what does it take?

    python benchmarks/identity/run.py [--events 10M]

simulates (or takes from ``bench-data``) a log, takes the users' ids out of all events before their first purchase, and
ingests both. Then it stitches bucket by bucket and compares every user's path with the original, value by value.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.measure import amount
from cartpath import store
from cartpath.config import IdentitySettings
from cartpath.ingest import ingest
from cartpath.simulate import simulate
from cartpath.store.owners import resolve
from tests.ingest.logins import COOKIE, compare, write_anonymised
from tests.store.stitching import derive

ROOT = Path(__file__).resolve().parents[2]


def source_of(events: str, folder: Path) -> Path:
    """Return the log of that size, simulated unless it is there."""
    kept = ROOT / "bench-data" / f"events-{events}" / "events.parquet"
    if kept.exists():
        return kept
    simulate(folder / "simulated", round(amount(events) / 45.3), 180, 1)
    return folder / "simulated" / "events.parquet"


def timed(name: str, begin: float) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{name}: {time.process_time() - begin:.1f} s of CPU; peak so far {peak:.2f} GB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", default="1M")
    events = parser.parse_args().events
    folder = Path(tempfile.mkdtemp(prefix="identity-"))
    try:
        log = source_of(events, folder)
        write_anonymised(log, folder / "anonymous.parquet")
        for name, path, options in (
            ("original", log, {}),
            ("raw", folder / "anonymous.parquet", {"anonymous": COOKIE}),
        ):
            begin = time.process_time()
            store.init(folder / name)
            print(ingest(folder / name, [str(path)], adapter="cartpath", options=options).to_dict())
            timed(f"ingest {name}", begin)
        with store.open_snapshot(folder / "original") as original, store.open_snapshot(folder / "raw") as raw:
            begin = time.process_time()
            found = resolve(raw.links, IdentitySettings())
            timed(f"resolve {found.links:,} links", begin)
            begin = time.process_time()
            runs = derive([raw.raw_run(bucket) for bucket in range(raw.n_buckets)], found.owners, raw.gap_seconds)
            timed("stitch", begin)
            views: Iterator[store.PathView] = (run.view() for run in runs if run is not None)
            print(asdict(compare(original, raw, views)))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
