"""Stages of a pipeline on threads of their own: one makes the next item while another works on the last."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

Item = TypeVar("Item")


def ahead(items: Iterator[Item], depth: int = 2, leave: Callable[[], None] | None = None) -> Iterator[Item]:
    """Yield from an iterator that a thread of its own advances, a few items ahead.

    Parameters
    ----------
    items : iterator
        An error it raises is raised here.
    depth : int
        How many items may wait.
    leave : callable, optional
        Called where nobody wants further items, so that one which takes long, such as a query, is not waited for.

    Examples
    --------
    >>> list(ahead(iter([1, 2, 3])))
    [1, 2, 3]
    """
    made: queue.Queue[tuple[bool, Any]] = queue.Queue(depth)
    stop = threading.Event()
    end = object()

    def put(failed: bool, item: Any) -> None:
        while not stop.is_set():
            try:
                return made.put((failed, item), timeout=0.1)
            except queue.Full:
                continue

    def work() -> None:
        try:
            for item in items:
                put(False, item)
                if stop.is_set():
                    return
            put(False, end)
        except BaseException as error:  # handed to the consumer
            put(True, error)

    thread = threading.Thread(target=work, name="cartpath-ingest-read", daemon=True)
    thread.start()
    ended = False
    try:
        while not ended:
            failed, item = made.get()
            ended = failed or item is end
            if failed:
                raise item
            if not ended:
                yield item
    finally:
        stop.set()
        if not ended and leave is not None:
            leave()
        thread.join()
