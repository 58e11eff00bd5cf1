"""Results on disk: one row a run, and the rank of every answer beside it."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from cartpath.models.artefact import finite
from cartpath.schema import CartpathError
from cartpath.store.files import exclusive, write_table

Index = npt.NDArray[np.int64]
_ROWS, _RANKS, _LOCK, _WORK = "results.jsonl", "ranks", "lock", "work"
_BUSY = "another benchmark (process {holder}) is writing to {folder}"
#: Columns of the ranks' file.
QUESTION, USER, USER_ID, RANK = "question", "user", "user_id", "rank"


class Results:
    """A folder of results.

    Parameters
    ----------
    folder : Path
        Made where it is not.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if folder.exists() and not folder.is_dir():
            raise CartpathError(f"{folder} is a file, and results need a folder", "name another one with --out")
        folder.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the folder alone.

        Raises
        ------
        WorkspaceBusyError
            If another process does.
        """
        busy = _BUSY.replace("{folder}", str(self.folder))
        with exclusive(self.folder / _LOCK, busy, "wait for it, or name another folder with --out"):
            yield

    def rows(self) -> list[dict[str, Any]]:
        """Return all rows in the order written; a last line that a crash cut is no row."""
        path = self.folder / _ROWS
        if not path.exists():
            return []
        found = []
        for line in path.read_bytes().split(b"\n"):
            try:
                row = json.loads(line)
            except ValueError:
                continue
            if isinstance(row, dict):
                found.append(row)
        return found

    def finished(self, key: str) -> dict[str, Any] | None:
        """Return the latest row of a run that ended well, if its ranks are there."""
        rows = [row for row in self.rows() if row.get("key") == key and row.get("status") == "done"]
        return rows[-1] if rows and self.ranks_file(key).exists() else None

    def append(self, row: Mapping[str, Any]) -> None:
        """Add a row: whole or not at all."""
        line = json.dumps(finite(dict(row)), ensure_ascii=False, sort_keys=True).encode() + b"\n"
        descriptor = os.open(self.folder / _ROWS, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            size = os.fstat(descriptor).st_size
            # After a line that a crash has cut, the row begins on a line of its own.
            torn = size and os.pread(descriptor, 1, size - 1) != b"\n"
            os.write(descriptor, b"\n" + line if torn else line)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def ranks_file(self, key: str) -> Path:
        """Return where the ranks of a run are."""
        return self.folder / _RANKS / f"{key}.parquet"

    def work_folder(self, key: str) -> Path:
        """Return where a run may keep checkpoints until it ends."""
        return self.folder / _WORK / key


def write_ranks(path: Path, users: Index, ranks: Mapping[str, Index], ids: pa.StringArray | None = None) -> None:
    """Write the rank of each question's answer.

    Parameters
    ----------
    path : Path
    users : int64 array (n,)
        Row of the user whom each question is asked of.
    ranks : mapping of column to int64 array (n,)
    ids : pyarrow.StringArray (n_users,), optional
        Of users, to be named beside their rows.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    named = {} if ids is None else {USER_ID: ids.take(pa.array(users))}
    write_table(path, pa.table({QUESTION: np.arange(len(users)), USER: users, **named, **ranks}))


def read_ranks(path: Path) -> pa.Table:
    """Read what ``write_ranks`` wrote."""
    return pq.read_table(path)
