"""Bytes of a file, decompressed on the way; a torn end keeps what came before it."""

from __future__ import annotations

import zlib
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa

GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_STEP, _SMALL = 1 << 16, 1 << 14


def compression_of(path: Path) -> str | None:
    """Return ``"gzip"``, ``"zstd"`` or None, by the file's first bytes."""
    with open(path, "rb") as file:
        head = file.read(4)
    return "gzip" if head[:2] == GZIP else "zstd" if head == ZSTD else None


class ByteStream:
    """A file's bytes from front to end.

    Parameters
    ----------
    path : Path

    Attributes
    ----------
    truncated : str or None
        Why the bytes ended before the end, once they did.
    """

    def __init__(self, path: Path) -> None:
        self.truncated: str | None = None
        self._file = open(path, "rb")  # noqa: SIM115 - closed in __exit__
        kind = compression_of(path)
        self._source: Any = {None: self._file, "gzip": _Gzip(self._file), "zstd": _Zstd(self._file)}[kind]

    def __enter__(self) -> ByteStream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    @property
    def position(self) -> int:
        """Bytes read of the file as it lies on disk."""
        return 0 if self._file.closed else self._file.tell()

    def read(self, size: int) -> bytes:
        """Return about ``size`` bytes, or fewer at the end; none after it."""
        data: bytes = self._source.read(size)
        self.truncated = getattr(self._source, "truncated", None)
        return data


class _Gzip:
    """Gzip of one or several members, decoded until it tears."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._member = zlib.decompressobj(31)
        self._begun = False
        self.truncated: str | None = None

    def read(self, size: int) -> bytes:
        parts, length = [], 0
        while length < size and self.truncated is None:
            part = self._step(size - length)
            if part is None:
                break
            parts.append(part)
            length += len(part)
        return b"".join(parts)

    def _step(self, want: int) -> bytes | None:
        data = self._member.unconsumed_tail or self._member.unused_data.lstrip(b"\0") or self._file.read(_STEP)
        if self._member.eof:
            if not data:
                return None
            self._member, self._begun = zlib.decompressobj(31), False
        if not data:
            self.truncated = "the gzip stream ends early" if self._begun else None
            return None
        self._begun = True
        before = self._member.copy()
        try:
            return self._member.decompress(data, want)
        except zlib.error as error:
            self.truncated = f"the gzip stream is damaged: {error}"
            return _salvage(before, data)


def _salvage(member: Any, data: bytes) -> bytes:
    """Decode up to the byte that is wrong."""
    parts = []
    for at in range(len(data)):
        try:
            parts.append(member.decompress(data[at : at + 1]))
        except zlib.error:
            break
    return b"".join(parts)


class _Zstd:
    """Zstandard, decoded until it tears."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._stream: Any = None
        self.truncated: str | None = None

    def read(self, size: int) -> bytes:
        if self._stream is None:
            self._stream = pa.CompressedInputStream(pa.PythonFile(self._file, mode="r"), "zstd")
        parts, length = [], 0
        while length < size and self.truncated is None:
            try:
                part = self._stream.read(min(_SMALL, size - length))  # what a failing read had decoded is lost
            except (OSError, pa.ArrowInvalid) as error:
                self.truncated = f"the zstd stream ends early or is damaged: {error}"
                break
            if not part:
                break
            parts.append(part)
            length += len(part)
        return b"".join(parts)
