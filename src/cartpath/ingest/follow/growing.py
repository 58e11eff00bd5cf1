"""JSON Lines files that grow: only whole lines, each once, also when a file is renamed, replaced or cut."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from cartpath.ingest.follow.clock import now
from cartpath.ingest.follow.fingerprint import Fingerprint
from cartpath.ingest.follow.kept import Kept, Look
from cartpath.ingest.follow.lines import Asked, GrowingJob, is_whole_object, whole_lines
from cartpath.ingest.follow.listing import Seen
from cartpath.ingest.follow.source import BATCH_BYTES, Notes, Part, Say
from cartpath.ingest.readers.lines import MAX_LINE


@dataclass
class _Pending:
    file: Seen
    begun: Fingerprint
    end: int


class Growing:
    """Finds what growing files have new.

    Parameters
    ----------
    asked : Asked
    settle : float
        Seconds after which a whole object without a newline is taken for the last line.
    notes : Notes
    say : callable
    """

    def __init__(self, asked: Asked, settle: float, notes: Notes, say: Say) -> None:
        self._asked, self._settle, self._notes, self._say = asked, settle, notes, say
        self._pending: dict[str, _Pending] = {}
        self._looks: dict[str, tuple[Look, float]] = {}
        self._looked: dict[str, tuple[Look, bool]] = {}

    def is_same(self, kept: Kept, file: Seen) -> bool:
        """Whether a file under another name is the one that is kept: an inode may be used again."""
        try:
            with open(file.path, "rb") as opened:
                return kept.fingerprint is not None and kept.fingerprint.is_of(opened, file.size)
        except OSError:
            return False

    def look(self, files: list[Seen], kept: dict[str, Kept]) -> int:
        """Look at files that have changed; return the bytes of whole lines that wait."""
        names = {file.name for file in files}
        self._pending = {name: found for name, found in self._pending.items() if name in names}
        for file in files:
            try:
                self._look_at(file, kept)
            except OSError:  # it went away
                self._pending.pop(file.name, None)
        return sum(found.end - found.begun.offset for found in self._pending.values())

    def _look_at(self, file: Seen, kept: dict[str, Kept]) -> None:
        settled = self._is_settled(file)
        if self._looked.get(file.name) == (file.look, settled):
            return
        self._pending.pop(file.name, None)
        with open(file.path, "rb") as opened:
            size = os.fstat(opened.fileno()).st_size
            begun = self._begun(file, opened, size, kept)
            end = whole_lines(opened, begun.offset, size, BATCH_BYTES)
            rest = size - end
            if settled and 0 < rest <= MAX_LINE and is_whole_object(os.pread(opened.fileno(), rest, end)):
                end = size
        if end > begun.offset:
            self._pending[file.name] = _Pending(file, begun, end)
        else:
            self._looked[file.name] = (file.look, settled)

    def _is_settled(self, file: Seen) -> bool:
        look, since = self._looks.get(file.name, (None, 0.0))
        if look != file.look:
            since = now()
            self._looks[file.name] = (file.look, since)
        return now() - since >= self._settle

    def _begun(self, file: Seen, opened: BinaryIO, size: int, kept: dict[str, Kept]) -> Fingerprint:
        """Return how far a file is read: from its start if its content is not what was read before."""
        known = kept.get(file.name)
        if known is None or known.fingerprint is None:
            return Fingerprint()
        was = known.fingerprint
        if was.is_of(opened, size):
            return was
        marks = was.known_part(opened)
        begun = was.at(opened, marks)
        kept[file.name] = Kept.of(file, begun)
        self._tell(file, was.offset, size, begun.offset, same_file=known.inode == file.inode)
        return begun

    def _tell(self, file: Seen, was: int, size: int, known: int, *, same_file: bool) -> None:
        go_on = "it is read from its start" if not known else f"its first {known:,} bytes are known and not read again"
        if size < was and (same_file or known):
            self._notes.add("shrunk", file=str(file.path), was=was, known=known, **{"is": size})
            self._say(f"{file.path} shrank: {was:,} bytes were read, it has {size:,}; {go_on}")
        else:
            self._notes.add("replaced", file=str(file.path), was=was, known=known, **{"is": size})
            self._say(f"{file.path} has another content than was read before; {go_on}")

    def parts(self) -> Iterator[Part]:
        """Yield what waits, file by file."""
        for found in self._pending.values():
            job = GrowingJob(found.file, self._asked, found.begun, found.end)
            yield Part(job, job.after)
