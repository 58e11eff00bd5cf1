"""Rows that cannot be used, as Parquet: why, where from, and what they said."""

from __future__ import annotations

import json
import os
import re
import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from cartpath.ingest.chunk import Bad, Reason
from cartpath.ingest.normalise import Normalised
from cartpath.ingest.readers.lines import RAW_LENGTH
from cartpath.schema import Columns

FOLDER = "quarantine"
SCHEMA = pa.schema(
    [
        pa.field("reason", pa.string(), nullable=False),
        pa.field("file", pa.string(), nullable=False),
        pa.field("row", pa.int64(), nullable=False),
        pa.field(Columns.user_id, pa.string()),
        pa.field("raw", pa.string()),
    ]
)
_GROUP = 50_000
#: How the names of files that a follower's batches make begin; as many small ones, of bytes, are put together.
FOLLOWED = "follow-"
_MANY, _SMALL = 32, 8 << 20
_WORD = re.compile(r"[^\s,;|:\"'{}\[\]]+")
#: Reasons of rows whose columns may be shifted.
_UNCERTAIN = (Reason.wrong_number_of_fields, Reason.unclosed_quote)
IsForgotten = Callable[[pa.Array], npt.NDArray[np.bool_]]


def _words(row: Bad) -> set[str]:
    return {word for word in (row.user_id, *_WORD.findall(row.raw)) if word}


def _ids(row: Bad) -> set[str]:
    return {name for name in (row.user_id, row.anonymous_id) if name}


def raw_rows(table: pa.Table, rows: npt.NDArray[np.int64]) -> list[str]:
    """Return rows as JSON objects of their raw columns that have a value, cut."""
    found = table.take(pa.array(rows)).to_pylist()
    given = [{name: value for name, value in row.items() if value is not None} for row in found]
    return [json.dumps(row, default=_plain, ensure_ascii=False)[:RAW_LENGTH] for row in given]


def bad_rows(table: pa.Table, rows: npt.NDArray[np.int64], done: Normalised) -> list[Bad]:
    """Return the rows that validation ruled out, in their order.

    Parameters
    ----------
    table : pyarrow.Table (n rows)
        As it was read.
    rows : int64 array (n,)
        Row numbers in the source.
    done : Normalised
        What validation made of them.
    """
    if not done.reasons:
        return []
    at = np.concatenate(list(done.reasons.values()))
    why = [reason for reason, which in done.reasons.items() for _ in which]
    order = np.argsort(at, kind="stable")
    at = at[order]
    named = done.user_id.take(pa.array(at)).to_pylist()
    other = [None] * len(at) if done.anonymous_id is None else done.anonymous_id.take(pa.array(at)).to_pylist()
    texts = raw_rows(table, at)
    return [
        Bad(int(row), why[place], raw, user, anonymous)
        for row, place, raw, user, anonymous in zip(rows[at], order, texts, named, other, strict=True)
    ]


def _plain(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


class Quarantine:
    """One ingest's file; it appears when ``finish`` is called, and only if it has rows.

    Parameters
    ----------
    workspace : Path
    is_forgotten : callable
        Marks users of an array; their rows are counted and never written.
    folder : Path, optional
        Where the file is put; by default the workspace's quarantine.
    registered : set of str, optional
        Of a follower's batch: the files there are by their path in the workspace, as it puts small ones together.

    Attributes
    ----------
    taken : list of Path
        Files whose rows ``finish`` has put into the new one: for ``drop_taken``.
    """

    def __init__(
        self,
        workspace: Path,
        is_forgotten: IsForgotten,
        folder: Path | None = None,
        registered: set[str] | None = None,
    ) -> None:
        self._workspace, self._registered, self.taken = workspace, registered, list[Path]()
        prefix = "" if registered is None else FOLLOWED
        token = secrets.token_hex(3 if folder is None else 8)
        self.path = (folder or workspace / FOLDER) / f"{prefix}{datetime.now(UTC):%Y%m%dT%H%M%S}-{token}.parquet"
        self._temporary = self.path.with_name(f"{self.path.name}.tmp")
        self._is_forgotten = is_forgotten
        self._writer: pq.ParquetWriter | None = None
        self._held: list[tuple[str, str, int, str | None, str]] = []
        self.reasons: Counter[str] = Counter()

    def __enter__(self) -> Quarantine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._writer.close()
        self._temporary.unlink(missing_ok=True)

    def add(self, file: str, bad: list[Bad]) -> None:
        """Take rows of a file."""
        if not bad:
            return
        forgotten = self._forgotten(bad)
        for row, gone in zip(bad, forgotten, strict=True):
            self.reasons[Reason.forgotten_user if gone else row.reason] += 1
            if not gone:
                self._held.append((row.reason, file, row.row, row.user_id, row.raw))
        if len(self._held) >= _GROUP:
            self._flush()

    def adopt(self, path: Path | None, reasons: Mapping[str, int]) -> None:
        """Take the rows that another process put into a file, if it did, and how many it counted."""
        self.reasons.update(reasons)
        if path is None:
            return
        if self._held:
            self._flush()
        with pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                self._opened().write_table(file.read_row_group(group))

    def _forgotten(self, bad: list[Bad]) -> list[bool]:
        """Mark rows whose user is forgotten, and rows whose user is not certain that name a forgotten one anywhere."""
        words = [_ids(row) if row.user_id and row.reason not in _UNCERTAIN else _words(row) for row in bad]
        every = sorted({word for row in words for word in row})
        gone = self._is_forgotten(pa.array(every, pa.string())) if every else np.zeros(0, np.bool_)
        if not gone.any():
            return [False] * len(bad)
        names = {word for word, is_gone in zip(every, gone, strict=True) if is_gone}
        return [bool(row & names) for row in words]

    def _flush(self) -> None:
        columns = zip(*self._held, strict=True)
        arrays = [pa.array(values, kind) for values, kind in zip(columns, SCHEMA.types, strict=True)]
        self._opened().write_table(pa.Table.from_arrays(arrays, schema=SCHEMA))
        self._held.clear()

    def _opened(self) -> pq.ParquetWriter:
        if self._writer is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = pq.ParquetWriter(self._temporary, SCHEMA, compression="zstd")
        return self._writer

    def finish(self) -> Path | None:
        """Put the file in its place; return it, or None if there is nothing to keep."""
        if self._held:
            self._flush()
        if self._writer is None:
            return None
        self.taken = _many_small(self._workspace, self._registered) if self._registered is not None else []
        for path in self.taken:
            self._writer.write_table(pq.read_table(path, schema=SCHEMA))
        self._writer.close()
        self._writer = None
        descriptor = os.open(self._temporary, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
        os.replace(self._temporary, self.path)
        return self.path

    def drop_taken(self) -> None:
        """Delete the files whose rows are in the new one, once that is registered in their place."""
        for path in self.taken:
            path.unlink(missing_ok=True)


def _many_small(workspace: Path, registered: set[str]) -> list[Path]:
    """Return the small files of a follower once there are many: it makes one a batch that has bad rows."""
    files = (path for path in sorted((workspace / FOLDER).glob(f"{FOLLOWED}*.parquet")) if path.stat().st_size < _SMALL)
    found = [path for path in files if f"{FOLDER}/{path.name}" in registered]
    return found if len(found) >= _MANY else []


def remove_orphans(workspace: Path, registered: set[str]) -> None:
    """Delete quarantine files of ingests that never became a generation; the caller holds the writer lock."""
    for path in (workspace / FOLDER).glob("*.parquet*"):
        if f"{FOLDER}/{path.name}" not in registered:
            path.unlink(missing_ok=True)
