"""What lies in a followed folder at one look."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cartpath.ingest.sources import format_of

#: Names of files that something is still writing, by how they end.
UNFINISHED = (".tmp", ".part", ".crdownload")
_ROTATED = re.compile(r"([.-]\d+)((\.gz|\.zst|\.zstd)?)$")


@dataclass(frozen=True)
class Seen:
    """A file at one look.

    Attributes
    ----------
    name : str
        Its path within the followed folder.
    path : Path
    device, inode : int
    size, mtime_ns : int
    """

    name: str
    path: Path
    device: int
    inode: int
    size: int
    mtime_ns: int

    @property
    def identity(self) -> tuple[int, int]:
        """What stays the same when a file is renamed."""
        return self.device, self.inode

    @property
    def look(self) -> tuple[int, int, int]:
        """What changes when a file is written to or put in another's place."""
        return self.size, self.mtime_ns, self.inode


def is_left_alone(name: str) -> bool:
    """Whether a path within a folder is hidden or unfinished by its name.

    Examples
    --------
    >>> is_left_alone("a/_log.jsonl"), is_left_alone("b.csv.part"), is_left_alone("c.csv")
    (True, True, False)
    """
    return name.endswith(UNFINISHED) or any(part.startswith((".", "_")) for part in Path(name).parts)


def format_within(name: str) -> str | None:
    """Return the format that a name tells, also once it was rotated; None if it does not tell.

    Examples
    --------
    >>> format_within("a.jsonl.1"), format_within("a.jsonl-20240131.gz"), format_within("a.1")
    ('jsonl', 'jsonl', None)
    """
    return format_of(Path(name)) or format_of(Path(_ROTATED.sub(r"\2", name)))


def listing(folder: Path, only: str | None = None) -> list[Seen] | None:
    """Return the files of a folder in the order of their names, one for each inode; None if there is no folder.

    Parameters
    ----------
    folder : Path
    only : str, optional
        Look at this folder alone, not at those within it: one file is followed, and what it is renamed to is here.
    """
    if not folder.is_dir():
        return None
    found: dict[tuple[int, int], Seen] = {}
    for path in sorted(_paths(folder, deep=only is None)):
        try:
            status = path.stat()
        except OSError:  # gone since it was listed, or a link to nowhere
            continue
        if stat.S_ISREG(status.st_mode):
            seen = Seen(
                str(path.relative_to(folder)), path, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
            )
            found.setdefault(seen.identity, seen)
    return list(found.values())


def _paths(folder: Path, *, deep: bool) -> Iterator[Path]:
    for root, folders, files in os.walk(folder):
        if not deep:
            folders.clear()
        for name in files:
            yield Path(root, name)
