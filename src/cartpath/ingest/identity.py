"""Links between ids on their way in: from events that have both ids, and from a file of identities."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartpath.ingest.chunk import Chunk
from cartpath.ingest.readers import csv_reader, json_reader, parquet_reader
from cartpath.ingest.sources import content_hash, sniff_format
from cartpath.ingest.text import as_text, single
from cartpath.ingest.times import Clock, as_times
from cartpath.schema import CartpathError, Columns
from cartpath.store.links import EVENTS, FILE, merge_links, no_links, noted

#: Links that wait are put together once there are so many of them, or as many as there are distinct ones.
_HELD = 200_000
#: Row numbers told of rows that cannot be used.
_EXAMPLES = 5
_ALWAYS = np.iinfo(np.int64).min
_REQUIRED = (Columns.anonymous_id, Columns.user_id)
Mask = npt.NDArray[np.bool_]


class Collector:
    """Puts links together as they come; memory is bounded by the distinct ones."""

    def __init__(self) -> None:
        self._whole = no_links()
        self._held: list[pa.Table] = []

    def add(self, links: pa.Table) -> None:
        """Take links."""
        if len(links):
            self._held.append(links)
            if sum(map(len, self._held)) > max(_HELD, len(self._whole)):
                self.table()

    def table(self) -> pa.Table:
        """Return all links so far."""
        if self._held:
            self._whole = merge_links(self._whole, pa.concat_tables(self._held))
            self._held.clear()
        return self._whole


def links_of_events(anonymous: pa.Array, user: pa.Array, ts: pa.Array, good: Mask) -> pa.Table:
    """Return the links that events show, those that can be used and have both ids.

    Parameters
    ----------
    anonymous, user : pyarrow.StringArray (n,)
    ts : pyarrow.Array of timestamp (n,)
    good : bool array (n,)
    """
    both = good & _valid(anonymous) & _valid(user)
    chosen = pa.array(both)
    times = ts.cast(pa.int64()).to_numpy(zero_copy_only=False)
    return noted(anonymous.filter(chosen), user.filter(chosen), times[both], EVENTS)


def _valid(values: pa.Array) -> Mask:
    valid: Mask = values.is_valid().to_numpy(zero_copy_only=False)
    return valid


@dataclass(frozen=True)
class Identities:
    """A file of identities that was read.

    Attributes
    ----------
    links : pyarrow.Table
        ``store.links.link_schema()``.
    rows, without_id, unreadable_time : int
        Rows of the file, and those left out: without one of the ids, and with a time that cannot be read.
    left_out : list of int
        The first rows that are left out, as ``chunk.Bad.row`` counts.
    record : dict
        What the manifest keeps of the file.
    """

    links: pa.Table
    rows: int
    without_id: int
    unreadable_time: int
    left_out: list[int]
    record: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return the counts as JSON has them."""
        return {
            "file": self.record["file"],
            "rows": self.rows,
            "links": len(self.links),
            "without_id": self.without_id,
            "unreadable_time": self.unreadable_time,
            "left_out": self.left_out,
        }


def load_identities(path: str | Path) -> Identities:
    """Read which anonymous id belongs to which user: ``anonymous_id``, ``user_id`` and, if known, ``ts``, since when.

    Parameters
    ----------
    path : Path
        CSV, Parquet or JSON Lines.

    Raises
    ------
    CartpathError
        If it cannot be read, lacks a column, or has a row that is not laid out like the others.
    """
    path = Path(path)
    if not path.is_file():
        raise CartpathError(f"no such file: {path}")
    collector, rows, without, unreadable = Collector(), 0, 0, 0
    left_out: list[int] = []
    for chunk in _chunks(path):
        if chunk.bad:
            raise CartpathError(f"{path}, row {chunk.bad[0].row}: {chunk.bad[0].reason}", "mend the file")
        links, no_id, no_time = _links(chunk.table)
        collector.add(links)
        rows, without, unreadable = rows + len(chunk.table), without + int(no_id.sum()), unreadable + int(no_time.sum())
        left_out += chunk.rows[no_id | no_time][:_EXAMPLES].tolist()
    digest = content_hash(path)
    record = {"signature": f"{digest}:identities", "file": str(path), "hash": digest, "adapter": "identities"}
    return Identities(collector.table(), rows, without, unreadable, left_out[:_EXAMPLES], record)


def _links(table: pa.Table) -> tuple[pa.Table, Mask, Mask]:
    """Return the links of rows; and which rows lack an id, and which have a time that cannot be read."""
    anonymous, user = (as_text(single(table[name]), is_id=True).cast(pa.string()) for name in _REQUIRED)
    no_id = ~(_valid(anonymous) & _valid(user))
    times, no_time = np.full(len(table), _ALWAYS), np.zeros(len(table), np.bool_)
    if Columns.ts in table.column_names:
        when = as_text(single(table[Columns.ts])) if _is_text(table) else single(table[Columns.ts])
        found, read = as_times(when, Clock())
        given = _valid(when)
        no_time = given & ~read & ~no_id
        times = np.where(given, found, _ALWAYS)
    good = ~no_id & ~no_time
    chosen = pa.array(good)
    return noted(anonymous.filter(chosen), user.filter(chosen), times[good], FILE), no_id, no_time


def _is_text(table: pa.Table) -> bool:
    kind = table.schema.field(Columns.ts).type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind))


def _chunks(path: Path) -> Iterator[Chunk]:
    kind = sniff_format(path)
    if kind == "csv":
        layout = csv_reader.layout_of(path)
        return csv_reader.CsvReader(path, layout, _wanted(list(layout.names), path)).chunks()
    if kind == "jsonl":
        return json_reader.JsonReader(path, _wanted(json_reader.columns_of(path), path)).chunks()
    with parquet_reader.open_parquet(path) as file:
        names = _wanted(file.schema_arrow.names, path)
    return parquet_reader.chunks(path, names, [])


def _wanted(found: list[str], path: Path) -> list[str]:
    for name in _REQUIRED:
        if name not in found:
            raise CartpathError(
                f"{path} has no column {name!r}; columns found: {', '.join(found) or 'none'}",
                "a file of identities has anonymous_id, user_id and, if known, ts: since when they belong together",
            )
    return [name for name in (*_REQUIRED, Columns.ts) if name in found]
