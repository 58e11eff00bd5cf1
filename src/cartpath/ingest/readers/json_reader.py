"""JSON Lines: Arrow parses what is clean and of one type, a block at a time; the rest is read line by line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.json

from cartpath.ingest.chunk import Bad, Chunk, Reason
from cartpath.ingest.readers import lines
from cartpath.ingest.readers.streams import ByteStream
from cartpath.schema import CartpathError

_PIECE = 1 << 15
_PROBED = 50
_BOM = b"\xef\xbb\xbf"
Rows = npt.NDArray[np.int64]
_KINDS: dict[frozenset[type], pa.DataType] = {
    frozenset(): pa.string(),
    frozenset({str}): pa.string(),
    frozenset({int}): pa.int64(),
    frozenset({bool}): pa.bool_(),
}


def columns_of(path: Path) -> list[str]:
    """Return the keys of the first rows.

    Raises
    ------
    CartpathError
        If the file is empty, or is a JSON array.
    """
    with ByteStream(path) as stream:
        head = stream.read(lines.MAX_LINE).removeprefix(_BOM)
    if not head.strip():
        if stream.truncated:
            raise CartpathError(f"{path} has nothing readable: {stream.truncated}", "it is cut; copy it again")
        raise CartpathError(f"{path} is empty", "leave the file out")
    if head.lstrip().startswith(b"["):
        raise CartpathError(f"{path} is a JSON array, not JSON Lines", f"write one object a line: jq -c '.[]' {path}")
    return keys_of(head)


def keys_of(data: bytes) -> list[str]:
    r"""Return the keys of the first rows among some lines.

    Examples
    --------
    >>> keys_of(b'{"a": 1}\n{"a": 2, "b": 3}\n')
    ['a', 'b']
    """
    return list(dict.fromkeys(key for row in _probe(data, 1000) for key in row))


def _probe(data: bytes, limit: int) -> list[dict[str, Any]]:
    found = []
    for line in data[: lines.MAX_LINE].split(b"\n")[:limit]:
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict):
            found.append(row)
    return found


class JsonReader:
    """Reads one JSON Lines file.

    Parameters
    ----------
    path : Path
    wanted : list of str, optional
        Keys to read, as flat columns; None for all, with their nested types.
    nested : set of str
        Keys whose values may be objects or lists; they are kept as JSON text.
    types : mapping of str to pyarrow.DataType
        Keys that are not text, so that a double can hold their numbers, and their likely type.
    user : str, optional
        The user's key, to name the user of a bad row.
    stream : callable, optional
        Opens what is read in place of the whole file.
    line : int
        The number of the first line.
    """

    def __init__(
        self,
        path: Path,
        wanted: list[str] | None,
        nested: frozenset[str] = frozenset(),
        types: Mapping[str, pa.DataType] | None = None,
        user: str | None = None,
        *,
        stream: Callable[[], ByteStream] | None = None,
        line: int = 1,
    ) -> None:
        self._open, self._line, self._wanted = stream or (lambda: ByteStream(path)), line, wanted
        self._nested, self._types, self._user = nested, types or {}, user

    def chunks(self) -> Iterator[Chunk]:
        """Yield the rows in chunks of about ``lines.BLOCK`` bytes of text."""
        size = lines.BLOCK
        with self._open() as stream:
            line, head = self._line, stream.read(size).removeprefix(_BOM)
            for block in lines.blocks(stream, head, size):
                bad = [replace(b, row=b.row + line) for b in block.bad]
                line += block.skipped
                for chunk in self._parse(block.data, line):
                    chunk.bad[:0], bad = bad, []
                    chunk.bytes_done = stream.position
                    yield chunk
                line += lines.count_lines(block.data)
                if block.final or bad:
                    why = stream.truncated if block.final else None
                    yield Chunk(self._empty(), np.zeros(0, np.int64), bad, stream.position, why)

    def _empty(self) -> pa.Table:
        return pa.table({name: pa.array([], pa.string()) for name in self._wanted or []})

    def _parse(self, data: bytes, line: int) -> Iterator[Chunk]:
        """Yield one chunk, or several where types differ within the block."""
        if not data:
            return
        schema = None if self._wanted is None else self._schema(data)
        table = self._fast(data, schema)
        if table is not None:
            yield Chunk(table, np.arange(line, line + len(table)))
            return
        if self._wanted is None:
            for piece in lines.pieces(data, 1 << 20):
                yield from self._nested_piece(piece, line)
                line += lines.count_lines(piece)
            return
        tables, numbers, bad = [self._empty()], [np.zeros(0, np.int64)], list[Bad]()
        for piece in lines.pieces(data, _PIECE):
            part, where = self._piece(piece, line, schema, bad)
            line += lines.count_lines(piece)
            tables.append(part)
            numbers.append(where)
        yield Chunk(pa.concat_tables(tables).combine_chunks(), np.concatenate(numbers), bad)

    def _piece(self, data: bytes, line: int, schema: pa.Schema | None, bad: list[Bad]) -> tuple[pa.Table, Rows]:
        """Read a few lines as columns of text, so that pieces go together whatever their types."""
        table = self._fast(data, schema)
        if table is not None:
            return table.cast(self._empty().schema), np.arange(line, line + len(table))
        rows, at, wrong = self._lines(data, line)
        table = self._flat(rows, at, wrong)
        bad += wrong
        return table, np.array(at, np.int64)

    def _fast(self, data: bytes, schema: pa.Schema | None) -> pa.Table | None:
        """Parse with Arrow; None if a line is not clean, or types differ."""
        if not lines.is_clean(data):
            return None
        options = pa.json.ParseOptions()
        if self._wanted is not None:
            if schema is None:
                return None
            options = pa.json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
        try:
            table = pa.json.read_json(
                pa.BufferReader(data), pa.json.ReadOptions(use_threads=False, block_size=len(data) + 1), options
            )
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            return None
        return table if len(table) == lines.count_lines(data) else None

    def _schema(self, data: bytes) -> pa.Schema | None:
        """Guess each column's type by the first rows, None if there is none that fits; a miss costs time alone."""
        assert self._wanted is not None
        rows = _probe(data, _PROBED)
        fields = []
        for name in self._wanted:
            kinds = frozenset(type(row[name]) for row in rows if row.get(name) is not None)
            kind = _KINDS.get(kinds)
            if name in self._types and kinds <= {int, float}:
                kind = pa.float64() if kinds else self._types[name]
            if kind is None:
                return None
            fields.append(pa.field(name, kind))
        return pa.schema(fields)

    def _lines(self, data: bytes, line: int) -> tuple[list[dict[str, Any]], list[int], list[Bad]]:
        rows, at, bad = [], [], []
        for number, text in enumerate(data.split(b"\n"), line):
            if not text.strip():
                continue
            row = read_line(text)
            if isinstance(row, dict):
                rows.append(row)
                at.append(number)
            else:
                bad.append(Bad(number, row, lines.raw_text(text)))
        return rows, at, bad

    def _flat(self, rows: list[dict[str, Any]], at: list[int], bad: list[Bad]) -> pa.Table:
        """Make columns of text; a row with a value that is no scalar is taken out of ``at`` and is bad."""
        assert self._wanted is not None
        columns: dict[str, list[str | None]] = {name: [] for name in self._wanted}
        kept = []
        for row, number in zip(rows, at, strict=True):
            try:
                values = [as_scalar(row.get(name), name in self._nested) for name in self._wanted]
            except ValueError as error:
                user = row.get(self._user) if self._user else None
                raw = json.dumps(row, default=str)[: lines.RAW_LENGTH]
                bad.append(Bad(number, str(error), raw, str(user) if isinstance(user, str | int) else None))
                continue
            kept.append(number)
            for name, value in zip(self._wanted, values, strict=True):
                columns[name].append(value)
        at[:] = kept
        return pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})

    def _nested_piece(self, data: bytes, line: int) -> Iterator[Chunk]:
        table = self._fast(data, None)
        if table is not None:
            yield Chunk(table, np.arange(line, line + len(table)))
            return
        rows, at, bad = self._lines(data, line)
        try:
            yield Chunk(pa.Table.from_pylist(rows), np.array(at, np.int64), bad)
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeEncodeError):
            for row, number in zip(rows, at, strict=True):  # types differ between rows
                try:
                    yield Chunk(pa.Table.from_pylist([row]), np.array([number], np.int64))
                except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeEncodeError):
                    bad.append(Bad(number, Reason.wrong_type, json.dumps(row, default=str)[: lines.RAW_LENGTH]))
            yield Chunk(self._empty(), np.zeros(0, np.int64), bad)


def read_line(text: bytes) -> dict[str, Any] | str:
    """Return the object on a line, or the reason why there is none."""
    if len(text) > lines.MAX_LINE:
        return Reason.field_too_large
    if b"\0" in text:
        return Reason.nul_bytes
    try:
        row = json.loads(text.decode())
    except UnicodeDecodeError:
        return Reason.bad_encoding
    except (ValueError, RecursionError):
        return Reason.malformed_json
    return row if isinstance(row, dict) else Reason.malformed_json


def as_scalar(value: Any, nested: bool) -> str | None:
    """Return a JSON value as text.

    Raises
    ------
    ValueError
        With the reason, if it is an object or a list where none may be, or no text.

    Examples
    --------
    >>> as_scalar(12, False), as_scalar(True, False), as_scalar({"a": 1}, True)
    ('12', 'true', '{"a": 1}')
    """
    if value is None:
        return None
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValueError(Reason.bad_encoding) from None
        return value
    if isinstance(value, dict | list) and not nested:
        raise ValueError(Reason.wrong_type)
    return json.dumps(value, ensure_ascii=True)
