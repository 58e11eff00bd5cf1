"""The engine of one machine: threads of this process, which share its memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from cartpath.store import PathView, Snapshot
from cartpath.store.jit import ready
from cartpath.store.mapping import on_threads

Item = TypeVar("Item")
Made = TypeVar("Made")
Progress = Callable[[int, int], None]


class Threads:
    """Works on threads; see ``cartpath.engine.Engine``."""

    remote = False

    def map(
        self,
        function: Callable[[Item], Made],
        items: Sequence[Item],
        *,
        progress: Progress | None = None,
        threads: int | None = None,
    ) -> list[Made]:
        """Apply a function to items; see ``cartpath.engine.map``."""
        return on_threads(function, items, progress=progress, threads=threads)

    def scanner(self, snapshot: Snapshot, scan: Callable[[PathView], Made]) -> Callable[[int], Made]:
        """Return what scans one bucket of a snapshot."""
        ready()
        return lambda bucket: scan(snapshot.bucket(bucket))
