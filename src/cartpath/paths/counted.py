"""The events that count, in the order that counts, cut into the paths that are counted: every view reads these.

The rule in full is in ``docs/counting.md``. A kernel of a view is a loop over contiguous paths: periods, filters,
segments, interleaved sessions and hits are dealt with here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.store import PathView
from cartpath.store.jit import kernel
from cartpath.store.ties import count_ties

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Basis:
    """What a question counts over: its denominators.

    Attributes
    ----------
    users, sessions : int
        Those with at least one event that counts.
    events, steps : int
        Those that count; the events of one hit are one step.
    tied_events : int
        Events at the same time as the one before them of the same user, which is another event and not of the same
        step: their order is that of the source alone.
    tied_users : int
        Users with such an event.
    """

    users: int = 0
    sessions: int = 0
    events: int = 0
    steps: int = 0
    tied_events: int = 0
    tied_users: int = 0


def merge_basis(parts: Sequence[Basis]) -> Basis:
    """Add the denominators of buckets; a user lives in one bucket, so nothing is counted twice."""
    names = Basis.__dataclass_fields__
    return Basis(**{name: sum(getattr(part, name) for part in parts) for name in names})


@dataclass(frozen=True)
class Paths:
    """Paths of one unit, each contiguous and none empty.

    Attributes
    ----------
    offsets : int64 array (n_paths + 1,)
        Elements of path ``p`` are ``offsets[p]:offsets[p + 1]``.
    rows : int64 array or None
        Where each element is in the bucket's ``PathView``; None where they are the same.
    user : int32 array (n_paths,)
        Row of the path's user in the bucket.
    session : int32 array (n_paths,)
        Row of the path's session in ``view.sessions``; of a user, the session of the first event.
    """

    offsets: Rows
    rows: Rows | None
    user: npt.NDArray[np.int32]
    session: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def take(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return an array of the view (one value an event) as one value an element of the paths."""
        return array if self.rows is None else array[self.rows]


class Counted:
    """The events of a bucket that count, in path order.

    Parameters
    ----------
    view : PathView
    rows : int64 array, optional
        Places of the events that count, ascending; None is all.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from datetime import datetime, UTC
    >>> from cartpath.store import view_from_table
    >>> when = [datetime(2024, 1, 1, hour, tzinfo=UTC) for hour in (1, 2, 9)]
    >>> view, _ = view_from_table(pa.table({"user_id": ["u"] * 3, "ts": when, "event": ["view", "view", "purchase"]}))
    >>> counted = Counted(view, np.array([0, 2]))
    >>> counted.offsets.tolist(), counted.paths("sessions").offsets.tolist()
    ([0, 2], [0, 1, 2])
    """

    def __init__(self, view: PathView, rows: Rows | None = None) -> None:
        self.view = view
        self.rows = None if rows is not None and len(rows) == view.n_events else rows

    def __len__(self) -> int:
        return self.view.n_events if self.rows is None else len(self.rows)

    def take(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return an array of the view (one value an event) at the events that count."""
        return array if self.rows is None else array[self.rows]

    def along(self, paths: Paths, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return values of the events that count in the order of paths of them, which takes interleaved sessions apart.

        Examples
        --------
        >>> import pyarrow as pa
        >>> from datetime import datetime, UTC
        >>> from cartpath.store import view_from_table
        >>> when = [datetime(2024, 1, 1, 1, minute, tzinfo=UTC) for minute in (0, 1, 2)]
        >>> log = {"user_id": ["u"] * 3, "ts": when, "event": ["view"] * 3, "session_id": ["a", "b", "a"]}
        >>> counted = Counted(view_from_table(pa.table(log))[0])
        >>> counted.along(counted.paths("sessions"), np.array([1, 2, 3])).tolist()
        [1, 3, 2]
        """
        if paths.rows is self.rows:
            return values
        if self.rows is not None:
            of_rows = np.zeros(self.view.n_events, values.dtype)
            of_rows[self.rows] = values
            values = of_rows
        return paths.take(values)

    @cached_property
    def offsets(self) -> Rows:
        """Where each user of the bucket starts among the events that count, int64 (n_users + 1,)."""
        if self.rows is None:
            return self.view.offsets
        return np.searchsorted(self.rows, self.view.offsets).astype(np.int64)

    @cached_property
    def step(self) -> npt.NDArray[np.uint8]:
        """1 on the first event of a step that counts, uint8 (n,).

        Of a hit whose first event does not count, the first that does begins the step.
        """
        if self.rows is None:
            return self.view.step
        return _step_starts(self.view.step, self.rows)

    def paths(self, unit: str, steps: bool = False) -> Paths:
        """Cut what counts into paths.

        Parameters
        ----------
        unit : str
            ``"users"`` or ``"sessions"``. Sessions of a user that interleave are taken apart.
        steps : bool
            Keep the first event of each step only.

        Returns
        -------
        Paths
            In the order of the users, then of the sessions' first events.
        """
        steps = steps and not self.step.all()
        if unit == "sessions":
            found = self._sessions_in_order(steps)
            if found is not None:
                return found
        rows, offsets = self.rows, self.offsets
        if steps:
            kept = np.flatnonzero(self.step)
            offsets = np.searchsorted(kept, offsets).astype(np.int64)
            rows = kept if rows is None else rows[kept]
        session = self.view.session if rows is None else self.view.session[rows]
        if unit == "users":
            user = np.flatnonzero(np.diff(offsets)).astype(np.int32)
            starts = np.append(offsets[user], offsets[-1])
            return Paths(starts, rows, user, session[starts[:-1]])
        # Sessions are numbered by user, then by first event, so a stable sort takes them apart in path order.
        order = np.argsort(session, kind="stable")
        rows, session = order if rows is None else rows[order], session[order]
        starts = _session_starts(session)
        first = session[starts[:-1]]
        return Paths(starts, rows, self.view.sessions.user[first], first)

    def _sessions_in_order(self, steps: bool) -> Paths | None:
        """Cut into sessions in one pass; None where sessions interleave."""
        view, n_sessions = self.view, len(self.view.sessions)
        rows = np.empty(0, np.int64) if self.rows is None else self.rows
        step = self.step if steps else np.empty(0, np.uint8)
        kept, starts, first = _cut(rows, step, view.session, len(self), n_sessions)
        if len(starts) > n_sessions + 1:
            return None
        return Paths(starts, kept if steps else self.rows, view.sessions.user[first], first)

    def basis(self) -> Basis:
        """Count the denominators."""
        ties = self.view.ties if self.rows is None else None
        if ties is None:
            ties = count_ties(self.offsets, self.take(self.view.ts), self.take(self.view.event), self.step)
        sessions = len(self.view.sessions) if self.rows is None else self._sessions()
        steps = int(np.count_nonzero(self.step))
        return Basis(int(_users(self.offsets)), sessions, len(self), steps, int(ties[0]), int(ties[1]))

    def _sessions(self) -> int:
        seen = np.zeros(len(self.view.sessions), np.bool_)
        seen[self.take(self.view.session)] = True
        return int(np.count_nonzero(seen))


@kernel
def _step_starts(step: npt.NDArray[np.uint8], rows: Rows) -> npt.NDArray[np.uint8]:
    found = np.empty(len(rows), np.uint8)
    before = np.int64(-1)
    for k in range(len(rows)):
        start = rows[k]
        while step[start] == 0 and start > before:
            start -= 1
        # Nothing of the hit up to here counts, or the hit begins after the event before.
        found[k] = start > before
        before = rows[k]
    return found


@kernel
def _cut(
    rows: Rows, step: npt.NDArray[np.uint8], session: npt.NDArray[np.int32], n: int, n_sessions: int
) -> tuple[Rows, Rows, npt.NDArray[np.int32]]:
    """Return rows, starts and session of the paths; one start too many says that a session is taken up again.

    ``rows`` and ``step`` are empty where all rows count and where all are kept; then no rows are returned.
    """
    kept = np.empty(n + 1 if len(step) else 0, np.int64)
    # Written always and kept where wanted: whether a session ends is hard to predict.
    starts, first = np.empty(n_sessions + 2, np.int64), np.empty(n_sessions + 1, np.int32)
    m, paths, last = 0, 0, -1
    for k in range(n):
        row = rows[k] if len(rows) else k
        here = session[row]
        if here < last:  # sessions are numbered by their first event
            return kept, starts, first
        starts[paths], first[paths] = m, here
        # Of a hit all events are of one session, so the first that is kept begins it.
        paths += here != last
        last = here
        if len(step):
            kept[m] = row
            m += step[k]
        else:
            m += 1
    starts[paths] = m
    return kept[:m], starts[: paths + 1], first[:paths]


@kernel
def _session_starts(session: npt.NDArray[np.int32]) -> Rows:
    n = 0
    for i in range(len(session)):
        n += i == 0 or session[i] != session[i - 1]
    starts = np.empty(n + 1, np.int64)
    n = 0
    for i in range(len(session)):
        if i == 0 or session[i] != session[i - 1]:
            starts[n] = i
            n += 1
    starts[n] = len(session)
    return starts


@kernel
def _users(offsets: Rows) -> int:
    """Return how many users have an event."""
    users = 0
    for user in range(len(offsets) - 1):
        users += offsets[user + 1] > offsets[user]
    return users
