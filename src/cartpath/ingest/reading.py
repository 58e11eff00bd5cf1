"""One file to read: its format, its columns, and the plan that makes events of its rows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from cartpath.ingest import csv_reader, json_reader, parquet_reader
from cartpath.ingest.adapter import Adapter, Context, Option
from cartpath.ingest.ahead import ahead
from cartpath.ingest.chunk import Bad, Chunk
from cartpath.ingest.declared import Declared
from cartpath.ingest.normalise import REPEATED, Plan, is_text
from cartpath.ingest.sources import content_hash, sniff_format
from cartpath.schema import CartpathError, Columns

#: Options that every adapter has.
COMMON: dict[str, Option] = {
    "delimiter": Option("", "what separates the fields of CSV; told from the header if not given"),
    "decimal": Option(".", "the decimal point of numbers written as text", (".", ",")),
    "time_zone": Option("", "of times without an offset, an IANA name; the adapter's if not given"),
    "time_format": Option("", "strptime format of times that are not ISO 8601"),
    "epoch": Option(
        "", "unit of times that are numbers; told from their size if not given", ("", "s", "ms", "us", "ns")
    ),
}


def resolve_options(adapter: Adapter, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return every option with its value.

    Raises
    ------
    CartpathError
        If one is unknown or has a wrong value.

    Examples
    --------
    >>> from cartpath.ingest import get
    >>> resolve_options(get("sequences"), {"format": "pairs"})["format"]
    'pairs'
    """
    known = {**COMMON, **adapter.options}
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise CartpathError(f"adapter {adapter.name} has no option {unknown[0]!r}", f"there are: {', '.join(known)}")
    values = {name: _value(name, given.get(name, option.default), option) for name, option in known.items()}
    if values["delimiter"] == "tab":
        values["delimiter"] = "\t"
    if len(values["delimiter"]) > 1:
        raise CartpathError(f"the delimiter must be one character, not {values['delimiter']!r}", "or the word tab")
    return values


def _value(name: str, given: Any, option: Option) -> Any:
    """Read a value as the command line gives it, and check it."""
    kind = type(option.default)
    value = given
    if isinstance(given, str) and kind is not str:
        words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
        try:
            value = words[given.lower()] if kind is bool else kind(given)
        except (KeyError, ValueError):
            raise CartpathError(f"option {name} cannot be {given!r}", f"it is of type {kind.__name__}") from None
    if not isinstance(value, kind):
        raise CartpathError(f"option {name} must be of type {kind.__name__}")
    if option.choices and value not in option.choices:
        choices = ", ".join(repr(choice) for choice in option.choices)
        raise CartpathError(f"option {name} cannot be {value!r}", f"choose from {choices}")
    return value


@dataclass
class Piece:
    """A chunk's worth of events, ready for the store.

    Attributes
    ----------
    events : pyarrow.Table
    bad : list of Bad
    source_rows, not_requested, blanked : int
    bytes_done : int
    items : pyarrow.Table, optional
    truncated : str, optional
    """

    events: pa.Table
    bad: list[Bad]
    source_rows: int
    not_requested: int
    blanked: int
    bytes_done: int
    items: pa.Table | None = None
    truncated: str | None = None


class Job(Protocol):
    """One source to read: a file, a query, what a growing file or a stream has new.

    Attributes
    ----------
    name : str
        For people: in messages, and as ``file`` in the quarantine.
    size : int
        Of the work, in any unit that ``Piece.bytes_done`` counts too; 0 where it cannot be known.
    signature : str
        Content and how it is read: a source whose signature is known is not read again. Empty: always read.
    """

    name: str
    size: int
    signature: str

    def open(self) -> None:
        """Look at the source before anything is read; a ``CartpathError`` here stops the ingest."""

    def pieces(self) -> Iterator[Piece]:
        """Yield the source's events."""

    def record(self) -> dict[str, Any]:
        """Return what the manifest keeps of it, beyond the counts."""


class FileJob:
    """A file, an adapter, and what the user asked for.

    Parameters
    ----------
    path : Path
    adapter : Adapter
    mapping : mapping of canonical column to source column, or to ``=value``
    options : mapping
        As ``resolve_options`` returns.
    """

    def __init__(self, path: Path, adapter: Adapter, mapping: Mapping[str, str], options: Mapping[str, Any]) -> None:
        self.path, self.adapter, self.options = path, adapter, options
        self.name = str(path)
        self.size = path.stat().st_size
        self.hash = content_hash(path)
        self._declared = Declared(adapter, mapping, options)
        self._context = Context(path, options)
        asked = json.dumps([adapter.name, dict(mapping), dict(options)], sort_keys=True)
        self.signature = f"{self.hash}:{hashlib.sha256(asked.encode()).hexdigest()[:16]}"

    def record(self) -> dict[str, Any]:
        """Return what the manifest keeps of the file, beyond the counts."""
        return {"signature": self.signature, "file": self.name, "hash": self.hash, "adapter": self.adapter.name}

    def open(self) -> None:
        """Look at the header.

        Raises
        ------
        CartpathError
            If the file is empty, damaged, or lacks a column.
        """
        if self.adapter.read is not None:
            if not self.size:
                raise CartpathError(f"{self.path} is empty", "leave the file out")
            self._declared.take_all()
            return
        self.format = sniff_format(self.path)
        if self.format == "csv":
            self._layout = csv_reader.layout_of(self.path, self.options["delimiter"])
            found = list(self._layout.names)
        elif self.format == "jsonl":
            found = json_reader.columns_of(self.path)
        else:
            with parquet_reader.open_parquet(self.path) as file:
                found = file.schema_arrow.names
        if self.adapter.unnest is not None:
            self._declared.take_all()
            return
        self._declared.find(found, str(self.path))

    def pieces(self) -> Iterator[Piece]:
        """Yield the file's events."""
        plan = self._declared.plan()
        for chunk in ahead(self._chunks(), 1):  # the next chunk is parsed while this one is looked at
            yield self._piece(chunk, plan)

    def _chunks(self) -> Iterator[Chunk]:
        adapter, path = self.adapter, self.path
        if adapter.read is not None:
            return adapter.read(self._context)
        if adapter.unnest is not None:
            if self.format == "parquet":
                leaves = list(adapter.read_columns) if adapter.read_columns else None
                return parquet_reader.chunks(path, leaves, [], parquet_reader.NESTED_ROWS)
            if self.format == "jsonl":
                return json_reader.JsonReader(path, None).chunks()
            raise CartpathError(f"{path} is CSV; adapter {adapter.name} reads Parquet and JSON Lines")
        columns, wanted = self._declared.columns, self._declared.wanted()
        user = columns.get(Columns.user_id)
        repeated = [source for name, source in columns.items() if name in REPEATED]
        if self.format == "csv":
            return csv_reader.CsvReader(path, self._layout, wanted, user, repeated).chunks()
        if self.format == "jsonl":
            nested = frozenset(columns[n] for n in (Columns.props,) if n in columns)
            return json_reader.JsonReader(path, wanted, nested, self._json_types(), user).chunks()
        return parquet_reader.chunks(path, wanted, repeated)

    def _json_types(self) -> dict[str, pa.DataType]:
        """Source columns that are read as nothing but numbers, times or flags."""
        columns, items = self._declared.columns, self._declared.items
        text = {s for n, s in columns.items() if is_text(n)}
        text |= {s for n, s in items.items() if n != Columns.price}
        likely = {Columns.ts: pa.string(), Columns.is_direct: pa.bool_()}
        return {s: likely.get(n, pa.float64()) for n, s in columns.items() if s not in text}

    def _piece(self, chunk: Chunk, plan: Plan) -> Piece:
        table, rows, items = chunk.table, chunk.rows, None
        source_rows, not_requested = len(table) + len(chunk.bad), 0
        if self.adapter.unnest is not None:
            if not len(table):
                return Piece(
                    table.slice(0, 0), chunk.bad, len(chunk.bad), 0, 0, chunk.bytes_done, None, chunk.truncated
                )
            whole = table.append_column(Columns.row, pa.array(rows)).combine_chunks()
            flat = self.adapter.unnest(whole, self._context)
            table, items = flat.events, flat.items
            rows = table[Columns.row].to_numpy()
            source_rows, not_requested = flat.source_rows + len(chunk.bad), flat.not_requested
        checked = self.adapter.unnest is None and self.adapter.read is None and self.format == "csv"
        done = self._declared.look(table, rows, plan, checked=checked)
        items = done.items if self.adapter.items else items
        return Piece(
            done.events, chunk.bad + done.bad, source_rows, not_requested, done.blanked, chunk.bytes_done, items,
            chunk.truncated,
        )  # fmt: skip
