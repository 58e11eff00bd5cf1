"""From the log into the store: closed parts become a generation by the ordinary ingest, and are dropped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from cartpath.ingest.jobs import ingest_jobs
from cartpath.schema import WorkspaceBusyError
from cartpath.serving.state.epoch import absorbed_until
from cartpath.serving.state.journal import FOLLOWED, Closed, LiveJob, Position
from cartpath.serving.state.opening import open_journal
from cartpath.serving.state.segment_files import closed_segments, drop_segments, number_of
from cartpath.store import open_snapshot
from cartpath.store.live_lines import live_segments

#: Of the log, at most so much becomes one generation, unless one part is larger.
_GROUP_BYTES = 64 << 20


@dataclass
class Absorbed:
    """What was absorbed.

    Attributes
    ----------
    stored, duplicates, quarantined : int
        Events, as an ingest counts them.
    parts : int
        Of the log: each became a generation.
    generation : int
        The newest there is.
    """

    stored: int = 0
    duplicates: int = 0
    quarantined: int = 0
    parts: int = 0
    generation: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON would have it."""
        return asdict(self)


class Source(Protocol):
    """What a log has to be able to do to be absorbed."""

    def closed(self, after: Position) -> Iterator[Closed]:
        """Yield what no longer grows."""

    def drop(self, end: Position) -> None:
        """Delete what is before a position."""


class _Served:
    """The segments that the process which serves them has closed."""

    def __init__(self, workspace: Path) -> None:
        self._workspace = workspace

    def _last(self) -> int:
        return max(map(number_of, live_segments(self._workspace)), default=0)

    def closed(self, after: Position) -> Iterator[Closed]:
        return closed_segments(self._workspace, after, self._last())

    def drop(self, end: Position) -> None:
        drop_segments(self._workspace, min(end[0], self._last() - 1))


def absorb(workspace: Path | str, url: str | None = None) -> Absorbed:
    """Put live events into the store, and drop them from the log.

    Whoever serves goes on: it answers from the generation that it has pinned and the events after it until it has read
    the new one. While a process serves embedded live paths, only those segments are taken that it has closed (of 16 MiB
    or five minutes). A generation says how far the log is part of it, so that a run that was killed is repeated without
    counting an event twice.

    Parameters
    ----------
    workspace : Path
    url : str, optional
        As ``open_state`` takes it.

    Raises
    ------
    WorkspaceBusyError
        If another process writes to the store.
    StateDownError
        If there is no Redis at the URL.
    """
    path = Path(workspace)
    with _source(path, url) as source:
        return absorb_from(path, source, drop=url is None)


@contextmanager
def _source(workspace: Path, url: str | None) -> Iterator[Source]:
    try:
        journal = open_journal(workspace, url)
    except WorkspaceBusyError:
        yield _Served(workspace)
        return
    try:
        journal.roll()
        yield journal
    finally:
        journal.close()


def absorb_from(workspace: Path, source: Source, *, drop: bool) -> Absorbed:
    """Absorb a log that is open.

    Parameters
    ----------
    workspace : Path
    source : Source
    drop : bool
        Whether what is absorbed is dropped at once; else with the next run. Others who read the log may not have read
        it yet, and have to find it until they see the new generation.
    """
    done, end = Absorbed(), _until(workspace)
    source.drop(end)
    for part in _grouped(source.closed(end)):
        _ingest(workspace, part, done)
        if drop:
            source.drop(part.end)
    with open_snapshot(workspace) as snapshot:
        done.generation = snapshot.generation
    return done


def _grouped(parts: Iterator[Closed]) -> Iterator[Closed]:
    """Put small parts together: a generation costs the same for many events as for few."""
    held, size = list[Closed](), 0
    for part in parts:
        if held and size + len(part.data) > _GROUP_BYTES:
            yield Closed(b"".join(one.data for one in held), held[-1].end)
            held, size = [], 0
        held.append(part)
        size += len(part.data)
    if held:
        yield Closed(b"".join(one.data for one in held), held[-1].end)


def _until(workspace: Path) -> Position:
    with open_snapshot(workspace) as snapshot:
        return absorbed_until(snapshot)


def _ingest(workspace: Path, part: Closed, done: Absorbed) -> None:
    if not part.data.strip():  # everything was erased
        return
    kept = {FOLLOWED: {"end": list(part.end)}}
    summary = ingest_jobs(workspace, [LiveJob(part.data)], followed=lambda: kept)
    done.parts += 1
    done.stored += summary.stored
    done.duplicates += summary.duplicates
    done.quarantined += summary.quarantined
