"""A pinned generation of a workspace, as readers see it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa

from cartpath.schema import Columns, CorruptStoreError, item_schema
from cartpath.store import manifest as manifests
from cartpath.store.codes import CODED, ERASED, Codes, Dictionary
from cartpath.store.files import load_arrays, read_table
from cartpath.store.links import LINKS, no_links
from cartpath.store.mapped import let_go, mapped_run
from cartpath.store.path import PathView, Place
from cartpath.store.run import Run, empty_run, merge

#: Ends of ``Snapshot.shaped_until``.
NEVER_SHAPED: int = -(2**62)
ALWAYS_SHAPED: int = 2**62


@dataclass(frozen=True)
class Totals:
    """Counts of a generation; times are microseconds since 1970 UTC, None in an empty store."""

    events: int
    users: int
    sessions: int
    items: int
    first_ts: int | None
    last_ts: int | None
    events_by_type: dict[str, int]


class Snapshot:
    """Reads one generation, whatever is written meanwhile; close it to let the generation go.

    Examples
    --------
    >>> import tempfile
    >>> from cartpath import store
    >>> folder = Path(tempfile.mkdtemp()) / "shop"
    >>> store.init(folder)
    >>> with store.open_snapshot(folder) as snapshot:
    ...     snapshot.totals.events
    0
    """

    def __init__(self, workspace: Path, manifest: manifests.Manifest | None = None) -> None:
        self.workspace = Path(workspace)
        self._store = self.workspace / manifests.STORE
        self._pin = None if manifest is not None else manifests.Pin(self.workspace)
        self.manifest = self._pin.manifest if self._pin is not None else manifest or manifests.current(workspace)
        let_go(self._store, self.manifest.files())

    @classmethod
    def at(cls, workspace: Path | str, generation: int) -> Self:
        """Open a generation that another reader, perhaps on another machine, keeps pinned meanwhile.

        Nothing is written, so the store may be read-only here.

        Parameters
        ----------
        workspace : Path
        generation : int

        Raises
        ------
        CartpathError
            If the workspace is not seen from here.
        CorruptStoreError
            If the generation is not there (any more).
        """
        return cls(Path(workspace), manifests.of_generation(Path(workspace), generation))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the generation go."""
        if self._pin is not None:
            self._pin.release()

    @property
    def generation(self) -> int:
        """Number of the generation."""
        return self.manifest.generation

    @property
    def n_buckets(self) -> int:
        """Number of buckets; a user lives in exactly one."""
        return int(self.manifest.data["n_buckets"])

    @property
    def gap_seconds(self) -> int:
        """Inactivity that ends a session without an id."""
        return int(self.manifest.data["gap_seconds"])

    @property
    def derivation(self) -> dict[str, Any] | None:
        """How what readers see was made of what was ingested: ``record``, ``counts``; None where it is the same."""
        found: dict[str, Any] | None = self.manifest.data.get("derivation")
        return found

    @property
    def shaped_until(self) -> int:
        """What happened before this moment shaped the paths of earlier ones (fitted values, linked ids).

        Microseconds since 1970 UTC; ``NEVER_SHAPED`` where nothing did, ``ALWAYS_SHAPED`` where everything may have.
        An experiment whose cut-off is earlier would see the future.
        """
        found = self.derivation
        return NEVER_SHAPED if found is None else int(found["record"].get("shaped_until", NEVER_SHAPED))

    def run(self, bucket: int) -> Run:
        """Return a bucket's paths: cleaned and stitched where that is on, else as they were ingested."""
        if self.derivation is None:
            return self.raw_run(bucket)
        name = self.manifest.data["buckets"][bucket].get("derived")
        return mapped_run(self._store, name) if name else empty_run()

    def raw_run(self, bucket: int) -> Run:
        """Return a bucket's paths as they were ingested: its base merged with its delta."""
        entry = self.manifest.data["buckets"][bucket]
        base, delta = (mapped_run(self._store, name) if name else None for name in (entry["base"], entry["delta"]))
        if base is None:
            return delta if delta is not None else empty_run()
        return merge(base, delta, self.gap_seconds) if delta is not None else base

    def removed(self, bucket: int) -> pa.Table:
        """Return the events that cleaning took out of a bucket's paths, each with its ``reason``."""
        name = self.manifest.data["buckets"][bucket].get("removed")
        empty = {Columns.user_id: pa.array([], pa.string()), "reason": pa.array([], pa.string())}
        return read_table(self._store / name) if name else pa.table(empty)

    def bucket(self, bucket: int) -> PathView:
        """Return the paths of one bucket, memory-mapped where there is no delta."""
        return self.run(bucket).view(Place(self.generation, bucket))

    @cached_property
    def _codes(self) -> dict[str, list[str]]:
        return {}

    def dictionary(self, name: str) -> Dictionary:
        """Load one dictionary."""
        segments = self.manifest.data["codes"].get(name, [])
        return Dictionary(load_arrays(self._store / segment)["values"] for segment in segments)

    def codes(self, name: str) -> list[str]:
        """Return the texts of one dictionary by code: ``event item page query`` or a context column."""
        if name not in CODED.values():
            raise KeyError(f"no dictionary {name!r}; there are: {', '.join(CODED.values())}")
        if name not in self._codes:
            segments = self.manifest.data["codes"].get(name, [])
            parts = [load_arrays(self._store / segment)["values"] for segment in segments]
            self._codes[name] = [ERASED if v is None else v for part in parts for v in part.to_pylist()]
        return self._codes[name]

    def code_of(self, name: str, value: str) -> int:
        """Return the code of a text, -1 if it was never seen."""
        try:
            return self.codes(name).index(value)
        except ValueError:
            return -1

    @property
    def items(self) -> pa.Table:
        """The catalogue: ``schema.item_schema()`` and any further columns."""
        return self.table("items", item_schema().empty_table())

    @property
    def users(self) -> pa.Table:
        """User attributes: ``user_id`` and any columns."""
        return self.table("users", pa.table({Columns.user_id: pa.array([], pa.string())}))

    @property
    def links(self) -> pa.Table:
        """Links between ids: ``links.link_schema()``."""
        return self.table(LINKS, no_links())

    def table(self, name: str, default: pa.Table) -> pa.Table:
        """Read one of the store's small tables."""
        file = self.manifest.data["tables"].get(name)
        if not file:
            return default
        try:
            return read_table(self._store / file)
        except (OSError, pa.ArrowInvalid) as error:
            raise CorruptStoreError(f"{self._store / file} is missing or damaged: {error}") from error

    @property
    def sources(self) -> list[dict[str, Any]]:
        """What was ingested, in order."""
        return [source for commit in self.commits for source in commit["sources"]]

    @property
    def commits(self) -> list[dict[str, Any]]:
        """One entry a commit: ``generation time stored duplicates late sources quarantine``."""
        return list(self.manifest.data["commits"])

    @property
    def ingested(self) -> int:
        """Events that were ingested, whatever cleaning took out of the paths."""
        return sum(entry["stats"].get("events", 0) for entry in self.manifest.data["buckets"])

    @cached_property
    def totals(self) -> Totals:
        """Counts over all buckets."""
        kind = "stats" if self.derivation is None else "derived_stats"
        found = [bucket.get(kind, {}) for bucket in self.manifest.data["buckets"]]
        stats = [entry for entry in found if entry.get("events")]
        by_code = np.zeros(len(self.codes("event")), np.int64)
        for entry in stats:
            by_code[: len(entry["by_event"])] += np.array(entry["by_event"], np.int64)
        named = {name: int(n) for name, n in zip(self.codes("event"), by_code, strict=True) if n}
        seen = self.table("items_seen", pa.table({"seen": pa.array([], pa.bool_())}))
        return Totals(
            events=sum(entry["events"] for entry in stats),
            users=sum(entry["users"] for entry in stats),
            sessions=sum(entry["sessions"] for entry in stats),
            items=int(np.count_nonzero(seen["seen"].to_numpy())),
            first_ts=min((entry["first"] for entry in stats), default=None),
            last_ts=max((entry["last"] for entry in stats), default=None),
            events_by_type=dict(sorted(named.items(), key=lambda pair: -pair[1])),
        )

    def load_codes(self, names: Iterable[str] = ()) -> Codes:
        """Load dictionaries for encoding new values; all by default."""
        return Codes({name: self.dictionary(name) for name in names or CODED.values()})


def stats_of(run: Run) -> dict[str, Any]:
    """Return the counts of a bucket that the manifest keeps."""
    if not len(run):
        return {}
    return {
        "events": len(run),
        "users": len(run.user_key),
        "sessions": len(run.sessions),
        "first": int(run.sessions.start.min()),
        "last": int(run.sessions.end.max()),
        "by_event": np.bincount(run.arrays["event"]).tolist(),
    }
