"""Rows on their way from the sources to the buckets: cut by user hash, kept on disk until all are read."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from cartpath.store import kernels
from cartpath.store.prepare import USER_KEY
from cartpath.store.run import column


class Spill:
    """One growing file for all buckets, so that their number is not bound by that of files a process may open.

    Each bucket's share of a chunk is an Arrow stream of its own, as columns differ between chunks.

    Parameters
    ----------
    folder : Path
        Made anew, removed on close.
    n_buckets : int
    """

    def __init__(self, folder: Path, n_buckets: int) -> None:
        self._folder = folder
        self._chunks: list[list[tuple[int, int]]] = [[] for _ in range(n_buckets)]
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self._path = folder / "rows.arrows"
        self._file: BinaryIO = open(self._path, "wb")  # noqa: SIM115 - closed in close

    def add(self, rows: pa.Table) -> None:
        """Cut rows into buckets, keeping their order within each."""
        n_buckets = len(self._chunks)
        bucket = kernels.bucket_of(column(rows, USER_KEY), n_buckets)
        order, starts = kernels.group(bucket, n_buckets)
        cut = rows.combine_chunks().take(pa.array(order)) if n_buckets > 1 else rows
        batch = cut.combine_chunks().to_batches()
        whole = batch[0] if len(batch) == 1 else pa.concat_batches(batch)
        for index in range(n_buckets):
            lo, hi = int(starts[index]), int(starts[index + 1])
            if hi > lo:
                self._append(index, whole.slice(lo, hi - lo))

    def _append(self, bucket: int, batch: pa.RecordBatch) -> None:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema) as writer:
            writer.write_batch(batch)
        data = sink.getvalue()
        self._chunks[bucket].append((self._file.tell(), len(data)))
        self._file.write(data)

    def filled(self) -> list[int]:
        """Return the buckets that have rows."""
        self._file.flush()
        return [index for index, chunks in enumerate(self._chunks) if chunks]

    def read(self, bucket: int) -> pa.Table:
        """Return a bucket's rows in the order they came; ask for ``filled`` before."""
        with pa.OSFile(str(self._path)) as file:
            tables = []
            for at, size in self._chunks[bucket]:
                file.seek(at)
                tables.append(pa.ipc.open_stream(file.read_buffer(size)).read_all())
        # One chunk a column, so that a column is an array without another copy.
        return fill_absent(pa.concat_tables(tables, promote_options="default")).combine_chunks()

    def close(self) -> None:
        """Remove the file."""
        self._file.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def fill_absent(rows: pa.Table) -> pa.Table:
    """Give number columns that some chunks lack the value that means absent; text may stay null."""
    from cartpath.store.run import EMPTY

    for index, field in enumerate(rows.schema):
        if rows[index].null_count and not pa.types.is_string(field.type):
            empty = EMPTY.get(field.name, 0 if field.name in ("session_key", "once", "blanked", "event") else -1)
            rows = rows.set_column(index, field.name, rows[index].fill_null(pa.scalar(empty, field.type)))
    return rows
