"""The flow graph: which step directly follows which, within a session.

A node is an event, its visits are steps (the events of one hit are one step). ``START`` precedes the first step
of every session and ``END`` follows the last, so what flows into a node flows out of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cartpath import engine
from cartpath.paths.counting import Counting, wilson
from cartpath.store import PathView, Snapshot
from cartpath.store.jit import kernel

if TYPE_CHECKING:
    import pandas as pd

#: Names of the two nodes that are not events.
START = "(start)"
END = "(end)"

#: Up to so many nodes a bucket is counted in a dense matrix; beyond, by sorting.
_DENSE = 512


@dataclass(frozen=True)
class EdgeCounts:
    """Counts of a bucket or of all: one entry a pair of nodes, ascending in ``cell``.

    Attributes
    ----------
    cell : int64 array (n,)
        ``source * (width + 1) + target``. The two nodes after the events are START and END; a target of
        ``width`` stands for the visit of the source itself.
    n, sessions, users : int64 array (n,)
        Occurrences, and the sessions and users with at least one.
    """

    cell: npt.NDArray[np.int64]
    n: npt.NDArray[np.int64]
    sessions: npt.NDArray[np.int64]
    users: npt.NDArray[np.int64]


@dataclass(frozen=True)
class FlowResult:
    """A counted flow graph.

    Attributes
    ----------
    names : tuple of str
        Events, then START and END.
    counts : EdgeCounts
    counting : Counting
    """

    names: tuple[str, ...]
    counts: EdgeCounts
    counting: Counting

    @cached_property
    def nodes(self) -> list[dict[str, Any]]:
        """One record a node, most visited first: ``event``, ``n`` steps, ``sessions``, ``users``."""
        source, target = np.divmod(self.counts.cell, len(self.names) + 1)
        found = [
            {"event": self.names[source[i]], **self._numbers(i)}
            for i in np.flatnonzero(target == len(self.names)).tolist()
        ]
        return sorted(found, key=lambda row: (-row["n"], row["event"]))

    @cached_property
    def edges(self) -> list[dict[str, Any]]:
        """One record an edge, most frequent first.

        ``source``, ``target``, ``n``, ``sessions``, ``users``, ``probability`` (that a visit of the source is
        followed by the target, end included) and ``interval``, its 95% Wilson interval.
        """
        width = len(self.names)
        source, target = np.divmod(self.counts.cell, width + 1)
        visits = np.zeros(width, np.int64)
        np.add.at(visits, source[target == width], self.counts.n[target == width])
        found = []
        for i in np.flatnonzero(target < width).tolist():
            row = {"source": self.names[source[i]], "target": self.names[target[i]], **self._numbers(i)}
            out_of = int(visits[source[i]])
            found.append({**row, "probability": row["n"] / out_of, "interval": wilson(row["n"], out_of)})
        return sorted(found, key=lambda row: (-row["n"], row["source"], row["target"]))

    @property
    def sessions(self) -> int:
        """Sessions with a step in the period."""
        return next((row["sessions"] for row in self.nodes if row["event"] == START), 0)

    @property
    def users(self) -> int:
        """Users with a step in the period."""
        return next((row["users"] for row in self.nodes if row["event"] == START), 0)

    @property
    def steps(self) -> int:
        """Steps in the period."""
        return sum(row["n"] for row in self.nodes if row["event"] not in (START, END))

    @property
    def frame(self) -> pd.DataFrame:
        """One row an edge, as a pandas frame; interval ends are columns of their own."""
        import pandas as pd

        columns = ["source", "target", "n", "sessions", "users", "probability", "interval_low", "interval_high"]
        rows = [{**row, "interval_low": row["interval"][0], "interval_high": row["interval"][1]} for row in self.edges]
        return pd.DataFrame(rows, columns=columns)

    @property
    def node_frame(self) -> pd.DataFrame:
        """One row a node, as a pandas frame."""
        import pandas as pd

        return pd.DataFrame(self.nodes, columns=["event", "n", "sessions", "users"])

    def to_dict(self) -> dict[str, Any]:
        """Return the graph as JSON has it."""
        return {
            "count": "steps",
            "steps": self.steps,
            "sessions": self.sessions,
            "users": self.users,
            "nodes": self.nodes,
            "edges": [{**row, "interval": list(row["interval"])} for row in self.edges],
            **self.counting.to_dict(),
        }

    def _numbers(self, i: int) -> dict[str, int]:
        c = self.counts
        return {"n": int(c.n[i]), "sessions": int(c.sessions[i]), "users": int(c.users[i])}


def flow(
    snap: Snapshot,
    since: str | date | datetime | None = None,
    until: str | date | datetime | None = None,
) -> FlowResult:
    """Count the flow graph of a store.

    Parameters
    ----------
    snap : Snapshot
    since, until : optional
        The period, half open, in UTC; a session cut by it starts at its first step within.

    Returns
    -------
    FlowResult
    """
    counting = Counting.of("sessions", since, until)
    known = snap.codes("event")
    scan = partial(scan_flow, width=len(known) + 2, counting=counting)
    return FlowResult((*known, START, END), engine.run(snap, scan, merge_edges), counting)


def scan_flow(view: PathView, width: int, counting: Counting, dense: int = _DENSE) -> EdgeCounts:
    """Count one bucket; ``width`` is the number of events and two."""
    if width > dense:
        return _sorted_edges(view, width, counting)
    cells = _edge_matrix(
        view.offsets, view.ts, view.event, view.session, view.step, width, counting.since, counting.until
    )
    cell = np.flatnonzero(cells[:, 0])
    return EdgeCounts(cell, cells[cell, 0], cells[cell, 1], cells[cell, 2])


def merge_edges(parts: Sequence[EdgeCounts]) -> EdgeCounts:
    """Add the counts of buckets; a user lives in one bucket, so nothing is counted twice."""
    cells = [part.cell for part in parts] or [np.empty(0, np.int64)]
    cell, place = np.unique(np.concatenate(cells), return_inverse=True)

    def total(name: str) -> npt.NDArray[np.int64]:
        out = np.zeros(len(cell), np.int64)
        if parts:
            np.add.at(out, place, np.concatenate([getattr(part, name) for part in parts]))
        return out

    return EdgeCounts(cell, total("n"), total("sessions"), total("users"))


def _sorted_edges(view: PathView, width: int, counting: Counting) -> EdgeCounts:
    counted = (view.step == 1) & (view.ts >= counting.since) & (view.ts < counting.until)
    place = np.flatnonzero(counted)
    place = place[np.argsort(view.session[place], kind="stable")]
    session, event = view.session[place].astype(np.int64), view.event[place].astype(np.int64)
    first = np.ones(len(place), np.bool_)
    first[1:] = session[1:] != session[:-1]
    last = np.roll(first, -1)
    before = np.where(first, width - 2, np.roll(event, 1))
    row = width + 1
    ends = np.full(int(last.sum()), (width - 1) * row + width)
    cells = [before * row + event, event * row + width, event[last] * row + width - 1]
    cells += [np.full(int(first.sum()), (width - 2) * row + width), ends]
    sessions = [session, session, session[last], session[first], session[last]]
    return _distinct(np.concatenate(cells), np.concatenate(sessions), view.sessions.user)


def _distinct(cell: npt.NDArray[np.int64], session: npt.NDArray[np.int64], user: npt.NDArray[np.int32]) -> EdgeCounts:
    order = np.lexsort((session, cell))
    cell, session = cell[order], session[order]
    who = user[session]
    new_cell = np.ones(len(cell), np.bool_)
    new_cell[1:] = cell[1:] != cell[:-1]
    new_session, new_user = new_cell.copy(), new_cell.copy()
    new_session[1:] |= session[1:] != session[:-1]
    new_user[1:] |= who[1:] != who[:-1]
    group = np.cumsum(new_cell) - 1
    size = int(new_cell.sum())
    count = [np.bincount(group[mask], minlength=size) for mask in (slice(None), new_session, new_user)]
    return EdgeCounts(cell[new_cell], *(c.astype(np.int64) for c in count))


@kernel
def _tally(cells: npt.NDArray[np.int64], cell: int, session: int, user: int) -> None:
    # Without branches: whether a cell is new to a session is close to a coin toss.
    row = cells[cell]
    row[0] += 1
    row[1] += row[3] != session
    row[2] += row[4] != user
    row[3] = session
    row[4] = user


@kernel
def _is_mixed(session: npt.NDArray[np.int32], low: int, high: int) -> bool:
    # Sessions are numbered by their first event: a number that falls is a session taken up again.
    falls = 0
    for i in range(low + 1, high):
        falls += session[i] < session[i - 1]
    return falls > 0


@kernel
def _edge_matrix(
    offsets: npt.NDArray[np.int64],
    ts: npt.NDArray[np.int64],
    event: npt.NDArray[np.int32],
    session: npt.NDArray[np.int32],
    step: npt.NDArray[np.uint8],
    width: int,
    since: int,
    until: int,
) -> npt.NDArray[np.int64]:
    """Count into (cells, 5): n, sessions, users, and the last session and user that the cell was tallied for."""
    row, start, end = width + 1, width - 2, width - 1
    cells = np.zeros((width * row, 5), np.int64)
    cells[:, 3:] = -1
    order = np.empty(0, np.int64)
    for user in range(len(offsets) - 1):
        low, high = offsets[user], offsets[user + 1]
        mixed = _is_mixed(session, low, high)
        if mixed:
            order = np.argsort(session[low:high], kind="mergesort")
        before, current = start, -1
        for j in range(high - low):
            i = low + order[j] if mixed else low + j
            if step[i] == 0 or ts[i] < since or ts[i] >= until:
                continue
            if session[i] != current:
                if current >= 0:
                    _tally(cells, before * row + end, current, user)
                    _tally(cells, end * row + width, current, user)
                before, current = start, session[i]
                _tally(cells, start * row + width, current, user)
            _tally(cells, before * row + event[i], current, user)
            before = event[i]
            _tally(cells, before * row + width, current, user)
        if current >= 0:
            _tally(cells, before * row + end, current, user)
            _tally(cells, end * row + width, current, user)
    return cells
