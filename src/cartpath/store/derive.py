"""The path table that readers see, where it is not the one that was ingested: paths stitched, values cleaned.

The event store and the raw runs keep what came in. What is derived from them is written beside, a run a bucket,
and named by the same manifest: it becomes current with the events it is made of, and turning it off brings the raw
paths back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from cartpath.schema import CartpathError
from cartpath.store.codes import Codes
from cartpath.store.files import load_run, save_run, write_table
from cartpath.store.manifest import STORE, Manifest
from cartpath.store.run import Run, merge
from cartpath.store.snapshot import Snapshot, stats_of

Mapper = Callable[[Callable[[int], Any], Sequence[int]], list[Any]]


@dataclass(frozen=True)
class Derived:
    """What became of a bucket.

    Attributes
    ----------
    run : Run
        What readers see.
    removed : pyarrow.Table, optional
        Events that were taken out, each with a ``reason``.
    counts : dict of str to int
        What was done, by rule.
    """

    run: Run
    removed: pa.Table | None = None
    counts: dict[str, int] = field(default_factory=dict)


class Transform(Protocol):
    """From a bucket's run to what readers see; can be pickled, as a cluster runs it elsewhere."""

    def __call__(self, run: Run) -> Derived:
        """Return what became of a run."""


@dataclass(frozen=True)
class Derivation:
    """How the path table that readers see is made.

    Attributes
    ----------
    record : dict
        As JSON: the settings and what was fitted. Kept in the manifest (``Snapshot.derivation``); while it is the
        same, only buckets with new events are derived anew.
    transform : Transform, optional
        None leaves runs as they are.
    """

    record: dict[str, Any]
    transform: Transform | None = None


class Pending:
    """A write that is about to become current, for whoever decides how it is derived.

    Parameters
    ----------
    snapshot : Snapshot
        The generation before.
    manifest : Manifest
        The generation to be; its raw buckets are written.
    codes : Codes
    tables : dict of str to pyarrow.Table
        Small tables that this write puts.
    mapper : callable
        Runs a function over buckets.
    """

    def __init__(
        self, snapshot: Snapshot, manifest: Manifest, codes: Codes, tables: dict[str, pa.Table], mapper: Mapper
    ) -> None:
        self.snapshot, self.manifest, self.codes = snapshot, manifest, codes
        self._tables, self.mapper = tables, mapper

    @property
    def record(self) -> dict[str, Any] | None:
        """The record of the derivation that is current, None where there is none."""
        found = self.snapshot.derivation
        return None if found is None else dict(found["record"])

    @property
    def was_empty(self) -> bool:
        """Whether there were no events before this write."""
        return not any(entry["stats"].get("events") for entry in self.snapshot.manifest.data["buckets"])

    def table(self, name: str, default: pa.Table) -> pa.Table:
        """Return one of the store's small tables, as this write leaves it."""
        return self._tables.get(name, self.snapshot.table(name, default))

    def raw_runs(self) -> RawRuns:
        """Return the raw runs of the generation to be, which can be pickled and read a bucket at a time."""
        data = self.manifest.data
        return RawRuns(self.snapshot.workspace / STORE, data["buckets"], data["gap_seconds"])


@dataclass(frozen=True)
class RawRuns:
    """The runs as they were ingested, by bucket.

    Attributes
    ----------
    store : Path
    buckets : list of dict
        The manifest's entries.
    gap_seconds : int
    """

    store: Path
    buckets: list[dict[str, Any]]
    gap_seconds: int

    def __len__(self) -> int:
        return len(self.buckets)

    def __getitem__(self, bucket: int) -> Run | None:
        entry = self.buckets[bucket]
        base, delta = (load_run(self.store / name) if name else None for name in (entry["base"], entry["delta"]))
        if base is None or delta is None:
            return base if delta is None else delta
        return merge(base, delta, self.gap_seconds)


@dataclass(frozen=True)
class _Bucket:
    """Derives one bucket and writes it; can be pickled."""

    raw: RawRuns
    derivation: Derivation
    generation: int

    def __call__(self, bucket: int) -> dict[str, Any]:
        run = self.raw[bucket]
        entry: dict[str, Any] = {"derived": None, "removed": None, "derived_stats": {}, "counts": {}}
        if run is None or self.derivation.transform is None:
            return entry if run is None else self._kept(bucket, Derived(run), entry)
        return self._kept(bucket, self.derivation.transform(run), entry)

    def _kept(self, bucket: int, done: Derived, entry: dict[str, Any]) -> dict[str, Any]:
        if len(done.run):
            entry["derived"] = f"derived/{bucket:04d}/{self.generation:08d}.arrow"
            save_run(self.raw.store / entry["derived"], done.run)
        if done.removed is not None and len(done.removed):
            entry["removed"] = f"removed/{bucket:04d}/{self.generation:08d}.parquet"
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
    same = pending.record == derivation.record
    buckets = sorted(touched) if same else list(range(len(data["buckets"])))
    work = _Bucket(pending.raw_runs(), derivation, pending.manifest.generation)
    for bucket, entry in zip(buckets, pending.mapper(work, buckets), strict=True):
        data["buckets"][bucket].update(entry)
    counts: dict[str, int] = {}
    for entry in data["buckets"]:
        for name, n in entry.get("counts", {}).items():
            counts[name] = counts.get(name, 0) + n
    data["derivation"] = {"record": derivation.record, "counts": counts, "generation": pending.manifest.generation}


#: What a bucket's entry has where its path is derived.
DERIVED = ("derived", "removed", "derived_stats", "counts")


def check_derived(manifest: Manifest) -> None:
    """Refuse to change events under a derived path table without deriving it anew.

    Raises
    ------
    CartpathError
        If the manifest has a derivation.
    """
    if manifest.data.get("derivation") is not None:
        raise CartpathError(
            "paths of this shop are cleaned or stitched, so events are added by an ingest alone",
            "use cartpath.ingest or cartpath ingest, which derive them anew",
        )


def on_threads(threads: int) -> Mapper:
    """Return a mapper that runs a function over buckets on threads, results in order."""

    def over(work: Callable[[int], Any], buckets: Sequence[int]) -> list[Any]:
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(work, buckets))

    return over
