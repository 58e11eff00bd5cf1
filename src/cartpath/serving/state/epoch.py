"""A pinned generation and the live events after it: what is answered from, until there is a newer generation."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from cartpath.features import Log, join
from cartpath.serving.state import joined
from cartpath.serving.state.base import Base
from cartpath.serving.state.given import Given, check
from cartpath.serving.state.journal import FOLLOWED, START, Journal, Lines, LiveJob, Position
from cartpath.serving.state.rows import LiveRows, encode
from cartpath.serving.state.words import LiveCodes
from cartpath.store import PathView, Snapshot
from cartpath.store.erasure import Forgotten
from cartpath.store.hashing import hash_strings
from cartpath.store.prepare import ROW_HASH, USER_KEY, prepare
from cartpath.store.run import column, drop_duplicates, finish
from cartpath.store.stitch import combine

#: Lines of the log up to which each is read by itself; more are read a column at a time.
_FEW = 64
#: Memory of paths that are kept put together, and what one takes beside its events, about.
_KEPT_BYTES, _PATH_BYTES, _EVENT_BYTES = 64 << 20, 8_000, 90


def key_of(user_id: str) -> int:
    """Return the key of a user."""
    return int(hash_strings(pa.array([user_id], pa.string()))[0])


class Epoch:
    """What is known of users from one generation and the log after it.

    Not safe for several threads by itself, but for ``log`` and ``known``: whoever adds holds ``lock``.

    Attributes
    ----------
    snapshot : Snapshot
    position : Position
        How far the log is read.
    damaged, refused : int
        Lines of the log that could not be read, and events of users who were forgotten.
    forgotten : Forgotten
    """

    def __init__(self, workspace: Path) -> None:
        self.snapshot = Snapshot(workspace)
        self.lock = threading.RLock()
        self.codes, self.base, self.rows = LiveCodes(self.snapshot), Base(self.snapshot), LiveRows()
        self.position: Position = absorbed_until(self.snapshot)
        self.damaged = self.refused = 0
        self._items, self._gap = self.snapshot.items, self.snapshot.gap_seconds
        self.forgotten = Forgotten.load(workspace)
        self._kept: OrderedDict[int, tuple[int, PathView]] = OrderedDict()
        self._kept_bytes = 0

    def close(self) -> None:
        """Let the generation go."""
        self.snapshot.close()

    # -- adding ------------------------------------------------------------------------------------------------------

    def is_new(self, event: Given, seen: set[int]) -> tuple[int, Any] | None:
        """Return the key and the row of an event, None if it is there already, or among those ``seen``."""
        key, row = encode(event, self.codes)
        row_hash = int(row[ROW_HASH])
        if row_hash in seen or self.rows.has(key, row) or self.base.has(key, row[ROW_HASH]):
            return None
        seen.add(row_hash)
        return key, row

    def fold(self, part: Lines) -> list[bool]:
        """Take lines of the log; return for each whether it was new, which of many at once is taken for granted."""
        if not part.lines:
            return []
        new = self._few(part.lines) if len(part.lines) <= _FEW else self._many(part.lines)
        self.position = part.ends[-1]
        return new

    def _few(self, lines: Sequence[bytes]) -> list[bool]:
        new = [False] * len(lines)
        given = [(at, _read(line)) for at, line in enumerate(lines) if line.strip()]
        good, bad = check([event for _, event in given])
        self.damaged += len(bad)
        for event in good:
            refused = self.is_forgotten(event.user_id)
            self.refused += refused
            found = None if refused else self.is_new(event, set())
            if found is not None:
                self.rows.add(*found)
                new[given[event.index][0]] = True
        return new

    def _many(self, lines: Sequence[bytes]) -> list[bool]:
        job = LiveJob(b"".join(lines))
        job.open()
        for piece in job.pieces():
            self.damaged += len(piece.bad)
            if len(piece.events):
                self._add(piece.events)
        return [True] * len(lines)

    def _add(self, events: pa.Table) -> None:
        gone = self.forgotten.mask(events["user_id"])
        self.refused += int(gone.sum())
        if gone.any():
            events = events.filter(pa.array(~gone))
        rows = prepare(events, self.codes)  # type: ignore[arg-type]
        known = np.concatenate([self.rows.hashes(), self.base.hashes(column(rows, USER_KEY))])
        keep = drop_duplicates(rows, known)
        self.rows.add_table(rows if keep.all() else rows.filter(pa.array(keep)))

    def is_forgotten(self, user_id: str) -> bool:
        """Whether a user was erased and must not come back."""
        known = self.forgotten
        return bool(known.hashes) and known.hash(user_id) in known.hashes

    def drop(self, user_id: str) -> int:
        """Drop the live events of a user; return how many there were."""
        with self.lock:
            gone = self.rows.drop([key_of(user_id)])
            self._kept.clear()
            self._kept_bytes = 0
        return gone

    # -- reading -----------------------------------------------------------------------------------------------------

    def known(self, user_id: str) -> bool:
        """Whether a user has any event."""
        key = key_of(user_id)
        owner, others = self.base.ids_of(key)
        return any(one in self.rows or self.base.places(one) for one in (key, owner, *others))

    def log(self, users: Sequence[str]) -> Log:
        """Return the whole paths of users, in the order asked."""
        views = [self.path(user) for user in users]
        view = views[0] if len(views) == 1 else join(views)
        snapshot = self.snapshot
        return Log(view, self.codes.text, self._items, snapshot.generation, 1.0, snapshot.shaped_until)

    def path(self, user_id: str) -> PathView:
        """Return the whole path of a user."""
        key = key_of(user_id)
        if self.base.record is not None:
            return self._derived(user_id, key)
        with self.lock:
            n = self.rows.count(key)
            kept = self._kept.get(key)
            if kept is not None and kept[0] == n:
                self._kept.move_to_end(key)
                return kept[1]
            live = self.rows.of(key)
        whole = self._whole(key, live)
        view = joined.nothing(user_id) if whole is None else joined.finished(user_id, whole, self._gap)
        if n:
            self._keep(key, n, view)
        return view

    def _whole(self, key: int, live: Any) -> joined.Stretch | None:
        parts = [joined.stored(place) for place in self.base.places(key)]
        if len(live):
            parts.append(joined.lived(live))
        return joined.together(parts) if parts else None

    def _keep(self, key: int, n: int, view: PathView) -> None:
        """Keep a path as long as there is room; paths without live events are as quickly read from the store."""
        with self.lock:
            before = self._kept.pop(key, None)
            if before is not None:
                self._kept_bytes -= _size(before[1])
            self._kept[key] = (n, view)
            self._kept_bytes += _size(view)
            while self._kept_bytes > _KEPT_BYTES:
                self._kept_bytes -= _size(self._kept.popitem(last=False)[1][1])

    def _derived(self, user_id: str, key: int) -> PathView:
        """Return a path of a shop whose paths are stitched or cleaned, made as an ingest makes it."""
        owner, others = self.base.ids_of(key)
        name = user_id if owner == key else self.base.name_of(owner) or user_id
        with self.lock:
            live = {one: self.rows.of(one) for one in (owner, *others)}
        runs = {}
        for one, rows in live.items():
            whole = self._whole(one, rows)
            if whole is not None:
                runs[one] = finish(joined.loose(name, one, whole), self._gap)
        own, moved = runs.pop(owner, None), list(runs.values())
        if moved and self.base.owners is not None:
            own = combine(own, moved, self.base.owners, self._gap)
        if own is None:
            return joined.nothing(name)
        cleaning = self.base.cleaning(self.codes.text("event"))
        if cleaning is not None:
            own = cleaning(own).run
        return own.view() if len(own) else joined.nothing(name)


def _size(view: PathView) -> int:
    return _PATH_BYTES + _EVENT_BYTES * view.n_events


def _read(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def absorbed_until(snapshot: Snapshot) -> Position:
    """Return how far the log is part of a generation."""
    found = snapshot.manifest.data.get("followed", {}).get(FOLLOWED)
    return START if found is None else (int(found["end"][0]), int(found["end"][1]))


def build(workspace: Path, journal: Journal, is_current: Callable[[Epoch], bool]) -> Epoch:
    """Pin the newest generation and read the log after it.

    Parameters
    ----------
    workspace : Path
    journal : Journal
    is_current : callable
        Whether the generation of an epoch is still the newest: what is absorbed into a newer one is deleted from the
        log, so that only then nothing is missing.
    """
    while True:
        epoch = Epoch(workspace)
        try:
            for part in journal.read(epoch.position):
                epoch.fold(part)
            if is_current(epoch):
                return epoch
        except BaseException:
            epoch.close()
            raise
        epoch.close()
