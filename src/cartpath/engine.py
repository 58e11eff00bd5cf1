"""Run a scan over every bucket and merge what comes back.

An analysis is two functions: ``scan(PathView) -> partial`` and ``merge(list of partials) -> result``. Threads run it
here; the same two functions are what a cluster would run, one task a bucket.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from cartpath.store import PathView, Snapshot

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
    """Scan the buckets of a snapshot on threads and merge the partials.

    Parameters
    ----------
    snapshot : Snapshot
    scan : callable
        From one bucket's paths to a partial; must not keep the paths. Kernels should release the GIL.
    merge : callable
        From the partials, in bucket order, to the result.
    threads : int, optional
        As many as cores by default. Memory is bounded by this many buckets.
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
    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        jobs = [pool.submit(lambda b: scan(snapshot.bucket(b)), bucket) for bucket in range(snapshot.n_buckets)]
        partials = []
        try:
            for done, job in enumerate(jobs, 1):
                partials.append(job.result())
                if progress is not None:
                    progress(done, len(jobs))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return merge(partials)
