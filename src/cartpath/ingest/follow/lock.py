"""One follower a source and workspace; the lock goes with the process, however that ends."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cartpath.store.files import exclusive


@contextmanager
def follower_lock(workspace: Path, source: str) -> Iterator[None]:
    """Hold the lock of a followed source.

    Raises
    ------
    WorkspaceBusyError
        If another process follows it into this workspace.
    """
    name = hashlib.sha256(source.encode()).hexdigest()[:16]
    path = workspace / "store" / f"follow-{name}.lock"
    busy = f"{source} is followed into {workspace} by process {{holder}} already"
    with exclusive(path, busy, "end that one first; another source may be followed beside it"):
        yield
