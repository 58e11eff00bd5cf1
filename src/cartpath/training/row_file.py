"""Rows that are written while they are worked out: Parquet or CSV, the whole file or none."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cartpath import store
from cartpath.schema import CartpathError

ENDINGS: tuple[str, ...] = (".parquet", ".csv")
_ISO = "%Y-%m-%dT%H:%M:%SZ"


def check_row_file(path: Path) -> None:
    """Refuse a file that could not be written, before anything is worked out.

    Parameters
    ----------
    path : Path

    Raises
    ------
    CartpathError
        If its ending is none of ``ENDINGS``, it is a folder, or it is to lie in none.

    Examples
    --------
    >>> check_row_file(Path("scores.parquet"))
    """
    if path.suffix not in ENDINGS:
        raise CartpathError(f"cannot write rows as {path.name!r}", f"end the name with {' or '.join(ENDINGS)}")
    if path.is_dir():
        raise CartpathError(f"{path} is a folder, not a file", "name a file in it")
    if not path.parent.is_dir():
        raise CartpathError(f"there is no folder {path.parent}", "make it first, or name a file in another one")


@contextmanager
def row_file(path: Path, schema: pa.Schema, about: Mapping[str, str]) -> Iterator[Callable[[pa.Table], None]]:
    """Give what takes tables of rows; the file appears under its name once all are written.

    Parameters
    ----------
    path : Path
        Its ending says how it is written.
    schema : pyarrow.Schema
        Of every table.
    about : mapping of str to str
        Said once of the whole file, in the metadata of Parquet; CSV has no place for it.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "rows.csv"
    >>> with row_file(path, pa.schema([("n", pa.int64())]), {}) as write:
    ...     write(pa.table({"n": [1, 2]}))
    >>> path.read_text().split()
    ['"n"', '1', '2']
    """
    opened = _parquet if path.suffix == ".parquet" else _csv
    with store.atomic(path) as temporary, opened(temporary, schema, about) as writer:
        yield lambda table: writer(table.select(schema.names))


@contextmanager
def _parquet(path: Path, schema: pa.Schema, about: Mapping[str, str]) -> Iterator[Callable[[pa.Table], None]]:
    told = schema.with_metadata(dict(about))
    with pq.ParquetWriter(path, told, compression="zstd") as writer:
        yield lambda table: writer.write_table(table.replace_schema_metadata(told.metadata))


@contextmanager
def _csv(path: Path, schema: pa.Schema, about: Mapping[str, str]) -> Iterator[Callable[[pa.Table], None]]:
    from pyarrow import csv

    plain = pa.schema([pa.field(f.name, pa.string() if pa.types.is_timestamp(f.type) else f.type) for f in schema])
    with csv.CSVWriter(path, plain) as writer:
        yield lambda table: writer.write_table(pa.table([_text(column) for column in table.columns], schema=plain))


def _text(column: Any) -> Any:
    return pc.strftime(column, format=_ISO) if pa.types.is_timestamp(column.type) else column
