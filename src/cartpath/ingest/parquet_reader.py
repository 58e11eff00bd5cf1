"""Parquet, a batch of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
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


def chunks(path: Path, columns: list[str] | None, dictionary: list[str], rows: int = ROWS) -> Iterator[Chunk]:
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
    """
    file = open_parquet(path, dictionary)
    total, size, at = max(file.metadata.num_rows, 1), path.stat().st_size, 0
    try:
        for batch in file.iter_batches(rows, columns=columns):
            table = pa.Table.from_batches([batch])
            yield Chunk(table, np.arange(at + 1, at + 1 + len(table)), bytes_done=size * (at + len(table)) // total)
            at += len(table)
    except (OSError, pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise _damaged(path, error) from None
    finally:
        file.close()
