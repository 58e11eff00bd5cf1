"""The base: the paths of one pinned generation, found by the user's key without looking at any other user."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cartpath.config import IdentitySettings
from cartpath.ingest.cleaning import Plan
from cartpath.ingest.derivation import Cleaning
from cartpath.store import Snapshot, kernels
from cartpath.store import manifest as manifests
from cartpath.store.mapped import mapped_run
from cartpath.store.owners import Owners, resolve
from cartpath.store.prepare import ROW_HASH
from cartpath.store.run import Run, rows_of

Keys = npt.NDArray[np.uint64]


class Place(NamedTuple):
    """A user's row in a run."""

    run: Run
    row: int


class Base:
    """The raw paths of a generation, and how those that readers see are made of them.

    Parameters
    ----------
    snapshot : Snapshot
        Open as long as this is used.

    Attributes
    ----------
    owners : Owners or None
        Anonymous ids that are stitched to a user.
    record : dict or None
        How paths are derived; None where readers see what was ingested.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        store, entries = snapshot.workspace / manifests.STORE, snapshot.manifest.data["buckets"]
        # All of them now: an erasure deletes the files of pinned generations, too.
        self._runs = [[mapped_run(store, entry[k]) for k in ("base", "delta") if entry[k]] for entry in entries]
        found = snapshot.derivation
        self.record: dict[str, Any] | None = None if found is None else found["record"]
        self.owners: Owners | None = None
        if self.record is not None and self.record["identity"] is not None:
            self.owners = resolve(snapshot.links, IdentitySettings(**self.record["settings"]["identity"])).owners

    def places(self, key: int) -> list[Place]:
        """Return where a user is; nowhere if nobody knows the user."""
        found = []
        for run in self._runs[(key >> 17) % len(self._runs)]:
            row = int(np.searchsorted(run.user_key, np.uint64(key)))
            if row < len(run.user_key) and int(run.user_key[row]) == key:
                found.append(Place(run, row))
        return found

    def has(self, key: int, row_hash: Any) -> bool:
        """Whether an event is stored already."""
        return any(
            bool((run.arrays[ROW_HASH][run.offsets[row] : run.offsets[row + 1]] == row_hash).any())
            for run, row in self.places(key)
        )

    def hashes(self, keys: Keys) -> Keys:
        """Return the fingerprints of the stored events of some users."""
        found, unique = [np.zeros(0, np.uint64)], np.unique(keys)
        buckets = kernels.bucket_of(unique, len(self._runs))
        for bucket in np.unique(buckets).tolist():
            for run in self._runs[bucket]:
                rows = rows_of(run, unique[buckets == bucket])
                sizes = np.diff(run.offsets)[rows]
                shift = run.offsets[rows] - np.concatenate([[0], np.cumsum(sizes)[:-1]]) if len(rows) else sizes
                at = np.repeat(shift, sizes) + np.arange(sizes.sum())
                found.append(run.arrays[ROW_HASH][at].view(np.uint64))
        return np.concatenate(found)

    def ids_of(self, key: int) -> tuple[int, list[int]]:
        """Return whom a key stands for, and the keys of the anonymous ids that are stitched to that user."""
        owners = self.owners
        if owners is None:
            return key, []
        row = int(owners.find(np.array([key], np.uint64))[0])
        owner = key if row < 0 else int(owners.owner_key[row])
        mine = np.flatnonzero(owners.owner_key == np.uint64(owner))
        return owner, owners.anonymous_key[mine].tolist()

    def name_of(self, key: int) -> str | None:
        """Return the id of a user who owns another."""
        if self.owners is None:
            return None
        mine = np.flatnonzero(self.owners.owner_key == np.uint64(key))
        return str(self.owners.owner_id[int(mine[0])].as_py()) if len(mine) else None

    def cleaning(self, events: list[str]) -> Cleaning | None:
        """Return what cleans a path, with what was fitted for this generation."""
        if self.record is None or self.record["plan"] is None:
            return None
        return Cleaning(Plan.from_dict(self.record["plan"]), self._snapshot.gap_seconds, events)
