"""Files of a set that become one small table: a catalogue, user attributes, or a table that hooks look things up in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from cartpath.ingest.adapter import Context
from cartpath.ingest.catalogue import canonical_items, typed
from cartpath.ingest.chunk import Chunk
from cartpath.ingest.file_kinds import FileKind, Role
from cartpath.ingest.readers import csv_reader, json_reader, parquet_reader
from cartpath.ingest.reading import Piece, signature_of
from cartpath.ingest.sources import content_hash, sniff_format
from cartpath.ingest.text import as_text, single
from cartpath.schema import Columns

#: Rows gathered before they are reduced; more once what is left after reducing is more than half of it.
_ROWS = 500_000
_NO_KEY = {Role.items: "missing_item", Role.users: "missing_user"}


class TableJob:
    """The files of one kind, read as one table.

    Parameters
    ----------
    paths : list of Path
    kind : FileKind
    adapter : str
        Name of the set's adapter, for the manifest.
    options : mapping
        As ``resolve_options`` returns.
    tables : mapping of str to pyarrow.Table, optional
        The set's lookup tables.
    digest : str
        Of those that the kind uses.
    """

    def __init__(
        self,
        paths: list[Path],
        kind: FileKind,
        adapter: str,
        options: Mapping[str, Any],
        tables: Mapping[str, pa.Table] | None = None,
        digest: str = "",
    ) -> None:
        self.paths, self.kind, self._adapter, self._options = paths, kind, adapter, options
        self.name = ", ".join(map(str, paths))
        self.n_files = len(paths)
        self.size = sum(path.stat().st_size for path in paths)
        self.hash = hashlib.sha256("".join(content_hash(path) for path in paths).encode()).hexdigest()
        self._context = Context(paths[0], options, tables or {})
        self.signature = signature_of(self.hash, [adapter, kind.name, dict(options), digest])

    def open(self) -> None:
        """Do nothing: a file was looked at when its kind was told."""

    def record(self) -> dict[str, Any]:
        """Return what the manifest keeps of the files, beyond the counts."""
        return {"signature": self.signature, "file": self.name, "hash": self.hash, "adapter": self._adapter}

    def pieces(self) -> Iterator[Piece]:
        """Yield how far the files are read, and at the end what they became."""
        held = _Held(self.kind, self._context)
        rows = done = 0
        for path in self.paths:
            for chunk in _chunks(path, self._options["delimiter"]):
                rows += len(chunk.table) + len(chunk.bad)
                self._context.left_out.update(bad.reason for bad in chunk.bad)
                held.add(chunk.table)
                yield _piece(done + chunk.bytes_done, chunk.truncated)
            done += path.stat().st_size
        table = self._finished(held.table())
        last = _piece(self.size)
        last.items = table if self.kind.role == Role.items else None
        last.users = table if self.kind.role == Role.users else None
        last.table = {
            "kind": self.kind.name,
            "files": list(map(str, self.paths)),
            "rows": rows,
            "entries": len(table),
            "left_out": {reason: n for reason, n in sorted(self._context.left_out.items()) if n},
        }
        self.result = table
        yield last

    def _finished(self, table: pa.Table) -> pa.Table:
        if self.kind.build is not None:
            table = self.kind.build(table, self._context)
        if self.kind.role == Role.lookup:
            return table
        key = Columns.item_id if self.kind.role == Role.items else Columns.user_id
        ids = as_text(single(table[key]), is_id=True).cast(pa.string())
        table = table.set_column(table.column_names.index(key), key, ids)
        if ids.null_count:
            self._context.left_out[_NO_KEY[self.kind.role]] += ids.null_count
            table = table.filter(table[key].is_valid())
        return canonical_items(table) if self.kind.role == Role.items else typed(table)


class _Held:
    """Rows gathered, reduced now and then so that they stay few."""

    def __init__(self, kind: FileKind, context: Context) -> None:
        self._kind, self._context = kind, context
        self._parts: list[pa.Table] = []
        self._limit = _ROWS

    def add(self, table: pa.Table) -> None:
        self._parts.append(self._reduced(as_words(table)))
        if self._kind.reduce is not None and sum(map(len, self._parts)) > self._limit:
            self._parts = [self._reduced(self._joined())]
            self._limit = max(_ROWS, 2 * len(self._parts[0]))

    def table(self) -> pa.Table:
        return self._reduced(self._joined())

    def _joined(self) -> pa.Table:
        return pa.concat_tables(self._parts, promote_options="permissive") if self._parts else pa.table({})

    def _reduced(self, table: pa.Table) -> pa.Table:
        return table if self._kind.reduce is None else self._kind.reduce(table, self._context)


def as_words(table: pa.Table) -> pa.Table:
    """Return the flat columns as text, so that the pieces of several files agree; blank text is null.

    Examples
    --------
    >>> as_words(pa.table({"itemid": [7.0, None], "size": [2, 5]})).to_pylist()
    [{'itemid': '7', 'size': '2'}, {'itemid': None, 'size': '5'}]
    """
    flat = [column.name for column in table.schema if not pa.types.is_nested(column.type)]
    words = {name: as_text(single(table[name]), is_id=name.lower().endswith("id")) for name in flat}
    return pa.table({name: values.cast(pa.string()) for name, values in words.items()})


def _chunks(path: Path, delimiter: str) -> Iterator[Chunk]:
    kind = sniff_format(path)
    if kind == "parquet":
        return parquet_reader.chunks(path, None, [])
    if kind == "csv":
        layout = csv_reader.layout_of(path, delimiter)
        return csv_reader.CsvReader(path, layout, list(layout.names)).chunks()
    return json_reader.JsonReader(path, None).chunks()


def _piece(bytes_done: int, truncated: str | None = None) -> Piece:
    return Piece(pa.table({}), [], 0, 0, 0, bytes_done, truncated=truncated)
