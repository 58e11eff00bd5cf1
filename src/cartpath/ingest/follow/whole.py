"""Files that are taken as a whole, once they are: CSV, Parquet, packed text."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any

from cartpath.ingest.follow.clock import now
from cartpath.ingest.follow.kept import Kept, Look
from cartpath.ingest.follow.lines import Asked
from cartpath.ingest.follow.listing import Seen
from cartpath.ingest.follow.source import ChangedError, Notes, Part, Say
from cartpath.ingest.reading import FileJob, Piece


class WholeJob(FileJob):
    """A file that must stay as it was seen until it is read."""

    def __init__(self, file: Seen, asked: Asked) -> None:
        self._seen = file
        super().__init__(file.path, asked.adapter, asked.mapping, asked.options)

    def pieces(self) -> Iterator[Piece]:
        """Yield the file's events."""
        yield from super().pieces()
        status = self.path.stat()
        if (status.st_size, status.st_mtime_ns, status.st_ino) != self._seen.look:
            raise ChangedError(f"{self.path} changed while it was read")


class Wholes:
    """Waits until files stay as they are.

    Parameters
    ----------
    asked : Asked
    settle : float
        Seconds between two looks that must be alike.
    notes : Notes
    say : callable
    """

    def __init__(self, asked: Asked, settle: float, notes: Notes, say: Say) -> None:
        self._asked, self._settle, self._notes, self._say = asked, settle, notes, say
        self._since: dict[str, tuple[Look, float]] = {}
        self._ready: list[Seen] = []

    def look(self, files: list[Seen], kept: Mapping[str, Kept]) -> int:
        """Look at files; return the bytes of those that are whole and were not taken."""
        self._ready = [file for file in files if self._is_new(file, kept.get(file.name)) and self._is_whole(file)]
        return sum(max(1, file.size) for file in self._ready)

    def _is_new(self, file: Seen, known: Kept | None) -> bool:
        if known is not None and known.look == file.look:
            self._since.pop(file.name, None)
            return False
        return True

    def _is_whole(self, file: Seen) -> bool:
        if not file.size:  # made, and not written yet
            return False
        look, since = self._since.get(file.name, (None, 0.0))
        if look != file.look:
            since = now()
            self._since[file.name] = (file.look, since)
        return now() - since >= self._settle

    def parts(self, known: Mapping[str, Any], kept: dict[str, Kept]) -> Iterator[Part]:
        """Yield the files that are whole; one whose content was ingested before is only noted as taken."""
        for file in self._ready:
            try:
                job = WholeJob(file, self._asked)
            except OSError:  # it went away
                continue
            was = kept.get(file.name)
            if job.signature in known:
                kept[file.name] = Kept.of(file)
                continue
            if was is not None and not was.grows:
                self._notes.add("changed", file=str(file.path), was=was.look[0], **{"is": file.size})
                self._say(f"{file.path} changed after it was taken; it is taken again as a whole, repeats are dropped")
            yield Part(job, functools.partial(Kept.of, file))
