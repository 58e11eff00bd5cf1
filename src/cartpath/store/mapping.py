"""Doing the same thing to many items, here on threads; an engine puts its own way of doing so in this one's place."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")
Progress = Callable[[int, int], None]


class Mapper(Protocol):
    """Applies a function to items, in whatever order and place, and returns the results in the items' order."""

    def __call__(
        self, function: Callable[[Item], Made], items: Sequence[Item], *, progress: Progress | None = None
    ) -> list[Made]:
        """Return ``[function(item) for item in items]``."""


def on_threads(
    function: Callable[[Item], Made],
    items: Sequence[Item],
    *,
    progress: Progress | None = None,
    threads: int | None = None,
) -> list[Made]:
    """Apply a function to items on threads.

    Parameters
    ----------
    function : callable
        What takes time in it should release the GIL.
    items : sequence
    progress : callable, optional
        Called with items done and items in all.
    threads : int, optional
        As many as cores by default.

    Returns
    -------
    list
        In the order of the items. The first error is raised, and what has not begun by then is dropped.

    Examples
    --------
    >>> on_threads(str, [3, 1, 2])
    ['3', '1', '2']
    """
    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        jobs = [pool.submit(function, item) for item in items]
        made = []
        try:
            for done, job in enumerate(jobs, 1):
                made.append(job.result())
                if progress is not None:
                    progress(done, len(jobs))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return made
