"""Parquet, a batch of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cartpath.ingest.chunk import Chunk
from cartpath.schema import CartpathError

ROWS = 500_000
#: A nested row holds many events.
NESTED_ROWS = 20_000
#: A file is read in ranges of at least so many chunks; a cluster reads them at the same time.
_CHUNKS = 4


@dataclass(frozen=True)
class Range:
    """Consecutive row groups of a file.

    Attributes
    ----------
    groups : tuple of int
    first_row : int
        Rows before them.
    rows : int
    """

    groups: tuple[int, ...]
    first_row: int
    rows: int


def open_parquet(path: Path, dictionary: list[str] | None = None) -> Any:
    """Open a file.

    Parameters
    ----------
    path : Path
    dictionary : list of str, optional
        Columns to read as dictionaries.

    Raises
    ------
    CartpathError
        If it is empty, cut or damaged.
    """
    if not path.stat().st_size:
        raise CartpathError(f"{path} is empty", "leave the file out")
    try:
        # Arrow would keep the bytes of every row group it has fetched ahead: memory would grow with the file.
        return pq.ParquetFile(path, read_dictionary=dictionary, pre_buffer=False)
    except (OSError, pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> CartpathError:
    return CartpathError(f"{path} cannot be read as Parquet: {error}", "it is cut or damaged; copy it again")


def ranges(path: Path, rows: int = ROWS) -> list[Range]:
    """Return the ranges a file is read in: the same, and so the same chunks, whoever reads it.

    Parameters
    ----------
    path : Path
    rows : int
        Rows a chunk.
    """
    with open_parquet(path) as file:
        sizes = [file.metadata.row_group(group).num_rows for group in range(file.metadata.num_row_groups)]
    found: list[Range] = []
    begin = first = held = 0
    for group, size in enumerate(sizes, 1):
        held += size
        if held >= _CHUNKS * rows or group == len(sizes):
            found.append(Range(tuple(range(begin, group)), first, held))
            begin, first, held = group, first + held, 0
    return found


def chunks(
    path: Path,
    columns: list[str] | None,
    dictionary: list[str],
    rows: int = ROWS,
    only: Range | None = None,
) -> Iterator[Chunk]:
    """Yield the rows of a file.

    Parameters
    ----------
    path : Path
    columns : list of str, optional
        Columns or dotted leaves to read; None for all.
    dictionary : list of str
        Columns to read as dictionaries.
    rows : int
        Rows a chunk.
    only : Range, optional
        By default all ranges, one after the other.
    """
    wanted = ranges(path, rows) if only is None else [only]
    file = open_parquet(path, dictionary)
    total, size = max(file.metadata.num_rows, 1), path.stat().st_size
    try:
        for part in wanted:
            at = part.first_row
            for batch in file.iter_batches(rows, row_groups=part.groups, columns=columns):
                table = pa.Table.from_batches([batch])
                done = size * (at + len(table)) // total
                yield Chunk(table, np.arange(at + 1, at + 1 + len(table)), bytes_done=done)
                at += len(table)
    except (OSError, pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise _damaged(path, error) from None
    finally:
        file.close()
