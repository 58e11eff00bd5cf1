"""Clicks and purchases as they come in, each told at once whether it belongs to a slate that was shown."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pyarrow as pa

from cartpath.recommend.slates.index import RequestIndex
from cartpath.recommend.slates.record import SlateLog
from cartpath.schema import CartpathError, Columns
from cartpath.store.lines import SEGMENT, LineLog, read_rows, segments, whole_lines

#: Rows of what was given, and the beginning of their segments' names.
GIVEN = "given"
KINDS: tuple[str, ...] = ("click", "purchase")
#: What becomes of feedback.
OUTCOMES: tuple[str, ...] = ("joined", "unknown_request", "unknown_item", "duplicate")
SCHEMA = pa.schema(
    {
        "request_id": pa.string(),
        Columns.user_id: pa.string(),
        "item_id": pa.string(),
        "kind": pa.string(),
        "ts": pa.int64(),
    }
)
#: Pieces of feedback that are remembered, the latest ones.
MOST_GIVEN = 200_000


class Feedback:
    """Takes feedback; safe from several threads, and several processes may each have one.

    Feedback is with the operating system when ``record`` returns. Looked up are the latest million requests, and
    remembered the latest two hundred thousand pieces of feedback: older duplicates are told apart when the log is read.

    Parameters
    ----------
    workspace : Path
    slates : SlateLog, optional
        Of the same process, whose latest slates may not have been written yet.
    """

    def __init__(self, workspace: Path | str, slates: SlateLog | None = None, segment: int = SEGMENT) -> None:
        self._workspace, self._slates = Path(workspace), slates
        self._log = LineLog(workspace, GIVEN, segment)
        self._mutex, self._index = threading.Lock(), RequestIndex(self._workspace)
        self._given: OrderedDict[bytes, None] = OrderedDict()
        self._read: dict[Path, int] = {}

    @classmethod
    def open(cls, workspace: Path | str, slates: SlateLog | None = None) -> Feedback:
        """Open the feedback of a workspace."""
        return cls(workspace, slates)

    def record(self, request_id: str, item_id: str, kind: str, ts: int) -> str:
        """Take a click or a purchase; the same again changes nothing.

        Parameters
        ----------
        request_id : str
            Of the slate.
        item_id : str
        kind : str
            ``click`` or ``purchase``.
        ts : int
            Microseconds since 1970 UTC.

        Returns
        -------
        str
            ``joined``, or why it is not: ``unknown_request``, ``unknown_item`` (the slate does not have it) or
            ``duplicate``.

        Raises
        ------
        CartpathError
            If there is no such kind.
        OSError
            If the disk does not take it.
        """
        if kind not in KINDS:
            raise CartpathError(f"there is no feedback {kind!r}", f"known: {', '.join(KINDS)}")
        with self._mutex:
            slate = self._slate(request_id)
            outcome = "unknown_request" if slate is None else "joined" if item_id in slate["items"] else "unknown_item"
            mark = _mark(request_id, item_id, kind)
            if outcome == "joined" and self._was_given(mark):
                outcome = "duplicate"
            user = None if slate is None else slate[Columns.user_id]
            named = {"request_id": request_id, Columns.user_id: user, "item_id": item_id, "kind": kind, "ts": int(ts)}
            self._log.append([named])
            if outcome == "joined":
                self._remember(mark)
        return outcome

    def policy_of(self, request_id: str) -> str | None:
        """Return the policy that chose the slate of a request; None where it is not among the latest."""
        with self._mutex:
            slate = self._slate(request_id)
        return None if slate is None else str(slate["policy"])

    def close(self) -> None:
        """Close the log."""
        self._log.close()

    def _slate(self, request_id: str) -> dict[str, Any] | None:
        found = self._index.find(request_id)
        if found is None:
            if self._slates is not None:
                self._slates.flush()
            self._index.catch_up()
            found = self._index.find(request_id)
        return found

    def _was_given(self, mark: bytes) -> bool:
        """Look among what this process and others took."""
        if mark not in self._given:
            self._catch_up()
        return mark in self._given

    def _catch_up(self) -> None:
        for path in segments(self._workspace, GIVEN):
            data = whole_lines(path, self._read.get(path, 0))
            self._read[path] = self._read.get(path, 0) + len(data)
            for row in read_rows(data, SCHEMA).to_pylist():
                self._remember(_mark(row["request_id"], row["item_id"], row["kind"]))

    def _remember(self, mark: bytes) -> None:
        self._given[mark] = None
        if len(self._given) > MOST_GIVEN:
            self._given.popitem(last=False)


def _mark(request_id: str, item_id: str, kind: str) -> bytes:
    return blake2b(json.dumps([request_id, item_id, kind]).encode(), digest_size=16).digest()
