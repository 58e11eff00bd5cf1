"""One follower a source and workspace; the lock goes with the process, however that ends."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cartpath.schema import WorkspaceBusyError


@contextmanager
def follower_lock(workspace: Path, source: str) -> Iterator[None]:
    """Hold the lock of a followed source.

    Raises
    ------
    WorkspaceBusyError
        If another process follows it into this workspace.
    """
    name = hashlib.sha256(source.encode()).hexdigest()[:16]
    with open(workspace / "store" / f"follow-{name}.lock", "a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise WorkspaceBusyError(
                f"{source} is followed into {workspace} by process {file.read().strip() or 'unknown'} already",
                "end that one first; another source may be followed beside it",
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
