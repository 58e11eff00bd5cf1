"""What can be followed, as the loop sees it: a source says what waits, offers parts of it, and is told what became."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import pyarrow as pa

from cartpath.ingest.reading import Job, Piece
from cartpath.schema import CartpathError

#: Bytes of files that are read in one batch; a file that is taken as a whole may be larger.
BATCH_BYTES = 64 << 20
#: Entries of a stream that are read in one batch.
BATCH_ENTRIES = 200_000
#: What a source that cannot be read may raise.
UNREADABLE = (CartpathError, OSError, pa.ArrowException)
Say = Callable[[str], None]


class StoppedError(Exception):
    """The follower was told to stop while it read: what it read is given up, and is read again next time."""


class ChangedError(CartpathError):
    """A file became another one while it was read; the next look sees what it is now."""


@dataclass
class Notes:
    """What a batch tells beside its counts; lists of records, by the name they have in the summary."""

    found: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def add(self, kind: str, **record: Any) -> None:
        """Add a record."""
        self.found.setdefault(kind, []).append(record)

    def take(self) -> dict[str, list[dict[str, Any]]]:
        """Return what there is, and forget it."""
        found, self.found = self.found, {}
        return found


class Part:
    """Something new of a source: a job that knows whether it failed, and stops when told to.

    Parameters
    ----------
    job : Job
    after : callable
        Asked once the job has been read: what the source keeps of it.
    """

    def __init__(self, job: Job, after: Callable[[], Any]) -> None:
        self._job, self.after = job, after
        self.name, self.size, self.signature = job.name, job.size, job.signature
        self.error: Exception | None = None
        self.stop: threading.Event | None = None

    def open(self) -> None:
        """Look at the source before anything is read."""
        try:
            self._job.open()
        except UNREADABLE as error:
            self.error = error
            raise

    def pieces(self) -> Iterator[Piece]:
        """Yield the source's events."""
        try:
            for piece in self._job.pieces():
                if self.stop is not None and self.stop.is_set():
                    raise StoppedError
                yield piece
        except UNREADABLE as error:
            self.error = error
            raise

    def record(self) -> dict[str, Any]:
        """Return what the manifest keeps of it."""
        return self._job.record()


class Source(Protocol):
    """Something that is followed.

    Attributes
    ----------
    name : str
        Under which the manifest keeps how far it was read; without secrets.
    notes : Notes
        What there is to tell; the loop takes it.
    """

    name: str
    notes: Notes

    def begin(self, kept: Mapping[str, Any]) -> None:
        """Start from what the manifest keeps; empty the first time."""

    def waiting(self) -> float:
        """Look, and return how much can be taken now, as a share of a full batch."""

    def parts(self, known: Mapping[str, Any]) -> list[Part]:
        """Return what to read in the next batch; ``known`` are the signatures of what was ingested before."""

    def kept(self, parts: list[Part]) -> dict[str, Any]:
        """Return what the manifest is to keep once these parts are stored."""

    def committed(self, parts: list[Part]) -> None:
        """Take note that these parts are stored."""

    def failed(self, part: Part, why: str) -> None:
        """Take note that a part cannot be read."""

    def lag(self) -> dict[str, int]:
        """Return what is left to read, as of the last look."""

    def close(self) -> None:
        """Let go of connections."""
