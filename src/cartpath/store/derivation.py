"""How the path table that readers see is made, and what there is to make it of."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from cartpath.schema import CartpathError
from cartpath.store.codes import Codes
from cartpath.store.files import load_run
from cartpath.store.manifest import STORE, Manifest
from cartpath.store.mapping import Mapper
from cartpath.store.owners import Owners
from cartpath.store.run import Run, merge
from cartpath.store.snapshot import Snapshot


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
    owners : Owners, optional
        Users who have one are moved to the owner's path, before anything else.
    transform : Transform, optional
        None leaves runs as they are.
    """

    record: dict[str, Any]
    owners: Owners | None = None
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
        return RawRuns(self.snapshot.workspace.resolve() / STORE, data["buckets"], data["gap_seconds"])


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
