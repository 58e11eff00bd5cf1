"""Writing to a workspace: rows come in source order, and become a new generation all at once or not at all."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartpath import config
from cartpath.schema import CartpathError, Columns
from cartpath.store import kernels
from cartpath.store import manifest as manifests
from cartpath.store.codes import CODED, Codes
from cartpath.store.erasure import Forgotten
from cartpath.store.files import load_run, save_arrays, save_run, write_table
from cartpath.store.history import folded, without_older
from cartpath.store.once import Once
from cartpath.store.parts import join_parts, small_from, write_part
from cartpath.store.prepare import ROW_HASH, USER_KEY, prepare
from cartpath.store.run import Run, build, column, drop_duplicates, merge, order_rows, rows_of, select
from cartpath.store.snapshot import Snapshot, stats_of
from cartpath.store.spill import Spill
from cartpath.store.stats import add_stats
from cartpath.store.tables import upsert

#: A delta larger than this share of its base is merged into it.
DELTA_SHARE = 0.2
#: A dictionary in more segments, or a bucket in more parts, is put into fewer files.
MOST_FILES = 32
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Committed:
    """What a commit did.

    Attributes
    ----------
    stored, duplicates, late : int
        Events stored, dropped as duplicates, and stored although older than an earlier event of their user.
    generation : int
        The generation that is current now.
    """

    stored: int
    duplicates: int
    late: int
    generation: int


@contextmanager
def writer(workspace: Path | str, threads: int | None = None) -> Iterator[Writer]:
    """Open the workspace for writing; without ``commit`` nothing changes.

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
        opened = Writer(path, threads)
        try:
            yield opened
        finally:
            opened.close()


class Writer:
    """Collects events, items and users, and commits them as one generation; see ``writer``."""

    def __init__(self, workspace: Path, threads: int | None = None) -> None:
        self.workspace = workspace
        self._threads = threads or os.cpu_count() or 1
        self._store = workspace / manifests.STORE
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
        self._once.note(rows)
        if self._spill is None:
            self._spill = Spill(self._store / "spill", self._snapshot.n_buckets)
        self._spill.add(rows)
        self.added += len(rows)

    def put_items(self, table: pa.Table) -> None:
        """Add or update catalogue items by ``item_id``; the latest non-null value of each column wins."""
        self._put("items", table, Columns.item_id, self._snapshot.items)

    def put_users(self, table: pa.Table) -> None:
        """Add or update user attributes by ``user_id``; forgotten users are left out."""
        table = table.filter(pa.array(~self.is_forgotten(table[Columns.user_id])))
        self._put("users", table, Columns.user_id, self._snapshot.users)

    def _put(self, name: str, table: pa.Table, key: str, stored: pa.Table) -> None:
        self._tables[name] = upsert(self._tables.get(name, stored), table, key)

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
        progress : callable, optional
            Called with buckets done and buckets in all.

        Returns
        -------
        Committed

        Raises
        ------
        RuntimeError
            If this writer has committed before: a writer makes one generation.
        """
        if self._committed:
            raise RuntimeError("a writer commits once; open another")
        sources = list(sources)
        manifest = self._snapshot.manifest.next()
        if not (self.added or self._tables or self._artefacts or sources or followed):
            return Committed(0, 0, 0, self._snapshot.generation)
        results = self._build_buckets(manifest, progress)
        duplicates = sum(r["duplicates"] for r in results)
        done = Committed(self.added - duplicates, duplicates, sum(r["late"] for r in results), manifest.generation)
        self._write_codes(manifest)
        self._write_tables(manifest, results)
        if followed:
            manifest.data["sources"] = without_older(manifest.data["sources"], sources)
        manifest.data["sources"] |= {s["signature"]: s for s in sources if s.get("signature")}
        kept = [artefact for artefact in manifest.data["artefacts"] if artefact["path"] not in self._dropped]
        manifest.data["artefacts"] = kept + self._artefacts
        manifest.data["followed"] = self.followed | dict(followed or {})
        manifest.data["commits"].append(
            {
                "generation": done.generation,
                "time": datetime.now(UTC).isoformat(timespec="seconds"),
                "stored": done.stored,
                "duplicates": done.duplicates,
                "late": done.late,
                "sources": sources,
                "quarantine": quarantine or {},
                **({"followed": sorted(followed)} if followed else {}),
            }
        )
        manifest.data["commits"] = folded(manifest.data["commits"])
        manifests.swap(self.workspace, manifest)
        self._committed = True
        self.close()
        manifests.collect(self.workspace)
        return done

    def _build_buckets(self, manifest: manifests.Manifest, progress: Progress | None) -> list[dict[str, Any]]:
        filled = self._spill.filled() if self._spill else []
        values = {name: self._codes[name].values() for name in CODED.values()}
        self._once.settle()
        results = []
        with ThreadPoolExecutor(self._threads) as pool:
            jobs = [pool.submit(self._build_bucket, manifest, bucket, values) for bucket in filled]
            try:
                for done, job in enumerate(jobs, 1):
                    results.append(job.result())
                    if progress is not None:
                        progress(done, len(jobs))
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        return results

    def _build_bucket(self, manifest: manifests.Manifest, bucket: int, values: dict[str, pa.Array]) -> dict[str, Any]:
        assert self._spill is not None
        rows = self._spill.read(bucket)
        entry = manifest.data["buckets"][bucket]
        base, delta = (load_run(self._store / name) if name else None for name in (entry["base"], entry["delta"]))
        chosen = self._chosen(rows, (base, delta))
        result = {"duplicates": len(rows) - len(chosen), "late": 0, "items": np.zeros(0, np.int32)}
        if not len(chosen):
            return result
        order, user_key, offsets = order_rows(rows, chosen)
        result["late"] = _late(rows, order, offsets, user_key, (base, delta))
        if "item" in rows.column_names:
            result["items"] = kernels.compact(kernels.take(column(rows, "item"), order), len(values["item"]))[1]
        part = f"events/{bucket:04d}/{manifest.generation:08d}.parquet"
        write_part(self._store / part, rows, order, values, durable=False)
        entry["parts"].append(part)
        run = build(rows, order, user_key, offsets, self._snapshot.gap_seconds)
        self._place(entry, bucket, manifest.generation, base, delta, run)
        if len(entry["parts"]) > MOST_FILES:
            whole = f"events/{bucket:04d}/{manifest.generation:08d}-all.parquet"
            paths = [self._store / name for name in entry["parts"]]
            first = 0 if entry["delta"] is None else small_from([path.stat().st_size for path in paths])
            join_parts(self._store / whole, paths[first:], durable=False)
            entry["parts"][first:] = [whole]
        return result

    def _chosen(self, rows: pa.Table, runs: tuple[Run | None, ...]) -> npt.NDArray[np.int64]:
        """Return the rows to store: not those of a later hit of their key, nor those stored already."""
        chosen = np.flatnonzero(self._once.keep(rows))
        known = _known_rows(runs, column(rows, USER_KEY))
        found: npt.NDArray[np.int64] = chosen[drop_duplicates(rows, known, chosen)]
        return found

    def _place(
        self, entry: dict[str, Any], bucket: int, generation: int, base: Run | None, delta: Run | None, run: Run
    ) -> None:
        """Make the new run the base, part of the delta, or, once that is large, of the base."""
        gap = self._snapshot.gap_seconds
        whole = run if delta is None else merge(delta, run, gap)
        if base is not None and len(whole) <= DELTA_SHARE * len(base):
            before = _paths_of(run.user_key, base, delta, gap)
            entry["stats"] = add_stats(entry["stats"], stats_of(before), stats_of(merge(before, run, gap)))
            entry["delta"] = self._save(whole, bucket, generation, "delta")
            return
        if base is not None:
            whole = merge(base, whole, gap)
        entry["base"], entry["delta"] = self._save(whole, bucket, generation, "base"), None
        entry["stats"] = stats_of(whole)

    def _save(self, run: Run, bucket: int, generation: int, kind: str) -> str:
        name = f"paths/{bucket:04d}/{generation:08d}-{kind}.arrow"
        save_run(self._store / name, run, durable=False)
        return name

    def _write_codes(self, manifest: manifests.Manifest) -> None:
        for name in CODED.values():
            added = self._codes[name].new_values()
            if added is None:
                continue
            segments = manifest.data["codes"].setdefault(name, [])
            if len(segments) >= MOST_FILES:
                segments.clear()
                added = self._codes[name].values()
            segments.append(f"codes/{name}-{manifest.generation:08d}.arrow")
            save_arrays(self._store / segments[-1], {"values": added})

    def _write_tables(self, manifest: manifests.Manifest, results: list[dict[str, Any]]) -> None:
        if self._once.changed:
            self._tables["once"] = self._once.table()
        codes = [result["items"] for result in results if len(result["items"])]
        if codes:
            old = self._snapshot.table("items_seen", pa.table({"seen": pa.array([], pa.bool_())}))["seen"].to_numpy()
            seen = np.zeros(len(self._codes["item"]), np.bool_)
            seen[: len(old)] = old
            used = np.concatenate(codes)
            seen[used] = True
            self._tables["items_seen"] = pa.table({"seen": seen})
        for name, table in self._tables.items():
            file = f"tables/{name}-{manifest.generation:08d}.parquet"
            write_table(self._store / file, table)
            manifest.data["tables"][name] = file

    def close(self) -> None:
        """Drop what was not committed."""
        if self._spill is not None:
            self._spill.close()
            self._spill = None
        self._snapshot.close()


def _paths_of(users: npt.NDArray[np.uint64], base: Run, delta: Run | None, gap: int) -> Run:
    """Return what is stored of some users: looking at no others is what keeps a small append cheap."""
    stored = select(base, rows_of(base, users), gap)
    return stored if delta is None else merge(stored, select(delta, rows_of(delta, users), gap), gap)


def _known_rows(runs: tuple[Run | None, ...], keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Fingerprints of the stored events of some users."""
    users = np.unique(keys)
    found = [np.zeros(0, np.uint64)]
    for run in runs:
        if run is not None:
            at = rows_of(run, users)
            found += [run.arrays[ROW_HASH][run.offsets[u] : run.offsets[u + 1]].view(np.uint64) for u in at]
    return np.concatenate(found)


def _late(
    rows: pa.Table,
    order: npt.NDArray[np.int64],
    offsets: npt.NDArray[np.int64],
    user_key: npt.NDArray[np.uint64],
    runs: tuple[Run | None, ...],
) -> int:
    """Count rows that came after a newer event of their user, in this write or an earlier one."""
    user = np.full(len(rows), -1, np.int32)
    user[order] = np.repeat(np.arange(len(user_key), dtype=np.int32), np.diff(offsets))
    last = np.full(len(user_key), np.iinfo(np.int64).min)
    for run in runs:
        if run is not None:
            at = np.searchsorted(run.user_key, user_key)
            at[at == len(run.user_key)] = 0
            known = run.user_key[at] == user_key
            newest = run.arrays["ts"][run.offsets[at + 1] - 1]
            last = np.where(known, np.maximum(last, newest), last)
    return int(kernels.late(user, column(rows, "ts"), last))
