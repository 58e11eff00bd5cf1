"""JSON Lines that hold events of users: a user's lines are overwritten with spaces, under whoever appends."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from pathlib import Path

from cartpath.schema import Columns

#: Folder of a workspace with the log of its live events.
LIVE = "live"
_BLOCK = 1 << 20


def live_segments(workspace: Path) -> list[Path]:
    """Return the files of a workspace's live log, the oldest first."""
    return sorted((workspace / LIVE).glob("*.jsonl"))


def blank_lines(path: Path, users: Collection[str], is_gone: Callable[[str], bool] | None = None) -> int:
    r"""Overwrite the lines of users with spaces; return how many there were.

    The file stays one file and keeps its length, so that another process may append to it meanwhile. A line that
    cannot be read is blanked too: it may be what is left of one that an interrupted erasure began with.

    Parameters
    ----------
    path : Path
    users : collection of str
    is_gone : callable, optional
        Whether a user's lines go, too.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "a.jsonl"
    >>> _ = file.write_text('{"user_id": "u"}\n{"user_id": "v"}\n')
    >>> blank_lines(file, ["u"]), file.read_text().strip()
    (1, '{"user_id": "v"}')
    """
    gone, may_be = 0, None if is_gone is not None else [json.dumps(user)[1:-1].encode() for user in users]
    with suppress(FileNotFoundError), open(path, "r+b") as file:  # absorbed meanwhile: the store has its events
        for start, line in _lines(path):
            if may_be is not None and line[:1] == b"{" and not any(id_ in line for id_ in may_be):
                continue  # to look for the id is a tenth of the time of reading the line
            user = user_of(line)
            if user is None or user in users or (is_gone is not None and is_gone(user)):
                os.pwrite(file.fileno(), b" " * (len(line) - 1), start)
                gone += user is not None
        os.fsync(file.fileno())
    return gone


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield each whole line that is not blank, and where it starts."""
    with open(path, "rb", buffering=_BLOCK) as file:
        at = 0
        for line in file:
            if line.endswith(b"\n") and not line.isspace():
                yield at, line
            at += len(line)


def user_of(line: bytes) -> str | None:
    """Return whose event a line is, None if it cannot be read.

    Examples
    --------
    >>> user_of(b'{"user_id": 7.0, "event": "view"}'), user_of(b"{")
    ('7', None)
    """
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    user = row.get(Columns.user_id) if isinstance(row, dict) else None
    if user is None or isinstance(user, bool | dict | list):
        return None
    text = str(user)
    return text[:-2] if text.endswith(".0") and text[:-2].isdecimal() else text  # as an ingest reads ids
