"""Rows on their way from the sources to the buckets: cut by user hash, kept on disk until all are read."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartpath.store import kernels
from cartpath.store.prepare import USER_KEY
from cartpath.store.run import column

#: Folder within the store.
SPILL = "spill"
#: Where a bucket's rows lie within a file: offset and bytes of each stream.
Places = list[tuple[int, int]]


class BucketFile:
    """One growing file for all buckets, so that their number is not bound by that of files a process may open.

    Each bucket's share of a chunk is an Arrow stream of its own, as columns differ between chunks.

    Parameters
    ----------
    path : Path
    n_buckets : int
    compression : str, optional
        Of the streams, such as ``"lz4"``.

    Attributes
    ----------
    places : list of Places
        For each bucket.
    """

    def __init__(self, path: Path, n_buckets: int, compression: str | None = None) -> None:
        self.path = path
        self.places: list[Places] = [[] for _ in range(n_buckets)]
        self._options = pa.ipc.IpcWriteOptions(compression=compression)
        self._file: BinaryIO = open(path, "wb")  # noqa: SIM115 - closed in close

    def add(self, rows: pa.Table, key: npt.NDArray[np.uint64]) -> None:
        """Cut rows into buckets by their user's key, keeping their order within each."""
        n_buckets = len(self.places)
        order, starts = kernels.group(kernels.bucket_of(key, n_buckets), n_buckets)
        cut = rows.combine_chunks().take(pa.array(order)) if n_buckets > 1 else rows
        batch = cut.combine_chunks().to_batches()
        whole = batch[0] if len(batch) == 1 else pa.concat_batches(batch)
        for index in range(n_buckets):
            lo, hi = int(starts[index]), int(starts[index + 1])
            if hi > lo:
                self._append(index, whole.slice(lo, hi - lo))

    def _append(self, bucket: int, batch: pa.RecordBatch) -> None:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema, options=self._options) as writer:
            writer.write_batch(batch)
        data = sink.getvalue()
        self.places[bucket].append((self._file.tell(), len(data)))
        self._file.write(data)

    def flush(self) -> None:
        """Let other readers see what was added."""
        self._file.flush()

    def close(self) -> None:
        """End the file."""
        self._file.close()


def streams(path: Path, places: Places) -> Iterator[pa.Table]:
    """Yield the chunks of a bucket in the order they came."""
    with pa.OSFile(str(path)) as file:
        for at, size in places:
            file.seek(at)
            yield pa.ipc.open_stream(file.read_buffer(size)).read_all()


@dataclass(frozen=True)
class SpilledRows:
    """The rows of a bucket in a ``Spill``."""

    path: Path
    places: Places

    def read(self) -> pa.Table:
        """Return them in the order they came."""
        return together(list(streams(self.path, self.places)))


class Spill:
    """Rows, as ``prepare`` makes them, until all are read.

    Parameters
    ----------
    folder : Path
        Made if it is not there, removed on close.
    n_buckets : int
    """

    def __init__(self, folder: Path, n_buckets: int) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._file = BucketFile(folder / "rows.arrows", n_buckets)

    def add(self, rows: pa.Table) -> None:
        """Cut rows into buckets, keeping their order within each."""
        self._file.add(rows, column(rows, USER_KEY))

    def filled(self) -> list[tuple[int, SpilledRows]]:
        """Return the buckets that have rows, and where these are."""
        self._file.flush()
        return [(b, SpilledRows(self._file.path, places)) for b, places in enumerate(self._file.places) if places]

    def close(self) -> None:
        """Remove the file."""
        self._file.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def together(tables: list[pa.Table]) -> pa.Table:
    """Return rows as one table; one chunk a column, so that a column is an array without another copy."""
    return fill_absent(pa.concat_tables(tables, promote_options="default")).combine_chunks()


def fill_absent(rows: pa.Table) -> pa.Table:
    """Give number columns that some chunks lack the value that means absent; text may stay null."""
    from cartpath.store.run import EMPTY

    for index, field in enumerate(rows.schema):
        if rows[index].null_count and not pa.types.is_string(field.type):
            empty = EMPTY.get(field.name, 0 if field.name in ("session_key", "once", "blanked", "event") else -1)
            rows = rows.set_column(index, field.name, rows[index].fill_null(pa.scalar(empty, field.type)))
    return rows
