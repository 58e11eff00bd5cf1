"""Segments in plain Python: random expressions, each with the set of users that it stands for."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

from cartpath.store import PathView
from tests.paths.twin import EVENTS, Row, buckets_of, path_order, reaches, step_starts, within

DEVICES = ("mobile", "desktop")
USERS = 5
Log = list[Row]


@dataclass(frozen=True)
class Written:
    """A segment as text, and who is in it."""

    text: str
    members: Callable[[Log], set[int]]


class FakeSnapshot:
    """What binding asks of a store, for logs laid out by hand."""

    def __init__(self, workspace: Path = Path("/nowhere"), views: list[PathView] | None = None) -> None:
        self.workspace, self.views, self.generation = workspace, views or [], 0
        self.items = pa.table({"item_id": pa.array([], pa.string())})
        self.users = pa.table({"user_id": pa.array([], pa.string())})

    def codes(self, name: str) -> list[str]:
        return {"event": list(EVENTS), "device": list(DEVICES)}.get(name, [])

    @property
    def n_buckets(self) -> int:
        return len(self.views)

    def bucket(self, bucket: int) -> PathView:
        return self.views[bucket]


def device_of(row: Row) -> int:
    """The device of a row's session, -1 for none."""
    return (row.user + row.session) % 3 - 1


def views_of(rows: Log, n_buckets: int) -> list[PathView]:
    """Lay a log out in buckets, with devices."""
    found = []
    for view in buckets_of(rows, n_buckets):
        users = [int(user) for user in view.user_id.to_pylist()]
        first = {session: i for i, session in reversed(list(enumerate(view.session.tolist())))}
        ordered = path_order([row for row in rows if row.user in users])
        codes = np.array([device_of(ordered[first[s]]) for s in range(len(view.sessions))], np.int32)
        sessions = replace(view.sessions, context={**view.sessions.context, "device": codes})
        found.append(replace(view, sessions=sessions))
    return found


def users_of(rows: Log) -> set[int]:
    return {row.user for row in rows}


def _period(since: int | None, until: int | None) -> str:
    words = [f"{word} 1970-01-01T00:00:{at:02d}" for word, at in (("since", since), ("until", until)) if at is not None]
    return "".join(f" {word}" for word in words)


_ends = st.tuples(st.one_of(st.none(), st.integers(0, 6)), st.one_of(st.none(), st.integers(7, 13)))
_OPS: dict[str, Callable[[int, int], bool]] = {
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}


def _times(rows: Log, user: int, events: tuple[str, ...], since: int | None, until: int | None) -> int:
    path = path_order([row for row in rows if row.user == user])
    number = list(accumulate(step_starts(path)))
    chosen = set(map(id, within(path, since, until)))
    return len({n for n, row in zip(number, path, strict=True) if row.event in events and id(row) in chosen})


@st.composite
def _did(draw: Any) -> Written:
    events = tuple(draw(st.lists(st.sampled_from((*EVENTS, "never")), min_size=1, max_size=2)))
    op, n = draw(st.sampled_from(sorted(_OPS))), draw(st.integers(0, 3))
    since, until = draw(_ends)
    plain = draw(st.booleans())
    text = f"did {'|'.join(events)}{'' if plain else f' {op} {n}'}{_period(since, until)}"
    holds = _OPS[">=" if plain else op]
    least = 1 if plain else n
    return Written(
        text, lambda rows: {u for u in users_of(rows) if holds(_times(rows, u, events, since, until), least)}
    )


@st.composite
def _has(draw: Any) -> Written:
    device, op = draw(st.sampled_from((*DEVICES, "(none)"))), draw(st.sampled_from(("=", "!=")))
    since, until = draw(_ends)

    def members(rows: Log) -> set[int]:
        code = DEVICES.index(device) if device in DEVICES else -1
        return {r.user for r in within(rows, since, until) if (device_of(r) == code) == (op == "=")}

    return Written(f"device{op}{device}{_period(since, until)}", members)


@st.composite
def _reached(draw: Any) -> Written:
    steps = tuple(draw(st.lists(st.sampled_from(EVENTS[:3]), min_size=2, max_size=3)))
    window = draw(st.one_of(st.none(), st.integers(1, 5)))
    stopped = draw(st.booleans())
    name = "stopped" if stopped else "reached"
    text = f"{name}({','.join(steps)}{'' if window is None else f'; within={window}s'})"

    def members(rows: Log) -> set[int]:
        paths = {u: [r for r in path_order(rows) if r.user == u] for u in users_of(rows)}
        if not stopped:
            return {u for u, path in paths.items() if reaches(path, steps, window)}
        return {
            u for u, path in paths.items() if reaches(path, steps[:-1], window) and not reaches(path, steps, window)
        }

    return Written(text, members)


@st.composite
def _cohort(draw: Any) -> Written:
    since, until = draw(st.integers(0, 6)), draw(st.integers(7, 13))
    text = f"cohort(1970-01-01T00:00:{since:02d}, 1970-01-01T00:00:{until:02d})"
    return Written(
        text, lambda rows: {u for u in users_of(rows) if since <= min(r.at for r in rows if r.user == u) < until}
    )


_FOLDER = Path(tempfile.mkdtemp(prefix="cartpath-lists-"))


@st.composite
def _file(draw: Any) -> Written:
    ids = draw(st.sets(st.integers(0, USERS + 1)))
    file = _FOLDER / ("-".join(map(str, sorted(ids))) + ".csv")
    file.write_text("user_id\n" + "".join(f"{user}\n" for user in ids))
    return Written(f"file({file})", lambda rows: ids & users_of(rows))


_everyone = st.just(Written("everyone", users_of))
_leaves = st.one_of(_did(), _has(), _reached(), _cohort(), _file(), _everyone)


def _joined(children: st.SearchStrategy[Written]) -> st.SearchStrategy[Written]:
    def join(op: str, a: Written, b: Written) -> Written:
        sets: dict[str, Callable[[set[int], set[int]], set[int]]] = {
            "&": set.intersection,
            "|": set.union,
            "-": set.difference,
        }
        return Written(f"({a.text}) {op} ({b.text})", lambda rows: sets[op](a.members(rows), b.members(rows)))

    def negate(a: Written) -> Written:
        return Written(f"!({a.text})", lambda rows: users_of(rows) - a.members(rows))

    return st.one_of(st.builds(join, st.sampled_from("&|-"), children, children), st.builds(negate, children))


segments = st.recursive(_leaves, _joined, max_leaves=5)
