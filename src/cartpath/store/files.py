"""Files of the store: atomic writes, and runs as memory-mapped Arrow files."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from cartpath.schema import CONTEXT, CorruptStoreError, WorkspaceBusyError
from cartpath.store.path import Sessions
from cartpath.store.run import TYPES, Run

TEMPORARY = ".tmp"
_SYNCS = 16


@contextmanager
def atomic(path: Path, durable: bool = True) -> Iterator[Path]:
    """Yield a temporary name; rename it to ``path`` once the block ends well and the bytes are on disk.

    A pipe or a device cannot be replaced: its own name is yielded.

    Parameters
    ----------
    path : Path
    durable : bool
        Whether to wait for the disk. Files of a generation need not: ``manifest.swap`` waits for all of them at once.

    Examples
    --------
    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "a.txt"
    >>> with atomic(target) as temporary:
    ...     _ = temporary.write_text("whole")
    >>> target.read_text()
    'whole'
    """
    if path.is_fifo() or path.is_char_device():
        yield path
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    # Processes of different machines may write the same file at the same time, and have the same number.
    temporary = path.with_name(f"{path.name}.{os.getpid()}-{os.urandom(4).hex()}{TEMPORARY}")
    try:
        yield temporary
        if durable:
            sync(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def exclusive(path: Path, busy: str, remedy: str) -> Iterator[None]:
    """Hold a lock file that names its process; the lock goes with the process, however that ends.

    Parameters
    ----------
    path : Path
    busy : str
        What is said where another process holds it; ``{holder}`` becomes that process's number.
    remedy : str
        The hint beside it.

    Raises
    ------
    WorkspaceBusyError
        If another process holds it.
    """
    with open(path, "a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise WorkspaceBusyError(busy.replace("{holder}", holder), remedy) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def sync(path: Path) -> None:
    """Wait until a file's bytes, or a folder's names, are on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_all(paths: Iterable[Path]) -> None:
    """Wait until many files or folders are on disk: asked for together, the disk writes them together."""
    with ThreadPoolExecutor(_SYNCS) as pool:
        list(pool.map(sync, paths))


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically."""
    write_text(path, json.dumps(value, indent=1, sort_keys=True))


def write_text(path: Path, text: str) -> None:
    """Write text atomically."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_table(path: Path, table: pa.Table) -> None:
    """Write a small table as Parquet, atomically."""
    import pyarrow.parquet as pq

    with atomic(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def read_table(path: Path) -> pa.Table:
    """Read what ``write_table`` wrote."""
    import pyarrow.parquet as pq  # most questions read none

    return pq.read_table(path)


def save_arrays(path: Path, columns: dict[str, pa.Array], durable: bool = True) -> None:
    """Write arrays of differing lengths as one uncompressed Arrow file, one row of lists; ``durable`` as ``atomic``."""
    lists = {}
    for name, values in columns.items():
        offsets = pa.array([0, len(values)], pa.int64())
        lists[name] = pa.LargeListArray.from_arrays(offsets, values)
    batch = pa.record_batch(lists)
    with (
        atomic(path, durable) as temporary,
        pa.OSFile(str(temporary), "wb") as sink,
        pa.ipc.new_file(sink, batch.schema) as writer,
    ):
        writer.write_batch(batch)


def load_arrays(path: Path) -> dict[str, pa.Array]:
    """Memory-map what ``save_arrays`` wrote.

    Raises
    ------
    CorruptStoreError
        If the file is missing or damaged.
    """
    try:
        batch = pa.ipc.open_file(pa.memory_map(str(path))).get_batch(0)
    except (OSError, pa.ArrowInvalid) as error:
        raise CorruptStoreError(f"{path} is missing or damaged: {error}", "see: cartpath doctor") from error
    return {name: batch.column(i).values for i, name in enumerate(batch.schema.names)}


_SESSION = ("user", "start", "end", "key", "context_ts")


def save_run(path: Path, run: Run, durable: bool = True) -> None:
    """Write a run; arrays that are empty throughout are left out. ``durable`` as in ``atomic``."""
    columns: dict[str, Any] = {"user_key": run.user_key, "offsets": run.offsets}
    columns |= {f"event.{name}": values for name, values in run.arrays.items()}
    columns |= {f"session.{name}": getattr(run.sessions, name) for name in _SESSION}
    columns |= {f"context.{name}": v for name, v in run.sessions.context.items() if (v >= 0).any()}
    if run.ties is not None:
        columns["ties"] = np.array(run.ties, np.int64)
    arrays = {name: pa.array(values) for name, values in columns.items()}
    save_arrays(path, {"user_id": run.user_id, **arrays}, durable)


def _mapped(values: pa.Array) -> Any:
    """Return numbers without nulls as NumPy has them, not copied; ``to_numpy`` would import pandas first."""
    kind = np.dtype(values.type.to_pandas_dtype())
    if not len(values):
        return np.empty(0, kind)
    return np.frombuffer(values.buffers()[1], kind, len(values), values.offset * kind.itemsize)


def load_run(path: Path) -> Run:
    """Memory-map a run."""
    stored = load_arrays(path)
    numpy = {name: _mapped(values) for name, values in stored.items() if name != "user_id"}
    n_sessions = len(numpy["session.user"])
    blank = np.full(n_sessions, -1, np.int32)
    ties = numpy.get("ties")
    return Run(
        user_key=numpy["user_key"],
        user_id=stored["user_id"],
        offsets=numpy["offsets"],
        arrays={name: numpy[f"event.{name}"] for name in TYPES if f"event.{name}" in numpy},
        sessions=Sessions(
            **{name: numpy[f"session.{name}"] for name in _SESSION},
            context={name: numpy.get(f"context.{name}", blank) for name in CONTEXT},
        ),
        ties=None if ties is None else (int(ties[0]), int(ties[1])),
    )


def unlink_all(paths: list[Path], on_error: Callable[[Path], None] | None = None) -> None:
    """Delete files that may be gone already."""
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError:
            if on_error is not None:
                on_error(path)
