"""A followed folder: files that grow are read as they do, others once they are whole."""

from __future__ import annotations

import glob
import shlex
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cartpath.ingest.follow.growing import Growing
from cartpath.ingest.follow.kept import Kept
from cartpath.ingest.follow.lines import Asked
from cartpath.ingest.follow.listing import Seen, format_within, is_left_alone, listing
from cartpath.ingest.follow.source import BATCH_BYTES, Notes, Part, Say
from cartpath.ingest.follow.whole import Wholes
from cartpath.ingest.readers.streams import compression_of
from cartpath.ingest.sources import sniff_format
from cartpath.schema import CartpathError

#: How long a file that is gone is remembered, in case it comes back.
_REMEMBERED = timedelta(days=7)


class FolderSource:
    """Follows a folder, or one file.

    Parameters
    ----------
    path : str
    asked : Asked
    settle : float
        Seconds that a file must stay as it is to be whole.
    say : callable
        Takes messages for people.
    """

    def __init__(self, path: str, asked: Asked, settle: float, say: Say) -> None:
        named = Path(path).resolve()
        if not named.exists():
            hint = f"make it first: mkdir -p {shlex.quote(path)}"
            hint = "follow the folder: a glob is not followed" if glob.has_magic(path) else hint
            raise CartpathError(f"no such folder or file: {path}", hint)
        self._only = None if named.is_dir() else named.name
        self._folder = named if named.is_dir() else named.parent
        self.name, self._said, self._say, self._asked = str(named), path, say, asked
        self.notes = Notes()
        self._files: dict[str, Kept] = {}
        self._growing = Growing(asked, settle, self.notes, say)
        self._wholes = Wholes(asked, settle, self.notes, say)
        self._failed: dict[str, tuple[tuple[int, int, int], str]] = {}
        self._seen: dict[str, Seen] = {}
        self._there = True

    def begin(self, kept: Mapping[str, Any]) -> None:
        """Start from what the manifest keeps."""
        self._files = {name: Kept.from_json(name, entry) for name, entry in kept.get("files", {}).items()}

    def waiting(self) -> float:
        """Look at the folder; return the bytes that can be taken as a share of a batch."""
        seen = listing(self._folder, self._only)
        self._tell_of(seen is not None)
        if seen is None:
            self._seen = {}
            return 0.0
        self._match(seen)
        self._mark_gone()
        files = [file for name, file in self._seen.items() if not self._has_failed(name, file)]
        grows = {file.name for file in files if self._grows(file)}
        total = self._growing.look([file for file in files if file.name in grows], self._files)
        total += self._wholes.look([file for file in files if file.name not in grows], self._files)
        return total / BATCH_BYTES

    def _tell_of(self, there: bool) -> None:
        if there != self._there:
            self._say(f"{self._said} is back" if there else f"{self._said} is gone; waiting for it to come back")
        self._there = there

    def _match(self, seen: list[Seen]) -> None:
        """Find the file each look belongs to: by its inode, so that a renamed one goes on, else by its name."""
        by_identity = {(k.device, k.inode): k for k in self._files.values() if k.grows and not k.is_empty}
        found: dict[str, Seen] = {}
        renamed = {}
        for file in seen:
            kept = by_identity.get(file.identity)
            if kept is not None and (kept.name == file.name or self._growing.is_same(kept, file)):
                found[file.name] = file
                if kept.name != file.name:
                    renamed[kept.name] = file.name
            elif self._is_wanted(file):
                found[file.name] = file
        moved = {new: self._files[old].renamed(new) for old, new in renamed.items()}
        for old in renamed:
            del self._files[old]
        self._files |= moved
        self._seen = found

    def _is_wanted(self, file: Seen) -> bool:
        if self._only is not None:
            return file.name == self._only
        return not is_left_alone(file.name) and format_within(file.name) is not None

    def _grows(self, file: Seen) -> bool:
        kept = self._files.get(file.name)
        if kept is not None and kept.inode == file.inode and kept.grows:
            return True
        if kept is not None and kept.look == file.look:
            return False
        try:
            plain = file.size == 0 or compression_of(file.path) is None
            lines = format_within(file.name) == "jsonl" or (
                self._only is not None and sniff_format(file.path) == "jsonl"
            )
        except OSError:
            return False
        return plain and lines and self._asked.adapter.read is None

    def _mark_gone(self) -> None:
        now = datetime.now(UTC)
        for name in list(self._files):
            kept = self._files[name]
            if name in self._seen:
                self._files[name] = kept.gone_since(None)
            elif kept.gone is None:
                self._files[name] = kept.gone_since(now.isoformat(timespec="seconds"))
            elif now - datetime.fromisoformat(kept.gone) > _REMEMBERED:
                del self._files[name]

    def _has_failed(self, name: str, file: Seen) -> bool:
        return name in self._failed and self._failed[name][0] == file.look

    def parts(self, known: Mapping[str, Any]) -> list[Part]:
        """Return what to read next: about a batch of bytes."""
        found, room = [], BATCH_BYTES
        for part in (*self._growing.parts(), *self._wholes.parts(known, self._files)):
            if room <= 0:
                break
            found.append(part)
            room -= part.size
        return found

    def kept(self, parts: list[Part]) -> dict[str, Any]:
        """Return how far each file is read once these parts are stored."""
        after = self._files | {kept.name: kept for kept in (part.after() for part in parts)}
        return {"files": {name: kept.to_json() for name, kept in sorted(after.items())}}

    def committed(self, parts: list[Part]) -> None:
        """Go on from there."""
        for part in parts:
            kept = part.after()
            self._files[kept.name] = kept
            self._failed.pop(kept.name, None)

    def failed(self, part: Part, why: str) -> None:
        """Leave a file until it changes; say why once."""
        name = str(Path(part.name).relative_to(self._folder))
        file = self._seen.get(name)
        if file is None or not file.path.exists():
            return  # it went away while it was read: nothing is wrong with it
        if self._failed.get(name, (None, ""))[1] != why:
            self.notes.add("failed", file=part.name, why=why)
            self._say(f"{part.name} cannot be read and is left until it changes: {why}")
        self._failed[name] = (file.look, why)

    def lag(self) -> dict[str, int]:
        """Return the bytes that are not stored yet."""
        left = 0
        for name, file in self._seen.items():
            kept = self._files.get(name)
            done = 0 if kept is None else kept.offset if kept.grows else file.size if kept.look == file.look else 0
            left += max(0, file.size - done)
        return {"bytes": left}

    def close(self) -> None:
        """Nothing is held open."""
