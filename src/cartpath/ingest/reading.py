"""One file to read: its format, its columns, and the plan that makes events of its rows."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from cartpath.ingest.adapter import Adapter, Context
from cartpath.ingest.ahead import ahead
from cartpath.ingest.chunk import Bad, Chunk
from cartpath.ingest.declared import Declared
from cartpath.ingest.fitting import require, what_fits
from cartpath.ingest.normalise import REPEATED, Plan, is_text
from cartpath.ingest.readers import csv_reader, flat, json_reader, parquet_reader
from cartpath.ingest.sources import content_hash, sniff_format
from cartpath.schema import CartpathError, Columns


@dataclass
class Piece:
    """A chunk's worth of events, ready for the store.

    Attributes
    ----------
    events : pyarrow.Table
    bad : list of Bad
    source_rows, not_requested, blanked : int
    bytes_done : int
    items, users : pyarrow.Table, optional
    truncated : str, optional
    table : dict, optional
        What the summary says of files that are no events: ``kind``, ``files``, ``rows``, ``entries``, ``left_out``.
    links : pyarrow.Table, optional
        Of events that have both ids (``store.links.link_schema()``).
    """

    events: pa.Table
    bad: list[Bad]
    source_rows: int
    not_requested: int
    blanked: int
    bytes_done: int
    items: pa.Table | None = None
    truncated: str | None = None
    users: pa.Table | None = None
    table: dict[str, Any] | None = None
    links: pa.Table | None = None


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
    tables : mapping of str to pyarrow.Table, optional
        Lookup tables of the set that the file is of.
    digest : str
        Of those that its events depend on.
    shared : dict, optional
        What the adapter remembers from file to file.
    """

    def __init__(
        self,
        path: Path,
        adapter: Adapter,
        mapping: Mapping[str, str],
        options: Mapping[str, Any],
        tables: Mapping[str, pa.Table] | None = None,
        digest: str = "",
        shared: dict[str, Any] | None = None,
    ) -> None:
        self.path, self.adapter, self.options = path, adapter, options
        self.name = str(path)
        self.size, self.hash = self._measure()
        self._declared = Declared(adapter, mapping, options)
        self._context = Context(path, options, tables or {}, shared={} if shared is None else shared)
        self._only: parquet_reader.Range | None = None
        # Options that came later are left out where they are not used, so that a file read before is known again.
        told = {n: v for n, v in options.items() if v or n not in ("received", "anonymous", "events")}
        self.signature = signature_of(self.hash, [adapter.name, dict(mapping), told, *filter(None, [digest])])

    def _measure(self) -> tuple[int, str]:
        """Return the size of the work, and what tells the content from others."""
        return self.path.stat().st_size, content_hash(self.path)

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
        if self.options["received"] and (self.adapter.read or self.adapter.unnest):
            raise CartpathError(f"adapter {self.adapter.name} reads no time of receipt", "leave out: --option received")
        if self.adapter.read is not None:
            if not self.size:
                raise CartpathError(f"{self.path} is empty", "leave the file out")
            self._declared.take_all()
            if self.adapter.needs:
                require(self.adapter, flat.columns_of(self.path, self.options["delimiter"]), self.name)
            return
        self.format = sniff_format(self.path)
        if self.format == "csv":
            self._layout = csv_reader.layout_of(self.path, self.options["delimiter"], self.adapter.header)
            found = list(self._layout.names)
            if self.adapter.unnest is not None:
                raise CartpathError(
                    f"{self.path} is CSV; adapter {self.adapter.name} reads Parquet and JSON Lines",
                    what_fits(found, self.name),
                )
        else:
            found = flat.columns_of(self.path)
        self._resolve(found)

    def _resolve(self, found: list[str]) -> None:
        """Choose among the columns that were found."""
        require(self.adapter, found, self.name)
        if self.adapter.unnest is not None:
            self._declared.take_all()
            return
        self._declared.find(found, str(self.path))

    def shares(self) -> list[FileJob]:
        """Return jobs that read the file between them, in order, each in a process of its own; call ``open`` before.

        Of Parquet they are ranges of row groups. Text is one share: where its rows begin is known by reading it.
        """
        whole = copy.copy(self)
        whole.path = self.path.resolve()
        whole._context = replace(self._context, file=whole.path)
        if self.adapter.read is not None or self.format != "parquet":
            return [whole]
        rows = parquet_reader.ROWS if self.adapter.unnest is None else parquet_reader.NESTED_ROWS
        found = []
        for part in parquet_reader.ranges(whole.path, rows):
            share = copy.copy(whole)
            share._only = part
            found.append(share)
        return found

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
                return parquet_reader.chunks(path, leaves, [], parquet_reader.NESTED_ROWS, self._only)
            return self._json(None)
        columns, wanted, user = self._declared.columns, self._declared.wanted(), self._declared.user
        repeated = [s for n, s in columns.items() if n in REPEATED and s in wanted]
        if self.format == "csv":
            return csv_reader.CsvReader(path, self._layout, wanted, user, repeated).chunks()
        if self.format == "jsonl":
            nested = frozenset(columns[n] for n in (Columns.props,) if n in columns)
            return self._json(wanted, nested, self._json_types(), user)
        return parquet_reader.chunks(path, wanted, repeated, only=self._only)

    def _json(self, *arguments: Any) -> Iterator[Chunk]:
        return json_reader.JsonReader(self.path, *arguments).chunks()

    def _json_types(self) -> dict[str, pa.DataType]:
        """Source columns that are read as nothing but numbers, times or flags."""
        columns, items = self._declared.columns, self._declared.items
        text = {s for n, s in columns.items() if is_text(n)}
        text |= {s for n, s in items.items() if n != Columns.price}
        likely = {Columns.ts: pa.string(), Columns.received: pa.string(), Columns.is_direct: pa.bool_()}
        return {s: likely.get(n, pa.float64()) for n, s in columns.items() if s not in text}

    def _piece(self, chunk: Chunk, plan: Plan) -> Piece:
        table, rows, items = chunk.table, chunk.rows, chunk.items
        source_rows, not_requested = len(table) + len(chunk.bad), 0
        if chunk.source_rows is not None:
            source_rows = chunk.source_rows
        if self.adapter.unnest is not None:
            if not len(table):
                return Piece(
                    table.slice(0, 0), chunk.bad, len(chunk.bad), 0, 0, chunk.bytes_done, None, chunk.truncated
                )
            whole = table.append_column(Columns.row, pa.array(rows)).combine_chunks()
            made = self.adapter.unnest(whole, self._context)
            table, items = made.events, made.items
            rows = table[Columns.row].to_numpy()
            source_rows, not_requested = made.source_rows + len(chunk.bad), made.not_requested
        checked = self.adapter.unnest is None and self.adapter.read is None and self.format == "csv"
        done = self._declared.look(table, rows, plan, context=self._context, checked=checked)
        return Piece(
            done.events,
            chunk.bad + done.bad,
            source_rows,
            not_requested,
            done.blanked,
            chunk.bytes_done,
            done.items if self.adapter.items else items,
            chunk.truncated,
            links=done.links,
        )


def signature_of(content: str, asked: list[Any]) -> str:
    """Return what a source is known by: the hash of its content, and how it is read."""
    return f"{content}:{hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]}"
