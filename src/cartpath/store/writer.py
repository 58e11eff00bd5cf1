"""Writing to a workspace: rows come in source order, and become a new generation all at once or not at all."""

from __future__ import annotations

import secrets
import shlex
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartpath import config
from cartpath.schema import CartpathError, Columns
from cartpath.store import manifest as manifests
from cartpath.store.build import BucketJob, Builder, Built, RowsOfBucket
from cartpath.store.codes import CODED, Codes
from cartpath.store.derivation import Derivation, Pending, check_derived
from cartpath.store.derive import derive
from cartpath.store.erasure import Forgotten
from cartpath.store.links import LINKS, merge_links, no_links, without
from cartpath.store.mapping import Mapper, on_threads
from cartpath.store.once import Once, keyed
from cartpath.store.prepare import prepare
from cartpath.store.publish import Committed, note_artefacts, note_commit, write_codes, write_tables
from cartpath.store.share import Share, StoredValues, rows_of_shares
from cartpath.store.snapshot import Snapshot
from cartpath.store.spill import SPILL, Spill
from cartpath.store.tables import upsert

Progress = Callable[[int, int], None]


@contextmanager
def writer(workspace: Path | str, threads: int | None = None, mapper: Mapper | None = None) -> Iterator[Writer]:
    """Open the workspace for writing; without ``commit`` nothing changes.

    Parameters
    ----------
    workspace : Path
    threads : int, optional
        That build buckets; as many as cores by default.
    mapper : Mapper, optional
        What builds buckets in place of threads of this process, perhaps on other machines that see the workspace.

    Raises
    ------
    WorkspaceBusyError
        If another process is writing.
    CartpathError
        If this is no workspace, or ``[sessions] gap`` or ``[store] buckets`` was edited since the last write.
    """
    path = Path(workspace)
    with manifests.writer_lock(path):
        manifests.collect(path)
        opened = Writer(path, threads, mapper)
        try:
            yield opened
        finally:
            opened.close()


class Writer:
    """Collects events, items and users, and commits them as one generation; see ``writer``."""

    def __init__(self, workspace: Path, threads: int | None = None, mapper: Mapper | None = None) -> None:
        self.workspace = workspace
        self._here = mapper is None
        self._mapper: Mapper = mapper or partial(on_threads, threads=threads)
        self._store = workspace.resolve() / manifests.STORE  # as tasks elsewhere find it, too
        self._snapshot = Snapshot(workspace)
        try:
            self._check_settings()
            self._codes: Codes = self._snapshot.load_codes()
            self._forgotten = Forgotten.load(workspace)
            self._once = Once.load(self._snapshot)
        except BaseException:
            self._snapshot.close()
            raise
        self._committed = False
        self._tables: dict[str, pa.Table] = {}
        self._artefacts: list[dict[str, Any]] = []
        self._dropped: set[str] = set()
        self._spill: Spill | None = None
        self._shares: list[Share] = []
        self._folder: Path | None = None
        self.added = 0

    def _check_settings(self) -> None:
        settings, data = config.load(self.workspace), self._snapshot.manifest.data
        if data["gap_seconds"] != settings.sessions.gap_seconds or data["n_buckets"] != settings.store.buckets:
            raise CartpathError(
                f"{config.FILE_NAME} has another session gap or bucket count than the store was built with",
                f"rebuild it: cartpath rebucket {shlex.quote(str(self.workspace))}",
            )

    def known_sources(self) -> dict[str, dict[str, Any]]:
        """Return what was ingested before, by signature."""
        return dict(self._snapshot.manifest.data["sources"])

    @property
    def followed(self) -> dict[str, Any]:
        """How far each followed source was read, by its name."""
        return dict(self._snapshot.manifest.data.get("followed", {}))

    @property
    def n_buckets(self) -> int:
        """Number of buckets."""
        return self._snapshot.n_buckets

    @property
    def forgotten(self) -> Forgotten:
        """The users that were erased."""
        return self._forgotten

    def is_forgotten(self, user_ids: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.bool_]:
        """Mark users that were erased and must not come back (n,)."""
        return self._forgotten.mask(user_ids)

    def add(self, table: pa.Table | pa.RecordBatch) -> None:
        """Take canonical events, validated, in source order."""
        if isinstance(table, pa.RecordBatch):
            table = pa.Table.from_batches([table])
        if not len(table):
            return
        rows = prepare(table, self._codes)
        self._once.note(keyed(rows))
        if self._shares:
            raise RuntimeError("a writer takes events or shares, not both: their order would be lost")
        if self._spill is None:
            self._spill = Spill(self.share_folder(), self._snapshot.n_buckets)
        self._spill.add(rows)
        self.added += len(rows)

    def share_folder(self) -> Path:
        """Return the folder, gone when the writer closes, where other processes put shares of the source."""
        if self._folder is None:
            self._folder = self._store / SPILL / secrets.token_hex(4)
            self._folder.mkdir(parents=True)
        return self._folder

    def adopt(self, shares: Sequence[Share]) -> None:
        """Take what other processes read, in source order; in place of ``add``.

        Parameters
        ----------
        shares : sequence of Share
            As ``ShareWriter`` makes them in ``share_folder()``.
        """
        if self._spill is not None:
            raise RuntimeError("a writer takes events or shares, not both: their order would be lost")
        for share in shares:
            share.number(self._codes)
            self._once.note(share.keys())
            self.added += share.rows
        self._shares += shares

    def put_items(self, table: pa.Table) -> None:
        """Add or update catalogue items by ``item_id``; the latest non-null value of each column wins."""
        self._put("items", table, Columns.item_id, self._snapshot.items)

    def put_users(self, table: pa.Table) -> None:
        """Add or update user attributes by ``user_id``; forgotten users are left out."""
        table = table.filter(pa.array(~self.is_forgotten(table[Columns.user_id])))
        self._put("users", table, Columns.user_id, self._snapshot.users)

    def put_links(self, links: pa.Table) -> None:
        """Add links between ids (``links.link_schema()``); one that names a forgotten id is left out or unnamed."""
        self.put_table(LINKS, merge_links(self.table(LINKS, no_links()), without(links, self.is_forgotten)))

    def put_table(self, name: str, table: pa.Table) -> None:
        """Replace one of the store's small tables."""
        self._tables[name] = table

    def table(self, name: str, default: pa.Table) -> pa.Table:
        """Return one of the store's small tables as it will be."""
        return self._tables.get(name, self._snapshot.table(name, default))

    def _put(self, name: str, table: pa.Table, key: str, stored: pa.Table) -> None:
        self.put_table(name, upsert(self._tables.get(name, stored), table, key))

    def register_artefact(self, path: Path, kind: str = "rows", user_column: str = Columns.user_id) -> None:
        """Tell the store of a file that holds user rows, so that an erasure finds it.

        Parameters
        ----------
        path : Path
            Within the workspace.
        kind : {"rows", "cache"}
            Parquet whose rows of a user are dropped on erasure, or a file that is deleted then.
        user_column : str
            Where the user id is.
        """
        name = str(Path(path).resolve().relative_to(self.workspace.resolve()))
        self._artefacts.append({"path": name, "kind": kind, "user_column": user_column})

    def drop_artefact(self, name: str) -> None:
        """No longer list a file, once its rows are in another; the caller deletes it after the commit.

        Parameters
        ----------
        name : str
            Its path within the workspace.
        """
        self._dropped.add(name)

    def commit(
        self,
        sources: Iterable[dict[str, Any]] = (),
        quarantine: dict[str, int] | None = None,
        followed: Mapping[str, Any] | None = None,
        derived: Callable[[Pending], Derivation | None] | None = None,
        progress: Progress | None = None,
    ) -> Committed:
        """Make everything added the current generation.

        Parameters
        ----------
        sources : iterable of dict
            What was read; an entry with a ``signature`` is known from then on.
        quarantine : dict of str to int, optional
            Rows quarantined, by reason.
        followed : mapping, optional
            How far followed sources were read, by name; replaces what is known of each.
        derived : callable, optional
            Says how the paths that readers see are made of those ingested, once these are written. Without it they
            stay as they are, which new events forbid where paths are derived.
        progress : callable, optional
            Called with buckets done and buckets in all.

        Returns
        -------
        Committed

        Raises
        ------
        RuntimeError
            If this writer has committed before: a writer makes one generation.
        CartpathError
            If paths are derived, there are new events, and ``derived`` is not given.
        """
        if self._committed:
            raise RuntimeError("a writer commits once; open another")
        sources = list(sources)
        manifest = self._snapshot.manifest.next()
        anything = bool(self.added or self._tables or self._artefacts or sources or followed)
        results = self._build_buckets(manifest, progress)
        if not (self._derive(manifest, derived, [built.bucket for built in results]) or anything):
            return Committed(0, 0, 0, self._snapshot.generation)
        duplicates = sum(built.duplicates for built in results)
        done = Committed(self.added - duplicates, duplicates, sum(b.late for b in results), manifest.generation)
        self._seen(results)
        write_codes(self._store, manifest, self._codes)
        write_tables(self._store, manifest, self._tables)
        note_artefacts(manifest, self._artefacts, self._dropped)
        note_commit(manifest, done, sources, quarantine, followed)
        manifests.swap(self.workspace, manifest)
        self._committed = True
        self.close()
        manifests.collect(self.workspace)
        return done

    def _build_buckets(self, manifest: manifests.Manifest, progress: Progress | None) -> list[Built]:
        buckets = manifest.data["buckets"]
        jobs = [BucketJob(bucket, buckets[bucket], rows) for bucket, rows in self._filled()]
        results = self._mapper(self._builder(manifest), jobs, progress=progress) if jobs else []
        for built in results:
            buckets[built.bucket] = built.entry
        return results

    def _derive(
        self,
        manifest: manifests.Manifest,
        derived: Callable[[Pending], Derivation | None] | None,
        touched: Sequence[int],
    ) -> bool:
        """Derive paths as asked; say whether how they are derived has changed."""
        if derived is None:
            if touched:
                check_derived(manifest)
            return False
        pending = Pending(self._snapshot, manifest, self._codes, self._tables, self._mapper)
        derivation = derived(pending)
        same = pending.record == (None if derivation is None else derivation.record)
        if same and not (touched or self._tables):
            return False
        derive(pending, derivation, touched)
        return not same

    def _filled(self) -> Sequence[tuple[int, RowsOfBucket]]:
        if self._spill is not None:
            return self._spill.filled()
        return rows_of_shares(self._shares, self._snapshot.n_buckets)

    def _builder(self, manifest: manifests.Manifest) -> Builder:
        """Lay out what building has to know; for a mapper that may work elsewhere it lies in files."""
        values = {name: self._codes[name].values() for name in CODED.values()}
        first, generation, gap = self._once.settle(), manifest.generation, self._snapshot.gap_seconds
        if self._here:
            return Builder(self._store, generation, gap, values, first)
        folder = self.share_folder()
        stored = StoredValues.save(folder / "values", values)
        return Builder(self._store, generation, gap, stored, first.save(folder / "first.arrow"), f"-{folder.name}")

    def _seen(self, results: list[Built]) -> None:
        """Put what the rows that were stored add to the small tables."""
        if self._once.changed:
            self._tables["once"] = self._once.table()
        codes = [built.items for built in results if len(built.items)]
        if codes:
            old = self._snapshot.table("items_seen", pa.table({"seen": pa.array([], pa.bool_())}))["seen"].to_numpy()
            seen = np.zeros(len(self._codes["item"]), np.bool_)
            seen[: len(old)] = old
            seen[np.concatenate(codes)] = True
            self._tables["items_seen"] = pa.table({"seen": seen})

    def close(self) -> None:
        """Drop what was not committed."""
        if self._spill is not None:
            self._spill.close()
            self._spill = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
        self._snapshot.close()
