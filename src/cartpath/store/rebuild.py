"""Building the path table anew from the event store: for another bucket count or session gap, or after damage."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from cartpath import config
from cartpath.schema import Columns
from cartpath.store import manifest as manifests
from cartpath.store.codes import CODED, Codes
from cartpath.store.derivation import Derivation, Pending, check_derived
from cartpath.store.derive import derive
from cartpath.store.files import atomic, save_run
from cartpath.store.mapping import Mapper, on_threads
from cartpath.store.parts import read_part, write_part
from cartpath.store.prepare import HIT, ONCE, prepare
from cartpath.store.run import build, order_rows
from cartpath.store.share import StoredValues
from cartpath.store.snapshot import Snapshot, stats_of
from cartpath.store.spill import SPILL, Spill, SpilledRows


def rebuild(
    workspace: Path | str,
    buckets: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    mapper: Mapper = on_threads,
    derived: Callable[[Pending], Derivation | None] | None = None,
) -> int:
    """Rewrite the event store and the path table with the settings of ``cartpath.toml``.

    Parameters
    ----------
    workspace : Path
    buckets : int, optional
        A new bucket count, also written to ``cartpath.toml``.
    progress : callable, optional
        Called with buckets done and buckets in all.
    mapper : Mapper, optional
        What builds buckets; threads by default, each with a bucket in memory.
    derived : callable, optional
        As ``Writer.commit`` takes it; needed where paths are derived.

    Returns
    -------
    int
        The new generation. Counts and paths are the same; only a changed session gap changes derived sessions.
    """
    path = Path(workspace)
    with manifests.writer_lock(path):
        manifests.collect(path)
        settings = config.load(path)
        n_buckets = config.StoreSettings(buckets).buckets if buckets else settings.store.buckets
        with Snapshot(path) as snapshot:
            manifest = _rebuilt(snapshot, n_buckets, settings.sessions.gap_seconds, progress, mapper)
            if derived is None:
                check_derived(manifest)
            else:
                pending = Pending(snapshot, manifest, snapshot.load_codes(), {}, mapper)
                derive(pending, derived(pending), range(n_buckets))
        # The settings go first: a crash between the two is reported as a mismatch, with this command as the remedy.
        _write_bucket_count(path, n_buckets)
        manifests.swap(path, manifest)
        manifests.collect(path)
    return manifest.generation


def _rebuilt(
    snapshot: Snapshot, n_buckets: int, gap: int, progress: Callable[[int, int], None] | None, mapper: Mapper
) -> manifests.Manifest:
    store = snapshot.workspace.resolve() / manifests.STORE  # as tasks elsewhere find it, too
    codes = snapshot.load_codes()
    # A name of its own, in folders and in the names of files: what a task of an abandoned try writes is not ours.
    token = secrets.token_hex(4)
    folder = store / SPILL / token
    spill = Spill(folder, n_buckets)
    manifest = snapshot.manifest.next()
    empty = manifests.Manifest.empty(n_buckets, gap).data
    manifest.data |= {name: empty[name] for name in ("buckets", "n_buckets", "gap_seconds")}
    try:
        for entry in snapshot.manifest.data["buckets"]:
            for part in entry["parts"]:
                spill.add(rows_of_part(store / part, codes))
        values = StoredValues.save(folder / "values", {name: codes[name].values() for name in CODED.values()})
        rebuilder = Rebuilder(store, f"{manifest.generation:08d}-{token}", gap, values)
        for bucket, entry in mapper(rebuilder, spill.filled(), progress=progress):
            manifest.data["buckets"][bucket] = entry
    finally:
        spill.close()
    return manifest


def rows_of_part(part: Path, codes: Codes) -> pa.Table:
    """Read a part as rows; hits and once-keys are hashes already."""
    table = read_part(part)
    hashed = {
        source: table[target]
        for source, target in ((HIT, Columns.hit), (ONCE, Columns.once))
        if target in table.column_names
    }
    rows = prepare(table.drop_columns([n for n in (Columns.hit, Columns.once) if n in table.column_names]), codes)
    for name, values in hashed.items():
        rows = rows.append_column(name, values)
    return rows


@dataclass(frozen=True)
class Rebuilder:
    """Builds a bucket of rows that are known to be free of duplicates; call it with a bucket and its rows."""

    store: Path
    name: str
    gap_seconds: int
    values: Mapping[str, pa.Array]

    def __call__(self, filled: tuple[int, SpilledRows]) -> tuple[int, dict[str, Any]]:
        """Write the bucket's part and base; return what the manifest is to say of it."""
        bucket, rows = filled[0], filled[1].read()
        order, user_key, offsets = order_rows(rows)
        part = f"events/{bucket:04d}/{self.name}.parquet"
        write_part(self.store / part, rows, order, self.values)
        run = build(rows, order, user_key, offsets, self.gap_seconds)
        base = f"paths/{bucket:04d}/{self.name}-base.arrow"
        save_run(self.store / base, run)
        return bucket, {"base": base, "delta": None, "parts": [part], "stats": stats_of(run)}


def _write_bucket_count(workspace: Path, n_buckets: int) -> None:
    if config.load(workspace).store.buckets == n_buckets:
        return
    path = workspace / config.FILE_NAME
    text = path.read_text(encoding="utf-8")
    new, n = re.subn(r"(?m)^(\s*buckets\s*=\s*)\d+", rf"\g<1>{n_buckets}", text)
    if not n:
        new = re.sub(r"(?m)^\[store\]\s*$", f"[store]\nbuckets = {n_buckets}", text)
        new = new if new != text else f"{text}\n[store]\nbuckets = {n_buckets}\n"
    with atomic(path) as temporary:
        temporary.write_text(new, encoding="utf-8")
