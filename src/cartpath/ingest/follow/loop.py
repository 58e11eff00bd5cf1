"""Following: look, and commit what is new, until told to stop."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

from cartpath.ingest import registry
from cartpath.ingest.adapter import Adapter
from cartpath.ingest.follow.batch import Batch, run_batch
from cartpath.ingest.follow.clock import now
from cartpath.ingest.follow.lock import follower_lock
from cartpath.ingest.follow.source import Say, Source, StoppedError
from cartpath.ingest.follow.sources import open_sources
from cartpath.ingest.summary import IngestSummary
from cartpath.schema import CartpathError, WorkspaceBusyError, seconds
from cartpath.store.manifest import current

#: Seconds between two looks; fewer where batches come sooner.
_LOOK = 0.5


@dataclass(frozen=True)
class Pace:
    """How often, in seconds.

    Attributes
    ----------
    every : float
        Between two batches, unless a full one waits.
    settle : float
        That a file must stay as it is to be whole.
    idle : float, optional
        Without anything new, after which to stop; None: never.
    """

    every: float = 5.0
    settle: float = 2.0
    idle: float | None = None

    @classmethod
    def of(cls, every: str, settle: str, idle: str | None) -> Pace:
        """Read durations with units.

        Examples
        --------
        >>> Pace.of("5s", "2s", "1m")
        Pace(every=5, settle=2, idle=60)
        """
        return cls(seconds(every), seconds(settle), None if idle is None else seconds(idle))


def follow(
    workspace: Path | str,
    sources: Sequence[str],
    *,
    adapter: str | Adapter = "generic",
    mapping: Mapping[str, str] | None = None,
    options: Mapping[str, Any] | None = None,
    every: str = "5s",
    settle: str = "2s",
    idle: str | None = None,
    stop: threading.Event | None = None,
    say: Say = lambda _: None,
) -> Iterator[Batch]:
    """Read sources into a workspace as they grow, each event once; yield what each batch did.

    Parameters
    ----------
    workspace : Path
    sources : sequence of str
        Folders, files, and ``redis://`` URLs of streams.
    adapter : str or Adapter
    mapping : mapping of canonical column to source column
    options : mapping, optional
        The adapter's options and the common ones; for streams also ``group`` and ``field``.
    every, settle, idle : str
        Durations: between two batches; that a file must stay as it is to be whole; without anything new, after
        which to stop.
    stop : threading.Event, optional
        Set it to stop: a batch being read is given up, one being written is finished.
    say : callable, optional
        Takes messages for people.

    Yields
    ------
    Batch

    Raises
    ------
    CartpathError
        If a source does not exist or cannot be followed.
    WorkspaceBusyError
        If another process follows the same source into the workspace.
    """
    path, pace = Path(workspace), Pace.of(every, settle, idle)
    current(path)  # is it a workspace?
    if not sources:
        raise CartpathError("nothing to follow", "name a folder, a file or a redis:// URL")
    chosen = registry.get(adapter) if isinstance(adapter, str) else adapter
    opened = open_sources(path, list(dict.fromkeys(sources)), chosen, mapping or {}, options or {}, pace.settle, say)
    with ExitStack() as stack:
        for source in opened:
            stack.callback(source.close)
            stack.enter_context(follower_lock(path, source.name))
        yield from _Loop(path, opened, pace, stop or threading.Event(), say).run()


class _Loop:
    def __init__(self, workspace: Path, sources: list[Source], pace: Pace, stop: threading.Event, say: Say) -> None:
        self._workspace, self._sources, self._pace, self._stop, self._say = workspace, sources, pace, stop, say
        self._number = 0

    def run(self) -> Iterator[Batch]:
        kept = current(self._workspace).data.get("followed", {})
        for source in self._sources:
            source.begin(kept.get(source.name, {}))
        due = fresh = now()
        left: dict[str, int] = {}
        while not self._stop.is_set():
            share = sum(source.waiting() for source in self._sources)
            if self._lag() != left:  # also what cannot be taken yet is something new
                left, fresh = self._lag(), now()
            batch = None
            if share >= 1 or (share > 0 and now() >= due):
                due = now() + self._pace.every
                batch, share = self._batch(), 0
            else:
                batch = self._told(None)
            if batch is not None:
                fresh = now()
                yield batch
            elif share == 0 and now() - fresh >= self._patience:
                return
            else:
                self._stop.wait(_LOOK)

    @property
    def _patience(self) -> float:
        """Seconds without anything new after which to stop: what is there has had the time to settle by then."""
        return inf if self._pace.idle is None else max(self._pace.idle, self._pace.settle + 2 * _LOOK)

    def _lag(self) -> dict[str, int]:
        lag: dict[str, int] = {}
        for source in self._sources:
            for unit, n in source.lag().items():
                lag[unit] = lag.get(unit, 0) + n
        return lag

    def _batch(self) -> Batch | None:
        try:
            return self._told(self._when_free(lambda: run_batch(self._workspace, self._sources, self._stop)))
        except StoppedError:
            return None

    def _told(self, summary: IngestSummary | None) -> Batch | None:
        """Return a batch with what there is to tell; None if that is nothing."""
        notes: dict[str, list[dict[str, Any]]] = {}
        for source in self._sources:
            for name, records in source.notes.take().items():
                notes.setdefault(name, []).extend(records)
        if not notes and (summary is None or not summary.read):
            return None
        self._number += 1
        if summary is None:
            summary = IngestSummary(generation=current(self._workspace).generation)
        return Batch(self._number, summary, notes, self._lag())

    def _when_free(self, work: Callable[[], IngestSummary | None]) -> IngestSummary | None:
        """Wait while another process writes: an erasure, another ingest."""
        told = False
        while True:
            try:
                return work()
            except WorkspaceBusyError as error:
                if not told:
                    self._say(f"{error.message}; waiting")
                told = True
                if self._stop.wait(_LOOK):
                    raise StoppedError from None
