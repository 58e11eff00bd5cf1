"""Where in the log each of the latest requests stands: eight bytes of hash and eight of place, not the slate."""

from __future__ import annotations

import json
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.recommend.slates.record import SLATES
from cartpath.store.lines import segments, whole_lines

#: Requests that are looked up, the latest ones.
MOST_REQUESTS = 1_000_000
#: How a line of the log begins and where its request ends: no JSON text has an unescaped quote within.
_BEFORE, _AFTER = b'{"request_id":', b',"user_id":'
#: Requests of a segment held in a dictionary before they are sorted into arrays.
_RECENT = 20_000


class RequestIndex:
    """Finds the slate of a request in the log.

    Parameters
    ----------
    workspace : Path
    most : int
        Requests at most; whole segments are left out, the earliest first.
    """

    def __init__(self, workspace: Path, most: int = MOST_REQUESTS) -> None:
        self._workspace, self._most = workspace, most
        self._segments: dict[Path, _Segment] = {}
        self.catch_up()

    def find(self, request_id: str) -> dict[str, Any] | None:
        """Return the row of a request as it was logged, None where it is not among the latest."""
        key = _hash(json.dumps(request_id).encode())
        for path in sorted(self._segments, reverse=True):
            segment = self._segments[path]
            place = segment.place(key)
            row = None if place is None else segment.row(place)
            if place is not None and (row is None or row["request_id"] != request_id):
                # An erasure has put another file in its place.
                self._segments[path] = segment = _Segment(path)
                segment.catch_up()
                place = segment.place(key)
                row = None if place is None else segment.row(place)
            if row is not None and row["request_id"] == request_id:
                return row
        return None

    def catch_up(self) -> None:
        """Read what was added to the log since."""
        total, kept = 0, {}
        for path in reversed(segments(self._workspace, SLATES)):
            if total >= self._most:
                break
            segment = kept[path] = self._segments.get(path) or _Segment(path)
            segment.catch_up()
            total += len(segment)
        self._segments = kept


class _Segment:
    def __init__(self, path: Path) -> None:
        self._path, self._read = path, 0
        self._hashes: npt.NDArray[np.uint64] = np.zeros(0, np.uint64)
        self._places: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        self._recent: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._hashes) + len(self._recent)

    def catch_up(self) -> None:
        for line in whole_lines(self._path, self._read).splitlines(keepends=True):
            end = line.find(_AFTER)
            if line.startswith(_BEFORE) and end > 0:
                self._recent[_hash(line[len(_BEFORE) : end])] = self._read
            self._read += len(line)
        if len(self._recent) > _RECENT:
            self._sort()

    def _sort(self) -> None:
        hashes = np.concatenate([self._hashes, np.fromiter(self._recent, np.uint64, len(self._recent))])
        places = np.concatenate([self._places, np.fromiter(self._recent.values(), np.int64, len(self._recent))])
        order = np.argsort(hashes, kind="stable")
        self._hashes, self._places, self._recent = hashes[order], places[order], {}

    def place(self, key: int) -> int | None:
        if key in self._recent:
            return self._recent[key]
        at = int(np.searchsorted(self._hashes, np.uint64(key)))
        return int(self._places[at]) if at < len(self._hashes) and int(self._hashes[at]) == key else None

    def row(self, place: int) -> dict[str, Any] | None:
        try:
            with open(self._path, "rb") as file:
                file.seek(place)
                found = json.loads(file.readline())
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) and "request_id" in found else None


def _hash(text: bytes) -> int:
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "little")
