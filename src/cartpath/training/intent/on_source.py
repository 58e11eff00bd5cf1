"""New files, read as an ingest reads them but into a store of their own that goes when they are scored.

That store begins with the shop's dictionaries, so that a value has the same code in both, and with what the shop knows
of hits of which only the first counts; it has the shop's buckets, session gap, time zone and list of forgotten users.
Nothing of the shop is written to. Rules that look at other events than the one they change are off, and links that the
files show are not followed: both would let what comes later into what came before.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cartpath import config, store
from cartpath.ingest import Adapter, IngestSummary, ingest
from cartpath.ingest.follow.address import is_stream
from cartpath.schema import CartpathError, Columns
from cartpath.store import Snapshot
from cartpath.store import manifest as manifests
from cartpath.store.owners import Owners
from cartpath.store.prepare import USER_KEY
from cartpath.store.rebuild import rows_of_part
from cartpath.store.run import column
from cartpath.store.spill import Spill
from cartpath.training.data import Progress

#: The user's id as the source has it, where the path is its owner's; and of such rows the hash of that id, else 0.
OWN_ID, CAME_AS = "own_id", "came_as"
_FORGOTTEN = "forgotten.json"


@dataclass(frozen=True)
class Reading:
    """How to read a source, as ``cartpath.ingest`` takes it.

    Attributes
    ----------
    sources : sequence of str
        Files, folders and globs.
    adapter : str or Adapter
    mapping : mapping of str to str
    options : mapping
    """

    sources: Sequence[str]
    adapter: str | Adapter = "generic"
    mapping: Mapping[str, str] | None = None
    options: Mapping[str, Any] | None = None


@dataclass
class SourceRows:
    """What was read, by bucket.

    Attributes
    ----------
    snapshot : Snapshot
        Of the store that holds it.
    summary : IngestSummary
    owners : Owners
        The shop's: whose path an id's events belong to.
    """

    snapshot: Snapshot
    summary: IngestSummary
    owners: Owners

    def __iter__(self) -> Iterator[tuple[int, pa.Table]]:
        """Yield the buckets that have rows, and these: as ``store.prepare`` makes them, no event twice."""
        if not len(self.owners):
            yield from self._stored()
            return
        with closing(Spill(self._folder / "by-owner", self.snapshot.n_buckets)) as spill:
            for _, rows in self._stored():
                spill.add(_owned(rows, self.owners))
            for bucket, spilled in spill.filled():
                rows = spilled.read()
                # Of events at equal times the owner's own come first, then those of other ids, by their keys.
                yield bucket, rows.take(pa.array(np.argsort(column(rows, CAME_AS), kind="stable")))

    def _stored(self) -> Iterator[tuple[int, pa.Table]]:
        codes = self.snapshot.load_codes()
        for bucket, entry in enumerate(self.snapshot.manifest.data["buckets"]):
            for part in entry["parts"]:
                yield bucket, rows_of_part(self._folder / part, codes)

    @property
    def _folder(self) -> Path:
        return self.snapshot.workspace / manifests.STORE


def _owned(rows: pa.Table, owners: Owners) -> pa.Table:
    """Put rows under the owners of their ids."""
    keys, ids = column(rows, USER_KEY), rows[Columns.user_id]
    at = owners.find(keys)
    moved = at >= 0
    owner = pa.concat_arrays([owners.owner_id, pa.nulls(1, pa.string())]).take(pa.array(at, mask=~moved))
    theirs = {
        USER_KEY: pa.array(np.where(moved, np.append(owners.owner_key, np.uint64(0))[at], keys)),
        Columns.user_id: pc.coalesce(owner, ids.combine_chunks()),
    }
    for name, values in theirs.items():
        rows = rows.set_column(rows.column_names.index(name), name, values)
    return rows.append_column(OWN_ID, ids).append_column(CAME_AS, pa.array(np.where(moved, keys, np.uint64(0))))


@contextmanager
def read_source(shop: Snapshot, owners: Owners, reading: Reading, told: Progress) -> Iterator[SourceRows]:
    """Read a source into a store of its own, in the system's folder for temporary files, and remove it afterwards.

    Parameters
    ----------
    shop : Snapshot
    owners : Owners
    reading : Reading
    told : callable

    Raises
    ------
    CartpathError
        As ``cartpath.ingest``; or if a source is a stream, from which reading takes away.
    """
    if any(map(is_stream, reading.sources)):
        raise CartpathError("a stream is not scored: reading it takes events away", "name files, or ingest it")
    with tempfile.TemporaryDirectory(prefix="cartpath-") as folder:
        workspace = Path(folder) / "source"
        _begin(workspace, shop)
        summary = ingest(
            workspace,
            list(reading.sources),
            adapter=reading.adapter,
            mapping=reading.mapping,
            options=reading.options,
            progress=lambda done, total: told("reading the source", done / max(total, 1)),
        )
        with store.open_snapshot(workspace) as snapshot:
            yield SourceRows(snapshot, summary, owners)


def _begin(workspace: Path, shop: Snapshot) -> None:
    """Make a store without events, with the shop's settings, dictionaries and memory of first hits."""
    settings = config.load(shop.workspace)
    kept = config.Settings(
        store=config.StoreSettings(shop.n_buckets),
        sessions=config.SessionSettings(f"{shop.gap_seconds}s"),
        shop=settings.shop,
        cleaning=config.CleaningSettings(time_zones=settings.cleaning.time_zones),
        identity=replace(settings.identity, stitch=False),
    )
    store.init(workspace, kept)
    manifest, theirs = manifests.Manifest.empty(shop.n_buckets, shop.gap_seconds), shop.manifest.data
    # Generations go on from the shop's, so that no new file has the name of one that was copied.
    once = {name: file for name, file in theirs["tables"].items() if name == "once"}
    manifest.data |= {"generation": shop.generation, "codes": theirs["codes"], "tables": once}
    names = [*once.values(), *(segment for segments in theirs["codes"].values() for segment in segments)]
    if (shop.workspace / manifests.STORE / _FORGOTTEN).exists():
        names.append(_FORGOTTEN)
    for name in names:
        target = workspace / manifests.STORE / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(shop.workspace / manifests.STORE / name, target)
    manifests.swap(workspace, manifest)
