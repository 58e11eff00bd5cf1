"""How far a growing file was read, and what tells whether it is still the same file."""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Self

#: Bytes at the front, and before the offset, that are looked at each time the file has changed.
HEAD, TAIL = 1 << 16, 1 << 12
#: Places in the file whose checksum from the front is known: while the follower lives, and in the manifest.
MARKS, KEPT_MARKS = 4096, 16
_STEP = 1 << 20


@dataclass(frozen=True)
class Mark:
    """A place in a file, with checksums of all bytes before it (CRC-32 and Adler-32: both go on from their value)."""

    offset: int = 0
    lines: int = 0
    crc: int = 0
    adler: int = 1

    def after(self, data: bytes | memoryview) -> Mark:
        """Return the place after some more bytes."""
        lines = self.lines + bytes(data).count(b"\n")
        return Mark(self.offset + len(data), lines, zlib.crc32(data, self.crc), zlib.adler32(data, self.adler))


@dataclass
class Fingerprint:
    """How far a file was read, and checksums of its first bytes, its last ones, and up to some places between.

    Attributes
    ----------
    marks : list of Mark
        Rising; the first is the front of the file, the last is how far it was read.
    head, tail : tuple of int
        Length and CRC-32 of the first bytes, and of the last before the offset.
    """

    marks: list[Mark] = field(default_factory=lambda: [Mark()])
    head: tuple[int, int] = (0, 0)
    tail: tuple[int, int] = (0, 0)

    @property
    def offset(self) -> int:
        """Bytes read."""
        return self.marks[-1].offset

    @property
    def lines(self) -> int:
        """Line ends among them."""
        return self.marks[-1].lines

    def to_json(self) -> dict[str, Any]:
        """Return it for the manifest."""
        kept = thinned(self.marks, KEPT_MARKS)
        marks = [[mark.offset, mark.lines, mark.crc, mark.adler] for mark in kept[1:]]
        return {"offset": self.offset, "head": list(self.head), "tail": list(self.tail), "marks": marks}

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Self:
        """Return what ``to_json`` wrote."""
        marks = [Mark(), *(Mark(*mark) for mark in kept["marks"])]
        return cls(marks, (kept["head"][0], kept["head"][1]), (kept["tail"][0], kept["tail"][1]))

    def at(self, file: BinaryIO, marks: list[Mark]) -> Fingerprint:
        """Return the fingerprint at the last of some marks, looking at the file for head and tail."""
        offset = marks[-1].offset
        head, tail = min(HEAD, offset), min(TAIL, offset)
        return Fingerprint(thinned(marks, MARKS), (head, _crc(file, 0, head)), (tail, _crc(file, offset - tail, tail)))

    def is_of(self, file: BinaryIO, size: int) -> bool:
        """Whether a file begins as the one that was read, as far as head and tail tell."""
        head, tail = self.head, self.tail
        if size < self.offset:
            return False
        return _crc(file, 0, head[0]) == head[1] and _crc(file, self.offset - tail[0], tail[0]) == tail[1]

    def known_part(self, file: BinaryIO) -> list[Mark]:
        """Return the marks up to which a file has, byte for byte, what was read; the front at least."""
        known = [self.marks[0]]
        for mark in self.marks[1:]:
            now = known[-1]
            while now.offset < mark.offset and (data := _read(file, now.offset, min(_STEP, mark.offset - now.offset))):
                now = now.after(data)
            if now != mark:
                break
            known.append(mark)
        return known


def thinned(marks: list[Mark], most: int) -> list[Mark]:
    """Leave out marks until there are not too many; the first and the last stay.

    Examples
    --------
    >>> [mark.offset for mark in thinned([Mark(n) for n in range(10)], 5)]
    [0, 4, 8, 9]
    """
    step = 1
    while len(marks) > most and (len(marks) - 1) // step + 2 > most:
        step *= 2
    return marks if step == 1 else [*marks[:-1:step], marks[-1]]


def _read(file: BinaryIO, at: int, size: int) -> bytes:
    return os.pread(file.fileno(), size, at)


def _crc(file: BinaryIO, at: int, size: int) -> int:
    return zlib.crc32(_read(file, at, size))
