"""Run a scan over every bucket and merge what comes back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from cartpath.engine.choice import current
from cartpath.store import PathView, Snapshot

Item = TypeVar("Item")
Made = TypeVar("Made")
Partial = TypeVar("Partial")
Result = TypeVar("Result")
Progress = Callable[[int, int], None]


def run(
    snapshot: Snapshot,
    scan: Callable[[PathView], Partial],
    merge: Callable[[Sequence[Partial]], Result],
    threads: int | None = None,
    progress: Progress | None = None,
) -> Result:
    """Scan the buckets of a snapshot on the current engine and merge the partials.

    Parameters
    ----------
    snapshot : Snapshot
    scan : callable
        From one bucket's paths to a partial; must not keep the paths. Kernels should release the GIL.
    merge : callable
        From the partials, in bucket order, to the result.
    threads : int, optional
        As many as cores by default. Memory is bounded by this many buckets. A cluster has its own number.
    progress : callable, optional
        Called with buckets done and buckets in all.

    Returns
    -------
    What ``merge`` returns.

    Examples
    --------
    >>> import tempfile
    >>> from cartpath import store
    >>> folder = tempfile.mkdtemp() + "/shop"
    >>> store.init(folder)
    >>> with store.open_snapshot(folder) as snapshot:
    ...     run(snapshot, lambda view: view.n_events, sum)
    0
    """
    engine = current()
    buckets = range(snapshot.n_buckets)
    return merge(engine.map(engine.scanner(snapshot, scan), buckets, progress=progress, threads=threads))


def map(
    function: Callable[[Item], Made],
    items: Sequence[Item],
    *,
    progress: Progress | None = None,
    threads: int | None = None,
) -> list[Made]:
    """Apply a function to items on the current engine.

    Parameters
    ----------
    function : callable
        On a cluster it is sent to other processes, as are items and results: all of them are pickled, and files are
        found by their path.
    items : sequence
    progress : callable, optional
        Called with items done and items in all.
    threads : int, optional
        As ``run`` has it.

    Returns
    -------
    list
        In the order of the items. An error in one of them is raised here as it was there, and the rest is dropped.

    Examples
    --------
    >>> map(len, ["a", "bcd"])
    [1, 3]
    """
    return current().map(function, items, progress=progress, threads=threads)
