"""Live paths: events are taken, kept in a log, and part of their users' paths at once."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from cartpath.features import Log
from cartpath.ingest.chunk import Reason
from cartpath.serving.state.contract import Accepted, Erased, Health
from cartpath.serving.state.epoch import Epoch, build
from cartpath.serving.state.given import Given, Rejected, check
from cartpath.serving.state.journal import START, Journal, Position
from cartpath.store import manifest as manifests
from cartpath.store.erasure import Forgotten

_LOG = logging.getLogger(__name__)
#: Seconds between two looks for a newer generation.
_LOOK = 0.2


class Live:
    """Live paths from a log; see ``open_state``.

    Parameters
    ----------
    workspace : Path
    journal : Journal
    """

    def __init__(self, workspace: Path, journal: Journal) -> None:
        self.workspace, self._journal = workspace, journal
        self._manifest = workspace / manifests.STORE / "manifest.json"
        self._forgotten = workspace / manifests.STORE / "forgotten.json"
        self._lock = threading.RLock()
        self._refreshing = threading.Lock()
        self._looked, self._stamp, self._erasures = 0.0, self._stamps(), 0
        self._refused = self._stamp[1]
        self._epoch = build(workspace, journal, self._is_current)
        self._purge()

    # -- what is asked -----------------------------------------------------------------------------------------------

    def append(self, events: Sequence[Any], now: datetime | None = None) -> Accepted:
        """Take events; see ``LiveState``.

        Parameters
        ----------
        events : sequence of dict
            Canonical events; one without ``ts`` happened now. Names that are not canonical are left out.
        now : datetime, optional

        Raises
        ------
        StateDownError
            If the log cannot be written. Events may be sent again: those that are in it count as duplicates.
        """
        good, bad = check(events, now)
        if not good:
            return Accepted(rejected=bad)
        self._look()
        with self._lock:
            self._mend()
            self._catch_up()
            self._note_forgotten()
            kept = [event for event in good if not self._epoch.is_forgotten(event.user_id)]
            done, end = self._written(kept)
        self._journal.sync(end)
        if len(kept) < len(good):
            left = {event.index for event in kept}
            bad += [Rejected.of(one.index, Reason.forgotten_user) for one in good if one.index not in left]
        return Accepted(done, len(kept) - done, sorted(bad, key=lambda one: one.index))

    def _written(self, events: list[Given]) -> tuple[int, Position]:
        """Write what is new to the log and take it; return how much there was, and up to where it must be durable."""
        epoch, seen = self._epoch, set[int]()
        found = [(event, epoch.is_new(event, seen)) for event in events]
        new = [(event, row) for event, row in found if row is not None]
        ends = self._journal.write([event.line for event, _ in new]) if new else []
        if self._journal.shared:
            taken = self._catch_up(frozenset(ends)) if ends else 0
            return taken, START
        with epoch.lock:
            for _, row in new:
                epoch.rows.add(*row)
            if ends:
                epoch.position = ends[-1]
        # What was a duplicate may have been written a moment ago by another thread that still waits for the disk.
        return len(new), epoch.position

    def log(self, users: Sequence[str]) -> Log:
        """Return the whole paths of users; see ``LiveState``.

        Raises
        ------
        StateDownError
            If other processes write to the log, and it cannot be read.
        """
        self._look()
        if self._journal.shared:
            with self._lock:
                self._mend()
                self._catch_up()
        return self._epoch.log(users)

    def known(self, user: str) -> bool:
        """Whether a user has any event; see ``LiveState``."""
        self._look()
        if self._journal.shared:
            with self._lock:
                self._mend()
                self._catch_up()
        return self._epoch.known(user)

    def latest(self) -> int:
        """Return the moment of the shop's latest event; see ``LiveState``."""
        epoch = self._epoch
        return max(epoch.snapshot.totals.last_ts or 0, epoch.rows.latest)

    def forget(self, user: str) -> Erased:
        """Remove a user's live events, from the log and from memory.

        What the store has of the user goes with ``privacy.forget``, which also has the user refused from then on.
        """
        seen = self._epoch.position
        lines = self._journal.erase([user])
        with self._lock:
            self._catch_up()
            lines += self._journal.erase([user], after=seen)  # what came meanwhile
            self._erasures += 1
            events = self._epoch.drop(user)
        self._begin_refresh()  # the texts that nobody else has leave memory with it
        return Erased(events, lines)

    def health(self) -> Health:
        """Return how live paths are; see ``LiveState``."""
        facts, epoch = dict(self._journal.facts()), self._epoch
        with epoch.lock:
            users, events = epoch.rows.users, len(epoch.rows)
        return Health(
            facts.get("error") is None,
            self._journal.kind,
            epoch.snapshot.generation,
            users,
            events,
            epoch.damaged,
            facts,
        )

    def close(self) -> None:
        """Let the log and the generation go."""
        with self._refreshing, self._lock:
            self._journal.close()
            self._epoch.close()

    # -- keeping up --------------------------------------------------------------------------------------------------

    def _catch_up(self, mine: frozenset[Position] = frozenset()) -> int:
        """Take what the log has beyond what was read, if others write to it; return how many of ``mine`` were new."""
        if not self._journal.shared:
            return 0
        epoch, taken = self._epoch, 0
        for part in self._journal.read(epoch.position):
            with epoch.lock:
                new = epoch.fold(part)
            taken += sum(new and at in mine for at, new in zip(part.ends, new, strict=False))
        return taken

    def _mend(self) -> None:
        """Read everything anew where the log is not what was read."""
        if self._journal.lost(self._epoch.position):
            _LOG.warning("the log of live events went back; it is read anew")
            self._swap(build(self.workspace, self._journal, self._is_current))

    def _stamps(self) -> tuple[tuple[int, int] | None, ...]:
        return _stamp(self._manifest), _stamp(self._forgotten)

    def _note_forgotten(self) -> None:
        """Refuse at once whom a command elsewhere has just erased, before the generation without the user is read."""
        if (stamp := _stamp(self._forgotten)) != self._refused:
            self._refused = stamp
            self._epoch.forgotten = Forgotten.load(self.workspace)

    def _is_current(self, epoch: Epoch) -> bool:
        return manifests.current(self.workspace).generation == epoch.snapshot.generation

    def _look(self) -> None:
        """Look whether there is a newer generation; if so, get ready to answer from it."""
        now = time.monotonic()
        if now - self._looked < _LOOK:
            return
        self._looked = now
        if self._stamps() != self._stamp:
            self._begin_refresh()

    def _begin_refresh(self) -> None:
        if not self._refreshing.locked():
            threading.Thread(target=self._refresh_quietly, name="live-paths", daemon=True).start()

    def _refresh_quietly(self) -> None:
        try:
            self.refresh()
        except Exception:
            _LOG.exception("a newer generation cannot be read; the one before is answered from")

    def refresh(self) -> None:
        """Pin the newest generation; the one before is answered from until it is read."""
        with self._refreshing:
            while not self._refreshed():
                pass
        self._purge()

    def _refreshed(self) -> bool:
        """Read the newest generation and the log after it; whether nothing came between."""
        stamp, erasures = self._stamps(), self._erasures
        fresh = build(self.workspace, self._journal, self._is_current)
        with self._lock:
            for part in self._journal.read(fresh.position):
                fresh.fold(part)
            if erasures == self._erasures and self._is_current(fresh):
                self._swap(fresh)
                self._stamp = stamp
                return True
        fresh.close()
        return False

    def _swap(self, fresh: Epoch) -> None:
        before, self._epoch = self._epoch, fresh
        before.close()

    def _purge(self) -> None:
        """Remove from the log whoever was forgotten by a command elsewhere."""
        if self._epoch.refused:
            self._journal.erase((), self._epoch.is_forgotten)


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        stat = os.stat(path)
    except FileNotFoundError:
        return None
    return stat.st_ino, stat.st_mtime_ns
