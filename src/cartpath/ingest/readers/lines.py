"""A text file in blocks that end with a line's end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa

from cartpath.ingest.chunk import Bad, Reason
from cartpath.ingest.readers.streams import ByteStream

#: A longer line is not read.
MAX_LINE = 1 << 20
#: Characters of a bad row that are kept.
RAW_LENGTH = 1000
#: Bytes a block: larger ones are slower, as their memory is asked of the system anew each time.
BLOCK = 1 << 23


@dataclass
class Block:
    """Whole lines of a text file.

    Attributes
    ----------
    data : bytes
        Ends with a newline, except at the end of the file.
    final : bool
        Whether the file ends here.
    bad : list of Bad
        Lines too long to be held, with row numbers relative to the block's first line.
    skipped : int
        Lines in ``bad``; they precede ``data``.
    """

    data: bytes
    final: bool = False
    bad: list[Bad] = field(default_factory=list)
    skipped: int = 0


def raw_text(data: bytes) -> str:
    """Return a bad row's text, cut, for the quarantine."""
    return data[: 4 * RAW_LENGTH].decode("utf-8", errors="replace").rstrip("\r\n")[:RAW_LENGTH]


def blocks(stream: ByteStream, head: bytes, size: int) -> Iterator[Block]:
    """Cut the rest of a stream into blocks of about ``size`` bytes.

    Parameters
    ----------
    stream : ByteStream
    head : bytes
        What was read of it already.
    """
    rest = head
    while data := stream.read(size):
        cut = data.rfind(b"\n")
        if cut >= 0:
            yield Block(b"".join((rest, memoryview(data)[: cut + 1])))
            rest = data[cut + 1 :]
            continue
        rest += data
        if len(rest) > MAX_LINE and len(rest) > size:
            end = rest.rfind(b"\n")  # the head may hold whole lines
            if end >= 0:
                yield Block(rest[: end + 1])
                rest = rest[end + 1 :]
            bad = Bad(0, Reason.field_too_large, raw_text(rest))
            rest = _skip_line(stream, size)
            yield Block(b"", bad=[bad], skipped=1)
    if rest and stream.truncated:
        end = rest.rfind(b"\n") + 1
        if end:
            yield Block(rest[:end])
        torn = [Bad(0, Reason.torn_row, raw_text(rest[end:]))] if rest[end:] else []
        yield Block(b"", True, torn, len(torn))
    else:
        yield Block(rest, True)


def _skip_line(stream: ByteStream, size: int) -> bytes:
    while data := stream.read(size):
        cut = data.find(b"\n")
        if cut >= 0:
            return data[cut + 1 :]
    return b""


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    """Cut whole lines into pieces of about ``size`` bytes, each of whole lines."""
    start = 0
    while start < len(data):
        end = data.find(b"\n", min(start + size, len(data))) + 1 or len(data)
        yield data[start:end]
        start = end


def count_lines(data: bytes) -> int:
    """Return the number of lines; the last may lack its newline."""
    return data.count(b"\n") + (bool(data) and not data.endswith(b"\n"))


def is_clean(data: bytes) -> bool:
    """Whether there are no NULs, no invalid UTF-8, no line over ``MAX_LINE`` and no lone carriage returns."""
    return b"\0" not in data and not _has_lone_return(data) and is_utf8(data) and not _has_long_line(data)


def is_utf8(data: bytes) -> bool:
    """Whether the bytes are UTF-8 (Arrow's check, an order of magnitude faster than decoding)."""
    offsets = pa.py_buffer(bytes(8) + len(data).to_bytes(8, "little"))
    whole = pa.Array.from_buffers(pa.large_binary(), 1, [None, offsets, pa.py_buffer(data)])
    try:
        whole.cast(pa.large_string())
    except pa.ArrowInvalid:
        return False
    return True


def _has_lone_return(data: bytes) -> bool:
    return b"\r" in data and data.count(b"\r") != data.count(b"\r\n")


def _has_long_line(data: bytes) -> bool:
    start = 0
    while len(data) - start > MAX_LINE:
        end = data.rfind(b"\n", start, start + MAX_LINE + 1)
        if end < 0:
            return True
        start = end + 1
    return False
