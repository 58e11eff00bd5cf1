"""Doing the same thing to many items, here on threads; an engine puts its own way of doing so in this one's place."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any, Protocol, TypeVar

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
    made: list[Any] = [None] * len(items)
    errors: dict[int, BaseException] = {}
    told: SimpleQueue[None] = SimpleQueue()
    # Threads take items of it in turn: a job an item would cost more than to scan a small bucket.
    places = iter(range(len(items)))

    def work() -> None:
        for place in places:
            try:
                made[place] = function(items[place])
            except BaseException as error:
                errors[place] = error
                deque(places, maxlen=0)
            if progress is not None:
                told.put(None)

    workers = min(threads or os.cpu_count() or 1, len(items))
    with ThreadPoolExecutor(max(workers, 1)) as pool:
        try:
            jobs = [pool.submit(work) for _ in range(workers)]
            if progress is not None:
                for done in range(1, len(items) + 1):
                    told.get()
                    if errors:
                        break
                    progress(done, len(items))
            for job in jobs:
                job.result()
        except BaseException:
            deque(places, maxlen=0)
            raise
    if errors:
        raise errors[min(errors)]
    return made
