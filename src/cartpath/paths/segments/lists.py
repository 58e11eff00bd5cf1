"""Lists of users in files."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cartpath.schema import CartpathError, Columns
from cartpath.store import Snapshot
from cartpath.store.hashing import hash_strings

Keys = npt.NDArray[np.uint64]


def list_of(snap: Snapshot, name: str) -> Path:
    """Return the file that a list of users is in; a path is relative to the workspace."""
    return snap.workspace / Path(name).expanduser()


def read_keys(path: Path) -> Keys:
    r"""Read the ids of a file as hashes, ascending and distinct.

    Parameters
    ----------
    path : Path
        CSV, TSV or a plain list: one column, or one called ``user_id``.

    Returns
    -------
    uint64 array (n,)

    Raises
    ------
    CartpathError
        If there is no such file, it cannot be read, or it does not say which column is meant.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "vip.csv"
    >>> _ = file.write_text("user_id,since\n007,2016\nx,2015\n007,2017\n")
    >>> len(read_keys(file))
    2
    """
    columns, delimiter = _header(path)
    ids = _column(path, columns, delimiter)
    ids = pc.utf8_trim_whitespace(ids)
    keys = hash_strings(ids.filter(pc.greater(pc.utf8_length(ids), 0)))
    return np.unique(keys)


def _header(path: Path) -> tuple[list[str], str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            line = file.readline()
    except FileNotFoundError:
        raise CartpathError(f"no file of users {path}", "a path in file() is relative to the workspace") from None
    except (OSError, UnicodeDecodeError) as error:
        raise CartpathError(f"cannot read the users of {path}: {error}") from None
    delimiter = next((sign for sign in "\t;" if sign in line), ",")
    return next(csv.reader([line], delimiter=delimiter), []), delimiter


def _column(path: Path, columns: list[str], delimiter: str) -> pa.Array:
    """Return the column of ids, as it is written: 007 stays 007."""
    from pyarrow import csv as arrow

    named = [name.strip().lower() for name in columns]
    if Columns.user_id in named:
        place, skip = named.index(Columns.user_id), 1
    elif len(columns) <= 1:
        place, skip = 0, 0
    else:
        raise CartpathError(
            f"{path} has {len(columns)} columns and none is called {Columns.user_id}",
            f"one id a line, or a first line that names the columns, one of them {Columns.user_id}",
        )
    if not columns:
        return pa.array([], pa.string())
    names = [f"f{i}" for i in range(len(columns))]
    try:
        table = arrow.read_csv(
            path,
            read_options=arrow.ReadOptions(column_names=names, skip_rows=skip),
            parse_options=arrow.ParseOptions(delimiter=delimiter),
            convert_options=arrow.ConvertOptions(
                include_columns=[names[place]], column_types={names[place]: pa.string()}, strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        if "Empty CSV" in str(error):
            return pa.array([], pa.string())
        raise CartpathError(f"cannot read the users of {path}: {error}") from None
    found = table[names[place]].combine_chunks()
    return pa.concat_arrays(found.chunks) if isinstance(found, pa.ChunkedArray) else found
