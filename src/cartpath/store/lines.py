"""Logs of JSON lines beside the store: running services append while others read, and erasures rewrite them.

A log is a folder of segments ``KIND-TIME-ID.jsonl``. A segment has one writer, which begins a new one each time it
starts: only the last line of a segment can be torn, and nothing is ever appended to a torn line.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from cartpath.schema import Columns
from cartpath.store.erasure import Forgotten
from cartpath.store.files import atomic

#: The workspace's folder of what was shown and what came of it.
FEEDBACK = "feedback"
#: Bytes of a segment before the next one is begun.
SEGMENT = 64 << 20
_LOCK, _ENDING = "lock", ".jsonl"


class LineLog:
    """Appends rows to a log; safe from several threads and processes.

    Rows of users who were forgotten are left out, whenever they come.

    Parameters
    ----------
    workspace : Path
    kind : str
        Of rows, the beginning of the segments' names.
    segment : int
        Bytes of a segment.
    """

    def __init__(self, workspace: Path | str, kind: str, segment: int = SEGMENT) -> None:
        self.workspace, self.folder = Path(workspace), Path(workspace) / FEEDBACK
        self._kind, self._segment = kind, segment
        self._mutex, self._descriptor, self._size = threading.Lock(), -1, 0
        self._forgotten: tuple[Any, Forgotten | None] = (None, None)

    def append(self, rows: Sequence[Mapping[str, Any]]) -> int:
        """Write rows and return how many were written; with the operating system when this returns.

        Raises
        ------
        OSError
            If they cannot be written, such as on a full disk: none of them is then, and they may be given again.
        """
        with self._mutex, locked(self.folder, fcntl.LOCK_SH):
            # Within the lock: an erasure lists the user first, and rewrites the segments after that.
            allowed = [row for row in rows if not self._is_forgotten(row.get(Columns.user_id))]
            if allowed:
                self._write(b"".join(line_of(row) for row in allowed))
        return len(allowed)

    def close(self) -> None:
        """Close the segment."""
        with self._mutex:
            self._shut()

    def _write(self, data: bytes) -> None:
        self._begin()
        size = os.fstat(self._descriptor).st_size
        try:
            written = 0
            while written < len(data):
                written += os.write(self._descriptor, data[written:])
        except OSError:
            os.ftruncate(self._descriptor, size)
            raise
        self._size = size + len(data)

    def _begin(self) -> None:
        """Open a segment where none is open, or it is full, or an erasure has put another file in its place."""
        if self._descriptor >= 0 and self._size < self._segment and os.fstat(self._descriptor).st_nlink:
            return
        self._shut()
        name = f"{self._kind}-{time.time_ns():020d}-{os.urandom(4).hex()}{_ENDING}"
        self._descriptor = os.open(self.folder / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_EXCL, 0o644)

    def _shut(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor, self._size = -1, 0

    def _is_forgotten(self, user_id: str | None) -> bool:
        state = _state(self.workspace / "store" / "forgotten.json")
        if state != self._forgotten[0]:
            self._forgotten = (state, Forgotten.load(self.workspace))
        known = self._forgotten[1]
        return known is not None and user_id is not None and bool(known.hashes) and known.hash(user_id) in known.hashes


def _state(path: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns


@contextmanager
def locked(folder: Path, how: int) -> Iterator[None]:
    """Hold a folder's lock: shared to append, exclusive to put a file in another's place."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)


def line_of(row: Mapping[str, Any]) -> bytes:
    r"""Return a row as a line.

    Examples
    --------
    >>> line_of({"user_id": "ü", "n": 1})
    b'{"user_id":"\\u00fc","n":1}\n'
    """
    return json.dumps(row, separators=(",", ":")).encode() + b"\n"


def segments(workspace: Path | str, kind: str) -> list[Path]:
    """Return a log's segments, the earliest first."""
    return sorted((Path(workspace) / FEEDBACK).glob(f"{kind}-*{_ENDING}"))


def whole_lines(path: Path, since: int = 0) -> bytes:
    """Return a segment's whole lines from a place on; none where the file is gone."""
    try:
        with open(path, "rb") as file:
            file.seek(since)
            data = file.read()
    except FileNotFoundError:
        return b""
    return data[: data.rfind(b"\n") + 1]


def read_rows(data: bytes, schema: pa.Schema) -> pa.Table:
    r"""Return lines as a table; a line that is no JSON is left out.

    Examples
    --------
    >>> read_rows(b'{"a":1}\nx\n{"a":2,"b":0}\n', pa.schema({"a": pa.int64()}))["a"].to_pylist()
    [1, 2]
    """
    from pyarrow import json as arrow_json

    if not data:
        return schema.empty_table()
    parse = arrow_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
    read = arrow_json.ReadOptions(block_size=max(len(data), 1))
    try:
        table = arrow_json.read_json(pa.BufferReader(data), read, parse)
    except pa.ArrowInvalid:
        good = b"".join(line + b"\n" for line in data.splitlines() if _is_row(line))
        if len(good) == len(data):
            raise
        return read_rows(good, schema)
    return table.select(schema.names)


def _is_row(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def drop_lines(path: Path, user_column: str, ids: Sequence[str]) -> int:
    """Drop a person's rows from a segment, also one that is being appended to; return how many there were.

    A line that is no JSON may be the person's, and goes too, uncounted.
    """
    person = set(ids)
    # Both ways that JSON may write an id; most lines have neither, and need not be parsed.
    needles = {json.dumps(name, ensure_ascii=plain).encode() for name in person for plain in (True, False)}
    with locked(path.parent, fcntl.LOCK_EX):
        lines = path.read_bytes().splitlines(keepends=True)
        kept, dropped = [], 0
        for line in lines:
            row = _parsed(line) if any(n in line for n in needles) or not line.endswith(b"}\n") else {}
            mine = row is not None and row.get(user_column) in person
            dropped += mine
            if row is not None and not mine:
                kept.append(line)
        if len(kept) < len(lines):
            with atomic(path) as temporary:
                temporary.write_bytes(b"".join(kept))
    return dropped


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None
