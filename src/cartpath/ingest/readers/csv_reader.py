"""CSV: Arrow parses what is clean, a block at a time; what is not is read line by line."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from cartpath.ingest.chunk import Bad, Chunk
from cartpath.ingest.readers import headerless, lines
from cartpath.ingest.readers.csv_lines import read_lines, split
from cartpath.ingest.readers.streams import ByteStream
from cartpath.schema import CartpathError

#: Text that means that there is no value.
NULLS = ("", "NULL", "null", "\\N")
DELIMITERS = ",;\t|"
#: A block that is not clean is tried again in pieces of this size.
_PIECE = 1 << 15
_HEADER = lines.MAX_LINE
_WORDS = pa.dictionary(pa.int32(), pa.string())


@dataclass(frozen=True)
class Layout:
    """How a CSV file is laid out.

    Attributes
    ----------
    names : tuple of str
        Columns of the header; a repeated name gets ``.1``, ``.2`` …
    delimiter : str
    header_bytes : int
        Where the first row begins, after the byte order mark and the header.
    """

    names: tuple[str, ...]
    delimiter: str
    header_bytes: int


def layout_of(path: Path, delimiter: str = "", names: tuple[str, ...] = ()) -> Layout:
    """Read the header.

    Parameters
    ----------
    path : Path
    delimiter : str
    names : tuple of str
        Columns of a file without a header. A first line that is a header all the same is taken as one.

    Raises
    ------
    CartpathError
        If the file is empty or is not UTF-8 text, or has another number of columns than ``names``.
    """
    head, begin = _head(path)
    end = head.find(b"\n", begin) + 1 or len(head)
    line = head[begin:end].rstrip(b"\r\n")
    if names:
        text = line.decode(errors="replace")
        delimiter = delimiter or sniff(text)
        if not headerless.is_header(split(text, delimiter) or text.split(delimiter), names):
            headerless.check(path, head[begin:], delimiter, names)
            return Layout(names, delimiter, begin)
    text = _header(path, line)
    delimiter = delimiter or sniff(text)
    fields = split(text, delimiter)
    if not fields:
        raise CartpathError(f"the header of {path} has an open quote: {text[:200]}")
    return Layout(_distinct(headerless.as_declared(fields, names)), delimiter, end)


def _head(path: Path) -> tuple[bytes, int]:
    """Return a file's beginning, and where in it the first line starts."""
    with ByteStream(path) as stream:
        head = stream.read(_HEADER)
    if not head.strip():
        if stream.truncated:
            raise CartpathError(f"{path} has nothing readable: {stream.truncated}", "it is cut; copy it again")
        raise CartpathError(f"{path} is empty", "a CSV file needs a header line; leave the file out")
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise CartpathError(f"{path} is UTF-16", f"convert it: iconv -f UTF-16 -t UTF-8 {path}")
    begin = 3 if head.startswith(b"\xef\xbb\xbf") else 0
    while head[begin : begin + 1] in (b"\n", b"\r"):
        begin += 1
    return head, begin


def _header(path: Path, line: bytes) -> str:
    try:
        text = line.decode()
    except UnicodeDecodeError:
        raise CartpathError(f"the header of {path} is not UTF-8", "convert the file with iconv") from None
    if "\r" in text or "\0" in text:
        raise CartpathError(f"the header of {path} is not one line of text", "end lines with a newline")
    return text


def sniff(header: str) -> str:
    r"""Return the delimiter that a header uses.

    Examples
    --------
    >>> sniff("user;time;price, net")
    ';'
    """
    outside = "".join(header.split('"')[::2])
    return max(DELIMITERS, key=outside.count)


def _distinct(names: list[str]) -> tuple[str, ...]:
    seen: dict[str, int] = {}
    out = []
    for name in (name.strip() for name in names):
        seen[name] = seen.get(name, -1) + 1
        out.append(f"{name}.{seen[name]}" if seen[name] else name)
    return tuple(out)


class CsvReader:
    """Reads one CSV file.

    Parameters
    ----------
    path : Path
    layout : Layout
    wanted : list of str
        Columns to read.
    user : str, optional
        The user's column, to name the user of a bad row.
    repeated : collection of str
        Columns to read as dictionaries.
    """

    def __init__(
        self,
        path: Path,
        layout: Layout,
        wanted: list[str],
        user: str | None = None,
        repeated: Collection[str] = (),
    ) -> None:
        self._path, self._layout = path, layout
        self._wanted = [name for name in layout.names if name in wanted]
        self._user_at = layout.names.index(user) if user in layout.names else None
        self._schema = pa.schema([(name, _WORDS if name in repeated else pa.string()) for name in self._wanted])
        self._convert = pa.csv.ConvertOptions(
            column_types=self._schema,
            include_columns=self._wanted,
            strings_can_be_null=True,
            null_values=list(NULLS),
            check_utf8=False,  # is_clean has
        )

    def chunks(self) -> Iterator[Chunk]:
        """Yield the rows in chunks of about ``lines.BLOCK`` bytes of text."""
        size = lines.BLOCK
        with ByteStream(self._path) as stream:
            head = stream.read(max(size, self._layout.header_bytes))
            line = 1 + head[: self._layout.header_bytes].count(b"\n")
            carry = b""
            for block in lines.blocks(stream, head[self._layout.header_bytes :], size):
                if block.skipped and carry:  # an open quote cannot go on over a line that was dropped
                    chunk, line, carry = self._parse(carry, line, True)
                    yield chunk
                bad = [replace(b, row=b.row + line) for b in block.bad]
                line += block.skipped
                data = carry + block.data if carry else block.data
                chunk, line, carry = self._parse(data, line, block.final)
                chunk.bad[:0] = bad
                chunk.bytes_done = stream.position
                chunk.truncated = stream.truncated if block.final else None
                yield chunk

    def _parse(self, data: bytes, line: int, final: bool) -> tuple[Chunk, int, bytes]:
        """Return the rows, the line after them, and an unfinished record at the end."""
        table = self._fast(data)
        if table is not None:
            return Chunk(table, np.arange(line, line + len(table))), line + len(table), b""
        tables, rows, bad, carry = [self._empty()], [np.zeros(0, np.int64)], list[Bad](), b""
        for piece in _with_last(lines.pieces(data, _PIECE)):
            text, is_last = carry + piece[0], piece[1]
            part, where, wrong, carry = self._piece(text, line, final and is_last)
            line += lines.count_lines(text[: len(text) - len(carry)])
            tables.append(part)
            rows.append(where)
            bad += wrong
        return Chunk(pa.concat_tables(tables).combine_chunks(), np.concatenate(rows), bad), line, carry

    def _piece(self, data: bytes, line: int, final: bool) -> tuple[pa.Table, np.ndarray, list[Bad], bytes]:
        table = self._fast(data)
        if table is not None:
            return table, np.arange(line, line + len(table)), [], b""
        layout = self._layout
        read = read_lines(data, layout.delimiter, len(layout.names), self._user_at, final)
        columns = {}
        for name in self._wanted:
            at = layout.names.index(name)
            values = [None if fields[at] in NULLS else fields[at] for fields in read.fields]
            columns[name] = pa.array(values, pa.string()).cast(self._schema.field(name).type)
        bad = [replace(b, row=b.row + line) for b in read.bad]
        return pa.table(columns), np.array(read.rows, np.int64) + line, bad, read.carry

    def _empty(self) -> pa.Table:
        return self._schema.empty_table()

    def _fast(self, data: bytes) -> pa.Table | None:
        """Parse with Arrow; None if a line is not clean, or if not every line is a row."""
        if not data:
            return self._empty()
        if not lines.is_clean(data) or self._is_open(data):
            return None
        try:
            table = pa.csv.read_csv(
                pa.BufferReader(data),
                pa.csv.ReadOptions(use_threads=False, block_size=len(data) + 1, column_names=self._layout.names),
                pa.csv.ParseOptions(delimiter=self._layout.delimiter),
                self._convert,
            )
        except pa.ArrowInvalid:
            return None
        return table if len(table) == lines.count_lines(data) else None

    def _is_open(self, data: bytes) -> bool:
        last = data[data.rfind(b"\n", 0, len(data) - 1) + 1 :]
        return b'"' in last and split(last.decode().rstrip("\r\n"), self._layout.delimiter) is None


def _with_last(items: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    previous: bytes | None = None
    for item in items:
        if previous is not None:
            yield previous, False
        previous = item
    if previous is not None:
        yield previous, True
