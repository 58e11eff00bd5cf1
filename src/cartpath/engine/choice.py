"""Which engine does the work: chosen by name, for as long as a block runs."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol, TypeVar

from cartpath.engine.threads import Threads
from cartpath.schema import CartpathError, MissingExtraError
from cartpath.store import PathView, Snapshot

Item = TypeVar("Item")
Made = TypeVar("Made")
Progress = Callable[[int, int], None]

#: Masters that Spark knows; what follows is its business.
_MASTER = re.compile(r"(local(\[.*\])?|yarn|(spark|k8s)://.+)")


class Engine(Protocol):
    """A way to do the same thing to many items.

    Attributes
    ----------
    remote : bool
        Whether other processes do it: functions, items and results are then pickled, and files must lie where all
        of them see them.
    """

    @property
    def remote(self) -> bool:
        """Whether other processes do it."""

    def map(
        self,
        function: Callable[[Item], Made],
        items: Sequence[Item],
        *,
        progress: Progress | None = None,
        threads: int | None = None,
    ) -> list[Made]:
        """Apply a function to items; see ``cartpath.engine.map``."""

    def scanner(self, snapshot: Snapshot, scan: Callable[[PathView], Made]) -> Callable[[int], Made]:
        """Return what scans one bucket, given its number."""


_THREADS = Threads()
_current: ContextVar[Engine | None] = ContextVar("cartpath engine", default=None)


def current() -> Engine:
    """Return the engine that ``run`` and ``map`` use now."""
    return _current.get() or _THREADS


@contextmanager
def using(name: str | None) -> Iterator[None]:
    """Let ``run`` and ``map`` work on another engine within a block.

    Parameters
    ----------
    name : str, optional
        As ``choose`` takes it; None leaves things as they are.

    Raises
    ------
    CartpathError
        If there is no such engine.

    Examples
    --------
    >>> with using("threads"):
    ...     current().remote
    False
    """
    if name is None:
        yield
        return
    token = _current.set(choose(name))
    try:
        yield
    finally:
        _current.reset(token)


def choose(name: str) -> Engine:
    """Return an engine by its name.

    Parameters
    ----------
    name : str
        ``threads``; ``spark``, for the session there is, else what ``spark-submit`` or ``SPARK_MASTER`` says, else
        ``local[*]``; or a Spark master: ``spark://host:port``, ``local[2]``, ``yarn``, ``k8s://…``.

    Raises
    ------
    CartpathError
        If there is no such engine.
    MissingExtraError
        If PySpark is not installed.
    """
    if name == "threads":
        return Threads()
    if name != "spark" and not _MASTER.fullmatch(name):
        raise CartpathError(
            f"no engine {name!r}",
            "there are: threads, spark, or a Spark master such as spark://host:7077, local[2], yarn",
        )
    if importlib.util.find_spec("pyspark") is None:
        raise MissingExtraError(f"the engine {name}", "spark")
    from cartpath.engine.spark import Spark

    return Spark(None if name == "spark" else name)
