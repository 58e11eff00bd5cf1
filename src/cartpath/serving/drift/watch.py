"""The thread that looks for drift beside a service, and tells the metrics."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt

from cartpath.features import Log
from cartpath.schema import MICROSECONDS, Columns
from cartpath.serving.drift.columns import references_of_store
from cartpath.serving.drift.monitor import Drift
from cartpath.serving.metrics import Metrics

_LOG = logging.getLogger(__name__)


class Watch:
    """Looks every few seconds; what fails is logged and tried again, and never reaches a request.

    Parameters
    ----------
    workspace : Path
    paths : callable
        Users to the log of their whole paths, in the order asked: ``LiveState.log``.
    metrics : Metrics
    until : int, optional
        End of what the models learned from, microseconds since 1970; by default all of the store is the reference.
    every : float
        Seconds between two looks.
    """

    def __init__(
        self,
        workspace: Path | str,
        paths: Callable[[Sequence[str]], Log],
        metrics: Metrics,
        *,
        until: int | None = None,
        every: float = 2.0,
    ) -> None:
        self._workspace, self._paths, self._metrics = Path(workspace), paths, metrics
        self._until, self._every = until, every
        self._drift = Drift({})  # scores may come before the store is read
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="drift", daemon=True)

    def start(self) -> None:
        """Begin; the reference is read in the thread, so nobody waits for it."""
        self._thread.start()

    def took(self, events: Iterable[Any]) -> None:
        """Note events that were taken, as the request had them."""
        for event in events:
            user = event.get(Columns.user_id) if isinstance(event, Mapping) else None
            if isinstance(user, str):
                self._drift.seen(user)

    def scored(self, name: str, version: str, values: npt.ArrayLike) -> None:
        """Count scores that a version of a model gave (n,)."""
        self._drift.scored(name, version, values)

    def look(self) -> None:
        """Look now; the thread does so by itself."""
        newest = self._drift.look(self._paths)
        if newest is not None:
            self._metrics.events(newest=newest / MICROSECONDS)
        for moved in self._drift.moved():
            self._metrics.drift(moved.kind, moved.name, moved.psi)

    def close(self) -> None:
        """End the thread."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        self._tried(self._read)
        while not self._ended.wait(self._every):
            self._tried(self.look)

    def _read(self) -> None:
        self._drift.compare_with(references_of_store(self._workspace, self._until))

    def _tried(self, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception:
            _LOG.exception("drift could not be looked at")
