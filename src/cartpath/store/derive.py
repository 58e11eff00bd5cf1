"""The path table that readers see, where it is not the one that was ingested: paths stitched, values cleaned.

The event store and the raw runs keep what came in. What is derived from them is written beside, a run a bucket,
and named by the same manifest: it becomes current with the events it is made of, and turning it off brings the raw
paths back.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cartpath.store import kernels
from cartpath.store.derivation import Derivation, Derived, Pending, RawRuns
from cartpath.store.files import load_run, save_run, write_table
from cartpath.store.owners import Owners
from cartpath.store.run import Run
from cartpath.store.snapshot import stats_of
from cartpath.store.spill import SPILL
from cartpath.store.stitch import arriving, combine, split

#: What a bucket's entry has where its path is derived.
DERIVED = ("derived", "removed", "derived_stats", "counts")


@dataclass(frozen=True)
class _Leaving:
    """Writes the users of a bucket who have an owner, and says which buckets they go to; can be pickled."""

    raw: RawRuns
    owners: Owners
    folder: Path

    def __call__(self, bucket: int) -> list[int]:
        run, gap = self.raw[bucket], self.raw.gap_seconds
        moved = None if run is None else split(run, self.owners, gap)[1]
        if moved is None:
            return []
        save_run(_moved_file(self.folder, bucket), moved, durable=False)
        homes = self.owners.owner_key[self.owners.find(moved.user_key)]
        return [int(home) for home in np.unique(kernels.bucket_of(homes, len(self.raw)))]


def _moved_file(folder: Path, bucket: int) -> Path:
    return folder / f"{bucket:04d}.arrow"


@dataclass(frozen=True)
class _Bucket:
    """Derives one bucket and writes it; can be pickled."""

    raw: RawRuns
    derivation: Derivation
    #: What the names of new files begin with: the generation, and what tells this try from an abandoned one.
    name: str
    folder: Path
    #: For each bucket those whose users come here.
    arrivals: dict[int, list[int]]

    def __call__(self, bucket: int) -> dict[str, Any]:
        run, transform = self._stitched(bucket), self.derivation.transform
        entry: dict[str, Any] = {"derived": None, "removed": None, "derived_stats": {}, "counts": {}}
        if run is None:
            return entry
        return self._kept(bucket, Derived(run) if transform is None else transform(run), entry)

    def _stitched(self, bucket: int) -> Run | None:
        run, owners, gap = self.raw[bucket], self.derivation.owners, self.raw.gap_seconds
        if owners is None:
            return run
        own = None if run is None else split(run, owners, gap)[0]
        moved = [load_run(_moved_file(self.folder, source)) for source in self.arrivals.get(bucket, [])]
        here = [arriving(one, owners, bucket, len(self.raw), gap) for one in moved]
        found = [one for one in here if one is not None]
        return combine(own, found, owners, gap) if found else own

    def _kept(self, bucket: int, done: Derived, entry: dict[str, Any]) -> dict[str, Any]:
        if len(done.run):
            entry["derived"] = f"derived/{bucket:04d}/{self.name}.arrow"
            save_run(self.raw.store / entry["derived"], done.run, durable=False)
        if done.removed is not None and len(done.removed):
            entry["removed"] = f"removed/{bucket:04d}/{self.name}.parquet"
            write_table(self.raw.store / entry["removed"], done.removed)
        return entry | {"derived_stats": stats_of(done.run), "counts": done.counts}


def derive(pending: Pending, derivation: Derivation | None, touched: Iterable[int]) -> None:
    """Derive the buckets that need it and name them in the manifest to be.

    Parameters
    ----------
    pending : Pending
    derivation : Derivation, optional
        None: readers see the raw runs.
    touched : iterable of int
        Buckets with new events.
    """
    data = pending.manifest.data
    if derivation is None:
        data["derivation"] = None
        for entry in data["buckets"]:
            for name in DERIVED:
                entry.pop(name, None)
        return
    # A link can bring events from any bucket to any other.
    some = derivation.owners is None and pending.record == derivation.record
    buckets = sorted(touched) if some else list(range(len(data["buckets"])))
    raw, token = pending.raw_runs(), secrets.token_hex(4)
    folder = raw.store / SPILL / f"moved-{token}"
    try:
        arrivals = _leave(pending, raw, derivation.owners, folder)
        work = _Bucket(raw, derivation, f"{pending.manifest.generation:08d}-{token}", folder, arrivals)
        for bucket, entry in zip(buckets, pending.mapper(work, buckets), strict=True):
            data["buckets"][bucket].update(entry)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    counts: dict[str, int] = {}
    for entry in data["buckets"]:
        for name, n in entry.get("counts", {}).items():
            counts[name] = counts.get(name, 0) + n
    data["derivation"] = {"record": derivation.record, "counts": counts, "generation": pending.manifest.generation}


def _leave(pending: Pending, raw: RawRuns, owners: Owners | None, folder: Path) -> dict[int, list[int]]:
    arrivals: dict[int, list[int]] = {}
    if owners is not None:
        for source, homes in enumerate(pending.mapper(_Leaving(raw, owners, folder), list(range(len(raw))))):
            for home in homes:
                arrivals.setdefault(home, []).append(source)
    return arrivals
