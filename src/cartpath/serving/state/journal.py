"""What a log of live events is, wherever it is kept; and its lines as a job of the ordinary ingest."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from cartpath import ingest
from cartpath.ingest.follow.lines import Asked, LinesJob, MemoryStream
from cartpath.ingest.options import resolve_options
from cartpath.ingest.readers.streams import ByteStream
from cartpath.schema import CartpathError
from cartpath.serving.state.plain import NAMES

#: The name under which the manifest keeps how far the log was absorbed.
FOLLOWED = "live"
#: A place in a log: segment and byte, or time and number of an entry of a stream. It ends what is before it.
Position = tuple[int, int]
START: Position = (0, 0)


class StateDownError(CartpathError):
    """Live paths cannot be read or written now: the disk is full, or Redis is away. What was acknowledged is kept."""


@dataclass(frozen=True)
class Lines:
    """Consecutive lines of a log.

    Attributes
    ----------
    lines : sequence of bytes
        A JSON object each; blank where it was erased.
    ends : sequence of Position
        Of each line.
    """

    lines: Sequence[bytes]
    ends: Sequence[Position]


@dataclass(frozen=True)
class Closed:
    """A part of a log that no longer grows.

    Attributes
    ----------
    data : bytes
        Its lines.
    end : Position
    """

    data: bytes
    end: Position


class Journal(Protocol):
    """A log of live events that only grows, but for what is erased and what was absorbed.

    Attributes
    ----------
    kind : str
        ``embedded`` or ``redis``.
    shared : bool
        Whether other processes write to it: then what was written is known by reading it.
    """

    kind: str
    shared: bool

    def write(self, lines: Sequence[bytes]) -> list[Position]:
        """Write lines, all or none; return where each ends.

        Raises
        ------
        StateDownError
            If it cannot be written; nothing is, then.
        """

    def sync(self, end: Position) -> None:
        """Return once everything before ``end`` is durable.

        Raises
        ------
        StateDownError
            If it cannot be made so.
        """

    def read(self, after: Position) -> Iterator[Lines]:
        """Yield whole lines after a position, as far as they are written."""

    def lost(self, position: Position) -> bool:
        """Whether what was read up to a position is no longer what is there, and has to be read anew.

        Something failed, or the log went back to an earlier state; where it can be mended, it is.
        """

    def roll(self) -> None:
        """Close what is written so far, so that it can be absorbed."""

    def closed(self, after: Position) -> Iterator[Closed]:
        """Yield what no longer grows, in pieces."""

    def drop(self, end: Position) -> None:
        """Delete what is before a position, as far as it lies in files of its own."""

    def erase(
        self, users: Collection[str], is_forgotten: Callable[[str], bool] | None = None, after: Position = START
    ) -> int:
        """Remove the lines of users, at least those after a position; return how many there were."""

    def facts(self) -> Mapping[str, Any]:
        """Return what ``health`` says of it."""

    def close(self) -> None:
        """Make durable what is not yet, and let go."""


class LiveJob(LinesJob):
    """Lines of the log as a source of the ordinary ingest.

    Parameters
    ----------
    data : bytes
    name : str
        For people.
    """

    def __init__(self, data: bytes, name: str = "live events") -> None:
        generic = ingest.get("generic")
        self._data = data
        super().__init__(Path(name), name, Asked(generic, {}, resolve_options(generic, {})), len(data), 1)

    def record(self) -> dict[str, Any]:
        """Return what the manifest keeps of it."""
        return {"file": self.name, "adapter": self.adapter.name}

    def _keys(self) -> list[str]:
        return list(NAMES)  # whichever an event has

    def _stream(self) -> ByteStream:
        return MemoryStream(self._data)
