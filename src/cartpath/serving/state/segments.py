"""The log in files of the workspace: appended to by one process, flushed to disk for many threads at once."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from cartpath.serving.state.journal import START, Closed, Lines, Position, StateDownError
from cartpath.serving.state.segment_files import (
    blocks,
    closed_segments,
    cut,
    drop_segments,
    lock,
    number_of,
    write_all,
)
from cartpath.store.files import sync
from cartpath.store.live_lines import LIVE, blank_lines, live_segments

#: A segment is closed when it has so many bytes, or is so many seconds old.
SEGMENT_BYTES, SEGMENT_SECONDS = 16 << 20, 300.0


class Segments:
    """A log in numbered files, ``live/00000001.jsonl`` and on; the last one grows.

    Parameters
    ----------
    workspace : Path
    after : int
        The number of the last segment that was absorbed.

    Raises
    ------
    WorkspaceBusyError
        If another process has it open.
    """

    kind, shared = "embedded", False

    def __init__(self, workspace: Path, after: int = 0) -> None:
        self._workspace, self._folder = workspace, workspace / LIVE
        self._folder.mkdir(exist_ok=True)
        self._lock = lock(workspace)
        self._cond = threading.Condition()
        self._flushing = False
        #: Why nothing can be written until ``lost`` was asked, and what was cut off then: segments and where.
        self._broken: str | None = None
        self._cuts: dict[int, int] = {}
        found = live_segments(workspace)
        if found:
            cut(found[-1])
        self._open(max([after + 1, *map(number_of, found)]))

    def _open(self, number: int) -> None:
        path = self._folder / f"{number:08d}.jsonl"
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._number, self._size = number, os.fstat(self._file).st_size
        self._begun = time.monotonic()
        self._synced: Position = (number, self._size)
        sync(self._folder)

    def write(self, lines: Sequence[bytes]) -> list[Position]:
        """Append lines, all or none; see ``Journal``. The caller lets one thread in at a time."""
        if self._size >= SEGMENT_BYTES or (self._size and time.monotonic() - self._begun > SEGMENT_SECONDS):
            self.roll()
        data, before = b"".join(lines), self._size
        try:
            write_all(self._file, data)
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self._file, before)
            raise StateDownError(f"the log of live events cannot be written: {error}", "is the disk full?") from error
        ends = []
        for line in lines:
            self._size += len(line)
            ends.append((self._number, self._size))
        return ends

    def sync(self, end: Position) -> None:
        """Wait until everything before ``end`` is on disk; whoever comes meanwhile is flushed together."""
        with self._cond:
            while True:
                if self._broken is not None or end[1] > self._cuts.get(end[0], end[1]):
                    why = self._broken or "a flush failed"
                    raise StateDownError(f"the log of live events cannot be written: {why}", "is the disk full?")
                if self._synced >= end:
                    return
                if self._flushing:
                    self._cond.wait()
                else:
                    self._flush()

    def _flush(self) -> None:
        """Flush as the leader of those who wait; the condition is held, and let go meanwhile."""
        self._flushing, file, target = True, self._file, (self._number, self._size)
        self._cond.release()
        failed = None
        try:
            os.fsync(file)
        except OSError as error:
            failed = str(error)
        finally:
            self._cond.acquire()
            self._flushing = False
            if failed is None:
                self._synced = max(self._synced, target)
            elif self._synced < target:
                self._broken = failed
            self._cond.notify_all()

    def _recover(self) -> None:
        """Cut off what could not be made durable, and go on in a new segment.

        After a failed flush nobody knows what is on disk of the bytes since the last good one, so they must not count.
        """
        with self._cond:
            try:
                os.ftruncate(self._file, self._synced[1])
                os.fsync(self._file)
                self._cuts[self._number] = self._synced[1]
                os.close(self._file)
                self._open(self._number + 1)
            except OSError as error:
                raise StateDownError(f"the log of live events cannot be written: {error}", "see the disk") from error
            self._broken = None

    def read(self, after: Position) -> Iterator[Lines]:
        """Yield whole lines after a position."""
        for path in live_segments(self._workspace):
            number = number_of(path)
            if number < after[0]:
                continue
            for end, lines in blocks(path, after[1] if number == after[0] else 0):
                ends, at = [], end - sum(map(len, lines))
                for line in lines:
                    at += len(line)
                    ends.append((number, at))
                yield Lines(lines, ends)

    def lost(self, position: Position) -> bool:
        """Whether a flush failed; what it was to make durable is cut off."""
        if self._broken is None:
            return False
        self._recover()
        return True

    def roll(self) -> None:
        """Begin a new segment, once the last is on disk."""
        if not self._size or self._broken is not None:
            return
        self.sync((self._number, self._size))
        with self._cond:
            while self._flushing:
                self._cond.wait()
            before = self._file
            self._open(self._number + 1)
            os.close(before)

    def closed(self, after: Position) -> Iterator[Closed]:
        """Yield each segment but the last."""
        return closed_segments(self._workspace, after, self._number)

    def drop(self, end: Position) -> None:
        """Delete segments up to that of ``end``, which was absorbed."""
        drop_segments(self._workspace, min(end[0], self._number - 1))

    def erase(
        self, users: Collection[str], is_forgotten: Callable[[str], bool] | None = None, after: Position = START
    ) -> int:
        """Blank the lines of users."""
        found = [path for path in live_segments(self._workspace) if number_of(path) >= after[0]]
        return sum(blank_lines(path, frozenset(users), is_forgotten) for path in found)

    def facts(self) -> Mapping[str, Any]:
        """Return the segments' number and bytes, and what is wrong."""
        sizes = []
        for path in live_segments(self._workspace):
            with suppress(FileNotFoundError):
                sizes.append(path.stat().st_size)
        return {"segments": len(sizes), "bytes": sum(sizes), "error": self._broken}

    def close(self) -> None:
        """Flush, and let the log go."""
        with suppress(StateDownError):
            self.sync((self._number, self._size))
        os.close(self._file)
        os.close(self._lock)
