"""Files of the embedded log: whose they are, where their lines end, which of them are closed."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from cartpath.schema import WorkspaceBusyError
from cartpath.serving.state.journal import Closed, Position
from cartpath.store.live_lines import LIVE, live_segments

_BLOCK = 4 << 20


def number_of(path: Path) -> int:
    """Return a segment's number."""
    return int(path.stem)


def lock(workspace: Path) -> int:
    """Take the log for this process; closing the file that is returned gives it back.

    Raises
    ------
    WorkspaceBusyError
        If another process has it.
    """
    file = os.open(workspace / LIVE / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(file, 32, 0).decode() or "unknown"
        os.close(file)
        raise WorkspaceBusyError(
            f"the live events of {workspace} are served by process {holder}",
            'one process serves them; for more, say state = "redis://HOST:PORT/0"',
        ) from None
    os.ftruncate(file, 0)
    os.pwrite(file, str(os.getpid()).encode(), 0)
    return file


def closed_segments(workspace: Path, after: Position, below: int | None = None) -> Iterator[Closed]:
    """Yield each whole segment after a position whose number is below another."""
    for path in live_segments(workspace):
        number = number_of(path)
        if number > after[0] and (below is None or number < below):
            data = path.read_bytes()
            yield Closed(data[: data.rfind(b"\n") + 1], (number, len(data)))


def drop_segments(workspace: Path, last: int) -> None:
    """Delete the segments up to a number."""
    for path in live_segments(workspace):
        if number_of(path) <= last:
            path.unlink(missing_ok=True)


def write_all(file: int, data: bytes) -> None:
    """Write bytes to a file that may take them in parts."""
    left = memoryview(data)
    while left:
        left = left[os.write(file, left) :]


def cut(path: Path) -> None:
    """Cut off what a process that was killed wrote of a line: it was never acknowledged."""
    with open(path, "r+b") as file:
        size = file.seek(0, os.SEEK_END)
        end = size
        while end > 0:
            begin = max(0, end - _BLOCK)
            found = os.pread(file.fileno(), end - begin, begin).rfind(b"\n")
            if found >= 0:
                end = begin + found + 1
                break
            end = begin
        if end < size:
            file.truncate(end)
            os.fsync(file.fileno())


def blocks(path: Path, start: int) -> Iterator[tuple[int, list[bytes]]]:
    """Yield some whole lines at a time, and where they end."""
    try:
        file = open(path, "rb")  # noqa: SIM115 - closed below
    except FileNotFoundError:
        return  # absorbed meanwhile: whoever reads looks at the generation again afterwards
    with file:
        file.seek(start)
        while True:
            data = file.read(_BLOCK)
            whole = data.rfind(b"\n") + 1
            while data and not whole and (more := file.read(_BLOCK)):
                data += more
                whole = data.rfind(b"\n") + 1
            if not whole:
                return
            start += whole
            yield start, data[:whole].splitlines(keepends=True)
            file.seek(start)
