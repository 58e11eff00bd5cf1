"""The work that is measured: ``python work.py ENGINE ingest|scans SHOP SOURCE``; a line of JSON after each step."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

import cartpath
from cartpath import engine, store

#: Empty tasks, to see what a task costs that does nothing; as many as there are buckets.
TASKS = 64
#: How often a question is asked again: one answer takes less than can be measured.
TIMES = 5

#: Rows of a log that is ingested first: what it takes is the same for any log.
FEW = 1000
STEPS = "view,add_to_cart,checkout,purchase"


def main() -> None:
    """Do what is asked and tell of each step."""
    name, what, shop, source = sys.argv[1:]
    with engine.using(name):
        begin = time.perf_counter()
        engine.map(_ready, range(4))
        _tell("start", begin, "")
        _nothing("tasks, first", 1)
        (_ingest if what == "ingest" else _scans)(Path(shop), source)


def _nothing(step: str, times: int) -> None:
    begin = time.perf_counter()
    for _ in range(times):
        engine.map(len, [""] * TASKS)
    _tell(step, begin, "", times)


def _ready(_: int) -> None:
    import cartpath.ingest.run
    import cartpath.paths  # noqa: F401 - a worker that has these is ready


def _tell(step: str, begin: float, found: Any, times: int = 1) -> None:
    text = json.dumps(found, sort_keys=True, default=str)
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    line = {"step": step, "wall": (time.perf_counter() - begin) / times, "times": times, "digest": digest}
    if step == "ingest":
        line["found"] = found
    print(json.dumps(line), flush=True)


def _ingest(folder: Path, source: str) -> None:
    few = folder.parent / f"{folder.name}-few.parquet"
    pq.write_table(pa.Table.from_batches([next(pq.ParquetFile(source).iter_batches(FEW))]), few)
    for step, shop, log in (
        ("ingest, few rows", folder.parent / f"{folder.name}-few", few),
        ("ingest", folder, source),
    ):
        store.init(shop)
        begin = time.perf_counter()
        done = cartpath.open(shop).ingest([log], "cartpath").to_dict()
        _tell(step, begin, {k: v for k, v in done.items() if k not in ("seconds", "quarantine_file")})


def _scans(folder: Path, source: str) -> None:
    shop = cartpath.open(folder)
    asked = {
        "status": lambda: shop.status().to_dict(),
        "funnel": lambda: shop.funnel(STEPS, within="7d").to_dict(),
        "flow": lambda: shop.flow().to_dict(),
        "doctor": lambda: _without_times(shop.doctor().to_dict()),
    }
    for step, ask in asked.items():
        for turn, times in (("first", 1), ("again", TIMES)):
            begin = time.perf_counter()
            found = [ask() for _ in range(times)]
            _tell(f"{step}, {turn}", begin, found[-1], times)
    _nothing("tasks, again", TIMES)


def _without_times(told: dict[str, Any]) -> dict[str, Any]:
    """What does not depend on which workspace it is, and when it was written."""
    findings = [finding for finding in told["findings"] if "last good state" not in finding["title"]]
    return {name: value for name, value in told.items() if name not in ("workspace", "state")} | {"findings": findings}


if __name__ == "__main__":
    main()
