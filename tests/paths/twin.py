"""Brute-force twins of the path views in plain Python, and path tables laid out by hand to hold them to."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

from cartpath.schema import CONTEXT, Columns
from cartpath.store import NO_QUANTITY, PathView, Sessions

EVENTS = ("view", "cart", "buy", "refund")
SECOND = 1_000_000


@dataclass(frozen=True)
class Row:
    """One event of a log; times are whole seconds."""

    user: int
    at: int
    event: str
    session: int = 0
    hit: int | None = None
    order: int = 0
    value: float | None = None
    price: float | None = None
    quantity: int | None = None

    @property
    def ts(self) -> int:
        return self.at * SECOND


def path_order(rows: list[Row]) -> list[Row]:
    """By user and time; equal times stay in source order."""
    return sorted(rows, key=lambda row: (row.user, row.at))


def paths_of(rows: list[Row], unit: str) -> list[list[Row]]:
    """The path of every user, or of every session."""
    found: dict[Any, list[Row]] = defaultdict(list)
    for row in path_order(rows):
        found[row.user if unit == "users" else (row.user, row.session)].append(row)
    return list(found.values())


def within(rows: list[Row], since: int | None, until: int | None) -> list[Row]:
    return [r for r in rows if (since is None or r.at >= since) and (until is None or r.at < until)]


def reaches(path: list[Row], steps: tuple[str, ...], window: int | None) -> bool:
    """Try every way to place the steps on the path."""

    def place(step: int, after: int, start: int | None) -> bool:
        if step == len(steps):
            return True
        for i in range(after, len(path)):
            began = path[i].at if start is None else start
            fits = window is None or path[i].at - began <= window
            if path[i].event == steps[step] and fits and place(step + 1, i + 1, began):
                return True
        return False

    return place(0, 0, None)


def funnel_twin(
    rows: list[Row], steps: tuple[str, ...], window: int | None, unit: str, since: int | None, until: int | None
) -> list[int]:
    paths = paths_of(within(rows, since, until), unit)
    return [sum(reaches(path, steps[: k + 1], window) for path in paths) for k in range(len(steps))]


def step_starts(rows: list[Row]) -> list[bool]:
    """Whether each row of a log in path order begins a step."""
    starts = [True] * len(rows)
    for i in range(1, len(rows)):
        before, row = rows[i - 1], rows[i]
        same = (before.user, before.session, before.hit, before.at) == (row.user, row.session, row.hit, row.at)
        starts[i] = row.hit is None or not same
    return starts


def view_of(rows: list[Row], names: tuple[str, ...] = EVENTS) -> PathView:
    """Lay a log out as a path table, without the store."""
    rows = path_order(rows)
    users = sorted({row.user for row in rows})
    keys: dict[tuple[int, int], int] = {}
    for row in rows:
        keys.setdefault((row.user, row.session), len(keys))
    of_session = defaultdict(list)
    for row in rows:
        of_session[keys[row.user, row.session]].append(row.ts)
    n = len(rows)
    sessions = Sessions(
        user=np.array([users.index(user) for user, _ in keys], np.int32),
        start=np.array([min(of_session[s]) for s in range(len(keys))], np.int64),
        end=np.array([max(of_session[s]) for s in range(len(keys))], np.int64),
        key=np.zeros(len(keys), np.int64),
        context={name: np.full(len(keys), -1, np.int32) for name in CONTEXT},
        context_ts=np.full(len(keys), -1, np.int64),
    )
    nan = float("nan")
    return PathView(
        offsets=np.cumsum([0, *[sum(row.user == user for row in rows) for user in users]]).astype(np.int64),
        user_id=pa.array([str(user) for user in users], pa.string()),
        ts=np.array([row.ts for row in rows], np.int64),
        event=np.array([names.index(row.event) for row in rows], np.int32),
        item=np.full(n, -1, np.int32),
        session=np.array([keys[row.user, row.session] for row in rows], np.int32),
        step=np.array(step_starts(rows), np.uint8),
        price=np.array([nan if row.price is None else row.price for row in rows], np.float64),
        quantity=np.array([NO_QUANTITY if row.quantity is None else row.quantity for row in rows], np.int32),
        order=np.array([row.order for row in rows], np.int64),
        order_value=np.array([nan if row.value is None else row.value for row in rows], np.float64),
        page=np.full(n, -1, np.int32),
        query=np.full(n, -1, np.int32),
        flags=np.zeros(n, np.uint8),
        sessions=sessions,
    )


def buckets_of(rows: list[Row], n_buckets: int) -> list[PathView]:
    return [view_of([row for row in rows if row.user % n_buckets == b]) for b in range(n_buckets)]


#: Logs with ties in time, interleaved sessions, hits of several events.
logs = st.lists(
    st.builds(
        Row,
        user=st.integers(0, 4),
        at=st.integers(0, 12),
        event=st.sampled_from(EVENTS),
        session=st.integers(0, 2),
        hit=st.one_of(st.none(), st.integers(0, 1)),
    ),
    max_size=40,
)
periods = st.tuples(st.one_of(st.none(), st.integers(0, 6)), st.one_of(st.none(), st.integers(7, 13)))


def table_of(rows: list[Row]) -> pa.Table:
    """The log as canonical events, in source order."""
    columns = {
        Columns.user_id: pa.array([f"u{row.user}" for row in rows], pa.string()),
        Columns.ts: pa.array([row.ts for row in rows], pa.timestamp("us", tz="UTC")),
        Columns.event: pa.array([row.event for row in rows], pa.string()),
        Columns.session_id: pa.array([f"u{row.user}-{row.session}" for row in rows], pa.string()),
        Columns.price: pa.array([row.price for row in rows], pa.float64()),
        Columns.quantity: pa.array([row.quantity for row in rows], pa.int32()),
        Columns.order_id: pa.array([str(row.order) if row.order else None for row in rows], pa.string()),
        Columns.order_value: pa.array([row.value for row in rows], pa.float64()),
        Columns.event_id: pa.array([f"e{i}" for i in range(len(rows))], pa.string()),
        Columns.hit: pa.array([f"row{i}" if row.hit is None else str(row.hit) for i, row in enumerate(rows)]),
    }
    return pa.table(columns)
