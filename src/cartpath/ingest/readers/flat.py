"""Any file of rows, whatever its format: its columns, and its raw rows in chunks."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from cartpath.ingest.chunk import Chunk
from cartpath.ingest.readers import csv_reader, json_reader, parquet_reader
from cartpath.ingest.sources import sniff_format

#: Rows of Parquet a chunk: what reads by way of this makes Python objects of them.
ROWS = 100_000


def columns_of(path: Path, delimiter: str = "") -> list[str]:
    """Return a file's columns; of JSON Lines, the keys of the first rows.

    Parameters
    ----------
    path : Path
    delimiter : str
        Of CSV; told from the header if empty.

    Raises
    ------
    CartpathError
        If the file is empty or damaged.
    """
    kind = sniff_format(path)
    if kind == "csv":
        return list(csv_reader.layout_of(path, delimiter).names)
    if kind == "jsonl":
        return json_reader.columns_of(path)
    with parquet_reader.open_parquet(path) as file:
        return list(file.schema_arrow.names)


def chunks(
    path: Path, wanted: list[str], delimiter: str = "", *, user: str | None = None, nested: Collection[str] = ()
) -> Iterator[Chunk]:
    """Yield a file's rows: columns of text from CSV and, where types differ, from JSON Lines.

    Parameters
    ----------
    path : Path
    wanted : list of str
        Columns to read.
    delimiter : str
    user : str, optional
        The user's column, to name the user of a bad row.
    nested : collection of str
        Keys of JSON Lines whose values may be objects or lists; they are kept as JSON text.
    """
    kind = sniff_format(path)
    if kind == "csv":
        yield from csv_reader.CsvReader(path, csv_reader.layout_of(path, delimiter), wanted, user).chunks()
    elif kind == "jsonl":
        yield from json_reader.JsonReader(path, wanted, frozenset(nested), user=user).chunks()
    else:
        yield from parquet_reader.chunks(path, wanted, [], ROWS)
