"""JSON Lines that hold events of users: a user's lines are overwritten with spaces, under whoever appends."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from cartpath.schema import Columns

#: Folder of a workspace with the log of its live events.
LIVE = "live"
_BLOCK = 1 << 20


def live_segments(workspace: Path) -> list[Path]:
    """Return the files of a workspace's live log, the oldest first."""
    return sorted((workspace / LIVE).glob("*.jsonl"))


def blank_lines(path: Path, is_gone: Callable[[str], bool]) -> int:
    r"""Overwrite the lines of users with spaces; return how many there were.

    The file stays one file and keeps its length, so that another process may append to it meanwhile. A line that
    cannot be read is blanked too: it may be what is left of one that an interrupted erasure began with.

    Parameters
    ----------
    path : Path
    is_gone : callable
        Whether a user's lines go.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "a.jsonl"
    >>> _ = file.write_text('{"user_id": "u"}\n{"user_id": "v"}\n')
    >>> blank_lines(file, lambda user: user == "u"), file.read_text().strip()
    (1, '{"user_id": "v"}')
    """
    gone = 0
    with open(path, "r+b") as file:
        for start, line in _lines(path):
            user = _user_of(line)
            if user is None or is_gone(user):
                os.pwrite(file.fileno(), b" " * (len(line) - 1), start)
                gone += user is not None
        os.fsync(file.fileno())
    return gone


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield each whole line that is not blank, and where it starts."""
    with open(path, "rb", buffering=_BLOCK) as file:
        at = 0
        for line in file:
            if line.endswith(b"\n") and line.strip():
                yield at, line
            at += len(line)


def _user_of(line: bytes) -> str | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    user = row.get(Columns.user_id) if isinstance(row, dict) else None
    return str(user) if isinstance(user, str | int) and not isinstance(user, bool) else None
