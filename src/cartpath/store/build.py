"""Building a bucket from its new rows: duplicates out, a part, and a run that becomes base, delta, or part of them.

It needs nothing of the process that collected the rows, so that it can be done by any other that sees the store.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartpath.store import kernels
from cartpath.store.files import load_run, save_run
from cartpath.store.once import FirstHits, StoredHits
from cartpath.store.parts import join_parts, small_from, write_part
from cartpath.store.prepare import ROW_HASH, USER_KEY
from cartpath.store.run import Run, build, column, drop_duplicates, merge, order_rows, rows_of, select
from cartpath.store.snapshot import stats_of
from cartpath.store.stats import add_stats

#: A delta larger than this share of its base is merged into it.
DELTA_SHARE = 0.2
#: A dictionary in more segments, or a bucket in more parts, is put into fewer files.
MOST_FILES = 32

Runs = tuple[Run | None, Run | None]


class RowsOfBucket(Protocol):
    """Where the new rows of a bucket lie."""

    def read(self) -> pa.Table:
        """Return them in source order, as ``prepare`` makes them."""


@dataclass(frozen=True)
class BucketJob:
    """A bucket to build.

    Attributes
    ----------
    bucket : int
    entry : dict
        What the manifest says of it so far.
    rows : RowsOfBucket
    """

    bucket: int
    entry: dict[str, Any]
    rows: RowsOfBucket


@dataclass(frozen=True)
class Built:
    """A bucket that was built.

    Attributes
    ----------
    bucket : int
    entry : dict
        What the manifest is to say of it.
    duplicates, late : int
        Rows dropped, and rows stored although older than an earlier event of their user.
    items : int32 array
        Codes of the items that the stored rows have.
    """

    bucket: int
    entry: dict[str, Any]
    duplicates: int
    late: int
    items: npt.NDArray[np.int32]


@dataclass(frozen=True)
class Builder:
    """What building has to know, the same for all buckets; call it with a ``BucketJob``.

    Attributes
    ----------
    store : Path
        The store's folder.
    generation : int
    gap_seconds : int
    values : mapping of str to pyarrow.Array
        The values of each dictionary by code.
    first : FirstHits or StoredHits
        Which hit counts, for each key of which only the first does.
    suffix : str
        Of the names of new files, so that what an abandoned task of an earlier try still writes has another name.
    """

    store: Path
    generation: int
    gap_seconds: int
    values: Mapping[str, pa.Array]
    first: FirstHits | StoredHits
    suffix: str = ""

    def __call__(self, job: BucketJob) -> Built:
        """Write the bucket's new files; nothing refers to them until the manifest does."""
        rows, entry = job.rows.read(), copy.deepcopy(job.entry)
        base, delta = (load_run(self.store / name) if name else None for name in (entry["base"], entry["delta"]))
        chosen = self._chosen(rows, (base, delta))
        duplicates = len(rows) - len(chosen)
        if not len(chosen):
            return Built(job.bucket, entry, duplicates, 0, np.zeros(0, np.int32))
        order, user_key, offsets = order_rows(rows, chosen)
        late = _late(rows, order, offsets, user_key, (base, delta))
        items = np.zeros(0, np.int32)
        if "item" in rows.column_names:
            items = kernels.compact(kernels.take(column(rows, "item"), order), len(self.values["item"]))[1]
        part = self._name("events", job.bucket, "", "parquet")
        write_part(self.store / part, rows, order, self.values, durable=False)
        entry["parts"].append(part)
        run = build(rows, order, user_key, offsets, self.gap_seconds)
        self._place(entry, job.bucket, base, delta, run)
        if len(entry["parts"]) > MOST_FILES:
            whole = self._name("events", job.bucket, "-all", "parquet")
            paths = [self.store / name for name in entry["parts"]]
            first = 0 if entry["delta"] is None else small_from([path.stat().st_size for path in paths])
            join_parts(self.store / whole, paths[first:], durable=False)
            entry["parts"][first:] = [whole]
        return Built(job.bucket, entry, duplicates, late, items)

    def _name(self, folder: str, bucket: int, kind: str, ending: str) -> str:
        return f"{folder}/{bucket:04d}/{self.generation:08d}{self.suffix}{kind}.{ending}"

    def _chosen(self, rows: pa.Table, runs: Runs) -> npt.NDArray[np.int64]:
        """Return the rows to store: not those of a later hit of their key, nor those stored already."""
        chosen = np.flatnonzero(self.first.keep(rows))
        known = _known_rows(runs, column(rows, USER_KEY))
        found: npt.NDArray[np.int64] = chosen[drop_duplicates(rows, known, chosen)]
        return found

    def _place(self, entry: dict[str, Any], bucket: int, base: Run | None, delta: Run | None, run: Run) -> None:
        """Make the new run the base, part of the delta, or, once that is large, of the base."""
        gap = self.gap_seconds
        whole = run if delta is None else merge(delta, run, gap)
        if base is not None and len(whole) <= DELTA_SHARE * len(base):
            before = _paths_of(run.user_key, base, delta, gap)
            entry["stats"] = add_stats(entry["stats"], stats_of(before), stats_of(merge(before, run, gap)))
            entry["delta"] = self._save(whole, bucket, "delta")
            return
        if base is not None:
            whole = merge(base, whole, gap)
        entry["base"], entry["delta"] = self._save(whole, bucket, "base"), None
        entry["stats"] = stats_of(whole)

    def _save(self, run: Run, bucket: int, kind: str) -> str:
        name = self._name("paths", bucket, f"-{kind}", "arrow")
        save_run(self.store / name, run, durable=False)
        return name


def _paths_of(users: npt.NDArray[np.uint64], base: Run, delta: Run | None, gap: int) -> Run:
    """Return what is stored of some users: looking at no others is what keeps a small append cheap."""
    stored = select(base, rows_of(base, users), gap)
    return stored if delta is None else merge(stored, select(delta, rows_of(delta, users), gap), gap)


def _known_rows(runs: Runs, keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
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
    runs: Runs,
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
