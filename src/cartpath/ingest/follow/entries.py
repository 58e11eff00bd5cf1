"""Entries of a stream as lines of JSON, and as a job."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from cartpath.ingest.chunk import Bad
from cartpath.ingest.follow.lines import Asked, LinesJob, MemoryStream
from cartpath.ingest.readers import json_reader
from cartpath.ingest.readers.lines import RAW_LENGTH, raw_text
from cartpath.ingest.readers.streams import ByteStream
from cartpath.ingest.reading import Piece
from cartpath.schema import REQUIRED

#: Fields that, alone in an entry, may hold it as a JSON object.
PAYLOADS = (b"json", b"data", b"event")
Entry = tuple[bytes, Mapping[bytes, bytes]]


def line_of(fields: Mapping[bytes, bytes], payload: bytes | None = None) -> bytes:
    r"""Return an entry as one line; what cannot be an event becomes a line that goes to quarantine.

    Parameters
    ----------
    fields : mapping of bytes to bytes
    payload : bytes, optional
        The field that holds a JSON object; by default one of ``PAYLOADS`` that is the entry's only field.

    Examples
    --------
    >>> line_of({b"user_id": b"u1", b"event": b"view"})
    b'{"user_id": "u1", "event": "view"}'
    >>> line_of({b"data": b'{"user_id":\n 7}'})
    b'{"user_id": 7}'
    """
    if payload is None and len(fields) == 1:
        only, value = next(iter(fields.items()))
        payload = only if only in PAYLOADS and value.lstrip().startswith(b"{") else None
    if payload is not None:
        return _object(fields.get(payload, b""))
    try:
        return json.dumps({name.decode(): value.decode() for name, value in fields.items()}).encode()
    except UnicodeDecodeError:
        return _flat(b" ".join(part for pair in fields.items() for part in pair))


def _object(value: bytes) -> bytes:
    if b"\n" not in value:
        return value if value.strip() else b"null"
    try:
        return json.dumps(json.loads(value)).encode()
    except (ValueError, RecursionError):
        return _flat(value)


def _flat(value: bytes) -> bytes:
    return value.replace(b"\n", b" ") if value.strip() else b"null"


class EntriesJob(LinesJob):
    """Entries of a stream that were delivered together.

    Parameters
    ----------
    name : str
        Of the stream, for people.
    asked : Asked
    entries : sequence of (id, fields)
    first : int
        The number of the first entry in the stream, from 1.
    payload : bytes, optional
        As ``line_of`` takes it.
    strict : bool
        Whether it is an error that no entry has a column that must be there; else such entries go to quarantine.
    """

    def __init__(
        self, name: str, asked: Asked, entries: Sequence[Entry], first: int, payload: bytes | None = None,
        *, strict: bool = False,
    ) -> None:  # fmt: skip
        self._strict = strict
        self._ids, self._first = [entry.decode() for entry, _ in entries], first
        self._lines = [line_of(fields, payload) for _, fields in entries]
        self._data = b"\n".join([*self._lines, b""])
        super().__init__(Path(name), name, asked, len(self._data), first)

    def record(self) -> dict[str, Any]:
        """Return what the manifest keeps of it."""
        return {"file": self.name, "adapter": self.adapter.name}

    def _keys(self) -> list[str]:
        found = json_reader.keys_of(self._data)
        if self._strict:
            return found
        # A key that no entry has is a missing value in each.
        needed = [
            self._declared.mapping.get(name) or next(iter(self.adapter.source_names(name)), name) for name in REQUIRED
        ]
        return list(dict.fromkeys([*found, *needed]))

    def _stream(self) -> ByteStream:
        return MemoryStream(self._data)

    def pieces(self) -> Iterator[Piece]:
        """Yield the entries' events; a bad one's raw text begins with its id."""
        for piece in super().pieces():
            yield replace(piece, bad=[self._with_id(bad) for bad in piece.bad])

    def _with_id(self, bad: Bad) -> Bad:
        at = bad.row - self._first
        return replace(bad, raw=f"{self._ids[at]} {raw_text(self._lines[at])}"[:RAW_LENGTH])
