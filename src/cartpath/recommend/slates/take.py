"""Feedback from a file: what a shop kept of clicks and purchases itself."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from cartpath import config
from cartpath.recommend.slates.feedback import KINDS, OUTCOMES, Feedback
from cartpath.schema import CartpathError, microseconds_of

_NEEDED = ("request_id", "item_id", "kind", "ts")


def take_feedback(workspace: Path | str, source: str | os.PathLike[str]) -> dict[str, int]:
    """Take feedback from JSON lines with ``request_id``, ``item_id``, ``kind`` and ``ts``.

    Parameters
    ----------
    workspace : Path
    source : str or path
        A file; ``-`` is standard input. ``kind`` is ``click`` or ``purchase``; ``ts`` is ISO 8601, in the shop's time
        zone where it has no offset, or microseconds since 1970 UTC.

    Returns
    -------
    dict of str to int
        How many were joined, and why others were not.

    Raises
    ------
    CartpathError
        If the file cannot be read, or a line of it is no feedback. Lines before it were taken; given again they are
        duplicates, and change nothing.
    """
    workspace = Path(workspace)
    zone, counts, feedback = config.load(workspace).shop.zone, dict.fromkeys(OUTCOMES, 0), Feedback.open(workspace)
    with _opened(source) as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                row = _checked(line, number, source)
                ts = microseconds_of(row["ts"], zone) if isinstance(row["ts"], str) else row["ts"]
                counts[feedback.record(row["request_id"], row["item_id"], row["kind"], ts)] += 1
    feedback.close()
    return counts


@contextmanager
def _opened(source: str | os.PathLike[str]) -> Iterator[IO[str]]:
    if source == "-":
        yield sys.stdin
        return
    try:
        with open(source, encoding="utf-8") as file:
            yield file
    except (OSError, UnicodeDecodeError) as error:
        raise CartpathError(f"{os.fspath(source)} cannot be read: {error}", "give a file of JSON lines") from None


def _checked(line: str, number: int, source: str | os.PathLike[str]) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError:
        row = None
    texts = isinstance(row, dict) and all(isinstance(row.get(name), str) for name in _NEEDED[:3])
    if not texts or row["kind"] not in KINDS or type(row.get("ts")) not in (str, int):
        raise CartpathError(
            f"line {number} of {os.fspath(source)} is no feedback",
            'write {"request_id": "r1", "item_id": "i1", "kind": "click", "ts": "2024-01-31T12:00:00Z"}',
        )
    return dict(row)
