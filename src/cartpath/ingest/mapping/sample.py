"""The first rows of an unknown file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from cartpath.ingest.readers import csv_reader, flat, json_reader, parquet_reader
from cartpath.ingest.sources import expand, sniff_format
from cartpath.schema import CartpathError

ROWS = 20_000
#: A nested row holds many values.
NESTED_ROWS = 1_000


@dataclass(frozen=True)
class Sample:
    """Some rows of a file, as they stand there.

    Attributes
    ----------
    file : Path
    format : {"csv", "parquet", "jsonl"}
    table : pyarrow.Table
    bad : int
        Rows among them that cannot be read.
    others : int
        Further files of the source.
    """

    file: Path
    format: str
    table: pa.Table
    bad: int
    others: int


def sample(source: str, delimiter: str = "") -> Sample:
    """Read the first rows of a source: a file, or the first readable one of a folder or glob.

    Raises
    ------
    CartpathError
        If there is none.
    """
    files = expand([source])
    first: CartpathError | None = None
    for place, file in enumerate(files):
        try:
            return _of(file, len(files) - place - 1, delimiter)
        except CartpathError as error:
            first = first or error
    raise first or CartpathError(f"no file to read in {source}")


def _of(file: Path, others: int, delimiter: str) -> Sample:
    kind = sniff_format(file)
    names = flat.columns_of(file, delimiter)
    if kind == "csv":
        chunks = csv_reader.CsvReader(file, csv_reader.layout_of(file, delimiter), names).chunks()
    elif kind == "jsonl":
        chunks = json_reader.JsonReader(file, None).chunks()
    else:
        with parquet_reader.open_parquet(file) as opened:
            nested = any(pa.types.is_nested(column.type) for column in opened.schema_arrow)
        chunks = parquet_reader.chunks(file, None, [], NESTED_ROWS if nested else ROWS)
    tables, bad = [], 0
    for chunk in chunks:
        bad += len(chunk.bad)
        if chunk.table.num_columns:
            tables.append(chunk.table)
        if sum(map(len, tables)) >= ROWS or kind == "parquet":
            break
    if not tables or not sum(map(len, tables)):
        raise CartpathError(f"{file} has no row that can be read", "a header alone says too little")
    whole = pa.concat_tables(tables, promote_options="permissive").slice(0, ROWS)
    return Sample(file, kind, whole, bad, others)
