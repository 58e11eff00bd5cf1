"""Jobs that read some lines of JSON: the new part of a file, or entries of a stream."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from cartpath.ingest.adapter import Adapter
from cartpath.ingest.chunk import Chunk
from cartpath.ingest.follow.fingerprint import MARKS, Fingerprint
from cartpath.ingest.follow.kept import Kept
from cartpath.ingest.follow.listing import Seen
from cartpath.ingest.follow.source import ChangedError
from cartpath.ingest.readers import json_reader
from cartpath.ingest.readers.lines import MAX_LINE
from cartpath.ingest.readers.streams import ByteStream
from cartpath.ingest.reading import FileJob


@dataclass(frozen=True)
class Asked:
    """How sources are read: what the user asked for.

    Attributes
    ----------
    adapter : Adapter
    mapping : mapping of canonical column to source column
    options : mapping
        As ``options.resolve_options`` returns.
    """

    adapter: Adapter
    mapping: Mapping[str, str]
    options: Mapping[str, Any]


class MemoryStream(ByteStream):
    """Bytes that are in memory already."""

    def __init__(self, data: bytes) -> None:
        self.truncated = None
        self._file: Any = BytesIO(data)
        self._source = self._file


class RangeStream(ByteStream):
    """A part of a file, from how far it was read to an end; on the way marks are made.

    Attributes
    ----------
    after : Fingerprint
        How far the file is read once the stream is closed.

    Raises
    ------
    ChangedError
        If the file is not the one that was looked at, or has become shorter than the end.
    """

    def __init__(self, path: Path, inode: int, begun: Fingerprint, end: int) -> None:
        self.truncated = None
        self.after = begun
        self._begun, self._marks, self._end, self._now = begun, list(begun.marks), end, begun.marks[-1]
        self._path, self._file = path, open(path, "rb")  # noqa: SIM115 - closed in __exit__
        status = os.fstat(self._file.fileno())
        if status.st_ino != inode or not begun.is_of(self._file, status.st_size):
            self._file.close()
            raise ChangedError(f"{path} became another file while it was read")
        self._file.seek(begun.offset)
        self._apart = max(1, status.st_size * 2 // MARKS)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.after = self._begun.at(self._file, self._marks)
        super().__exit__(kind, error, trace)

    @property
    def position(self) -> int:
        """Bytes read of the part."""
        return self._now.offset - self._begun.offset

    def read(self, size: int) -> bytes:
        """Return about ``size`` bytes, or fewer at the end; none after it."""
        want = min(size, self._end - self._now.offset)
        data: bytes = self._file.read(want)
        if len(data) < want:
            raise ChangedError(f"{self._path} became shorter while it was read")
        self._mark(data)
        return data

    def _mark(self, data: bytes) -> None:
        start, view = 0, memoryview(data)
        while start < len(data):
            cut = data.find(b"\n", start + self._apart - 1) + 1 or len(data)
            self._now = self._now.after(view[start:cut])
            if data[cut - 1 : cut] == b"\n" or self._now.offset == self._end:
                self._marks.append(self._now)
            start = cut


class LinesJob(FileJob):
    """Lines of JSON as a job; what they are read from is for those built on it to say."""

    def __init__(self, path: Path, name: str, asked: Asked, size: int, line: int) -> None:
        self._size, self._line = size, line
        super().__init__(path, asked.adapter, asked.mapping, asked.options)
        self.name, self.signature = name, ""

    def _measure(self) -> tuple[int, str]:
        return self._size, ""

    def open(self) -> None:
        """Look at the keys of the first lines."""
        self.format = "jsonl"
        self._resolve(self._keys())

    def _keys(self) -> list[str]:
        raise NotImplementedError

    def _stream(self) -> ByteStream:
        raise NotImplementedError

    def _json(self, *arguments: Any) -> Iterator[Chunk]:
        return json_reader.JsonReader(self.path, *arguments, stream=self._stream, line=self._line).chunks()


class GrowingJob(LinesJob):
    """What a JSON Lines file has beyond how far it was read.

    Parameters
    ----------
    file : Seen
    asked : Asked
    begun : Fingerprint
        How far it was read.
    end : int
        Where the last whole line ends.
    """

    def __init__(self, file: Seen, asked: Asked, begun: Fingerprint, end: int) -> None:
        self.file, self._begun, self._end = file, begun, end
        self._reading: RangeStream | None = None
        super().__init__(file.path, str(file.path), asked, end - begun.offset, begun.lines + 1)

    def record(self) -> dict[str, Any]:
        """Return what the manifest keeps of it."""
        return {"file": self.name, "adapter": self.adapter.name}

    def _keys(self) -> list[str]:
        """Keys of the file's first lines, as a plain ingest takes them, and of the new ones: they may have more."""
        with open(self.path, "rb") as file:
            new = _part(file, self._begun.offset, min(self._end - self._begun.offset, MAX_LINE))
        return list(dict.fromkeys([*json_reader.columns_of(self.path), *json_reader.keys_of(new)]))

    def _stream(self) -> ByteStream:
        self._reading = RangeStream(self.path, self.file.inode, self._begun, self._end)
        return self._reading

    def after(self) -> Kept:
        """Return what is kept of the file once it is read."""
        return Kept.of(self.file, self._begun if self._reading is None else self._reading.after)


def _part(file: BinaryIO, at: int, size: int) -> bytes:
    return os.pread(file.fileno(), size, at)


def whole_lines(file: BinaryIO, start: int, size: int, most: int) -> int:
    """Return where the last whole line of a part of a file ends; ``start`` if there is none.

    Parameters
    ----------
    file : binary file
    start, size : int
        The part begins at ``start``, the file ends at ``size``.
    most : int
        A longer part is cut at a line's end near this many bytes.
    """
    stop = min(size, start + most)
    at = stop
    while at > start:
        begin = max(start, at - MAX_LINE)
        cut = _part(file, begin, at - begin).rfind(b"\n")
        if cut >= 0:
            return begin + cut + 1
        at = begin
    while stop < size:  # one line as long as all that is taken at once: its end is further on
        data = _part(file, stop, MAX_LINE)
        cut = data.find(b"\n")
        if cut >= 0:
            return stop + cut + 1
        if not data:
            break
        stop += len(data)
    return start


def is_whole_object(text: bytes) -> bool:
    """Whether bytes are a JSON object: no longer line can begin with one, so its newline need not be waited for.

    Examples
    --------
    >>> is_whole_object(b'{"a": 1}'), is_whole_object(b'{"a": 1')
    (True, False)
    """
    return bool(text.strip()) and isinstance(json_reader.read_line(text), dict)
