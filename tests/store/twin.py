"""The path table in plain Python: slow, obvious, and what the store is held to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

from cartpath import store
from cartpath.config import SessionSettings, Settings, StoreSettings
from cartpath.schema import CODED_CONTEXT, CONTEXT, Columns, event_schema
from cartpath.store import PathView, Snapshot
from cartpath.store.codes import CODED
from cartpath.store.hashing import hash_strings
from cartpath.store.path import EVENT_ARRAYS

GAP = 1800
SECOND = 1_000_000


@dataclass(frozen=True)
class Row:
    """An event of the source; ``ts`` in microseconds. The last three are internal columns."""

    user_id: str
    ts: int
    event: str
    item_id: str | None = None
    session_id: str | None = None
    price: float | None = None
    quantity: int | None = None
    order_id: str | None = None
    order_value: float | None = None
    page: str | None = None
    query: str | None = None
    event_id: str | None = None
    props: str | None = None
    device: str | None = None
    referrer: str | None = None
    is_direct: bool | None = None
    visit_number: int | None = None
    hit: str | None = None
    once: str | None = None
    blanked: bool | None = None


INTERNAL = {
    "hit": (Columns.hit, pa.string()),
    "once": (Columns.once, pa.string()),
    "blanked": (Columns.blanked, pa.bool_()),
}
IN_CONTEXT = ("device", "referrer", "is_direct", "visit_number")


def table_of(rows: list[Row]) -> pa.Table:
    """Rows as canonical events; a column that is null throughout is left out, as adapters do."""
    types = {field.name: field.type for field in event_schema()}
    columns = {}
    for field in fields(Row):
        values = [getattr(row, field.name) for row in rows]
        name, kind = INTERNAL.get(field.name, (field.name, types.get(field.name)))
        if name in (Columns.user_id, Columns.ts, Columns.event) or any(v is not None for v in values):
            columns[name] = pa.array(values, kind)
    return pa.table(columns)


def _maybe(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from([None, None, *values])


def rows(*, once: bool = False, event_ids: bool = True) -> st.SearchStrategy[list[Row]]:
    """Random logs with few distinct values, so that ties, duplicates and shared sessions are common."""
    minutes = st.sampled_from([0, 0, 1, 10, 29, 30, 31, 59, 60, 61, 90, 120, 500])
    fractions = st.sampled_from([0, 0, 0, 999_999, 1_000_000])
    row = st.builds(
        Row,
        user_id=st.sampled_from(["u", "v", "ü", ""]),
        ts=st.builds(lambda m, f: m * 60 * SECOND + f, minutes, fractions),
        event=st.sampled_from(["view", "view", "buy", "odd/event"]),
        item_id=_maybe("i1", "i2"),
        session_id=_maybe("s1", "s2"),
        price=_maybe(0.0, 1.5),
        quantity=_maybe(0, 3),
        order_id=_maybe("o1"),
        page=_maybe("/a"),
        query=st.sampled_from([None, None, None, "q"]),
        event_id=_maybe("e1", "e2", "e3") if event_ids else st.none(),
        props=st.sampled_from([None, None, "{}"]),
        device=_maybe("phone", "desk"),
        referrer=_maybe("r1"),
        is_direct=_maybe(True, False),
        visit_number=_maybe(1, 2),
        hit=_maybe("1", "2"),
        once=_maybe("t1", "t2") if once else st.none(),
        blanked=st.sampled_from([None, False, True]),
    )
    return st.lists(row, min_size=1, max_size=25)


def first_hits(log: list[Row]) -> list[Row]:
    """Drop the rows of all but the first hit, by time then source, of each once-key."""

    def hit_of(row: Row) -> tuple[Any, ...]:
        within = ("hit", row.hit) if row.hit is not None else ("ts", row.ts)
        return (row.user_id, row.session_id, *within)

    first: dict[str, tuple[Any, ...]] = {}
    for row in sorted(log, key=lambda row: row.ts):
        if row.once is not None:
            first.setdefault(row.once, hit_of(row))
    return [row for row in log if row.once is None or first[row.once] == hit_of(row)]


def without_duplicates(log: list[Row]) -> list[Row]:
    """Keep the first in source order with each event id of a user; without ids, of wholly equal rows."""
    seen, kept = set(), []
    n_canonical = len(fields(Row)) - len(INTERNAL)
    for row in log:
        same = (row.user_id, row.event_id) if row.event_id is not None else astuple(row)[:n_canonical]
        if same not in seen:
            kept.append(row)
            seen.add(same)
    return kept


def expected(log: list[Row], gap: int = GAP, owners: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Each user's path and sessions, worked out row by row; those of ids that have an owner are the owner's."""
    kept, owners = without_duplicates(first_hits(log)), owners or {}

    def place(row: Row) -> tuple[int, int]:
        return row.ts, int(np.int64(hashed(row.user_id)).view(np.uint64)) if row.user_id in owners else 0

    users: dict[str, list[Row]] = {}
    for row in sorted(kept, key=place):  # stable: source order on ties
        users.setdefault(owners.get(row.user_id, row.user_id), []).append(row)
    return {user: _path(path, gap * SECOND) for user, path in users.items()}


def _path(path: list[Row], gap: int) -> dict[str, Any]:
    session = _sessions(path, gap)
    events = []
    for i, row in enumerate(path):
        before = path[i - 1] if i else None
        together = before is not None and session[i] == session[i - 1] and _one_step(before, row)
        near = before is not None and not together and _near(before, row)
        events.append(
            {
                "ts": row.ts,
                "event": row.event,
                "item": row.item_id,
                "page": row.page,
                "query": row.query,
                "price": row.price,
                "quantity": row.quantity,
                "order": hashed(row.order_id),
                "order_value": row.order_value,
                "session": session[i],
                "step": int(not together),
                "flags": bool(row.blanked) + 2 * near,
            }
        )
    return {"events": events, "sessions": [_session(path, session, s) for s in range(max(session) + 1)]}


def _sessions(path: list[Row], gap: int) -> list[int]:
    """Number sessions in the order of their first event."""
    number: list[int] = []
    by_id: dict[str, int] = {}
    count, derived, last = 0, -1, 0
    for row in path:
        if row.session_id is not None:
            if row.session_id not in by_id:
                by_id[row.session_id] = count
                count += 1
            number.append(by_id[row.session_id])
            continue
        if derived < 0 or row.ts - last > gap:
            derived, count = count, count + 1
        last = row.ts
        number.append(derived)
    return number


def _one_step(before: Row, row: Row) -> bool:
    if row.ts != before.ts or row.hit != before.hit:
        return False
    if row.hit is not None:
        return True
    return row.order_id is not None and row.order_id == before.order_id and row.event == before.event


def _near(before: Row, row: Row) -> bool:
    same = (row.event, row.item_id, row.page) == (before.event, before.item_id, before.page)
    named = row.item_id is not None or row.page is not None
    return same and named and row.ts - before.ts < SECOND


def _session(path: list[Row], session: list[int], number: int) -> dict[str, Any]:
    own = [row for row, s in zip(path, session, strict=True) if s == number]
    carrier = next((r for r in own if any(getattr(r, name) is not None for name in IN_CONTEXT)), own[0])
    return {
        "start": own[0].ts,
        "end": own[-1].ts,
        "key": hashed(own[0].session_id),
        "context": {name: getattr(carrier, name) for name in IN_CONTEXT if getattr(carrier, name) is not None},
    }


def hashed(text: str | None) -> int | None:
    return None if text is None else int(hash_strings(pa.array([text])).view(np.int64)[0])


def dump(view: PathView, text: Callable[[str], list[str]]) -> dict[str, Any]:
    """A path table in the form of ``expected``."""
    return {str(path.user_id[0]): _dump_user(path, text) for path in view}


def _dump_user(path: PathView, text: Callable[[str], list[str]]) -> dict[str, Any]:
    arrays = {name: getattr(path, name).tolist() for name in EVENT_ARRAYS}
    for name in ("event", "item", "page", "query"):
        words = text(name)
        arrays[name] = [words[code] if code >= 0 else None for code in arrays[name]]
    for name in ("price", "order_value"):
        arrays[name] = [None if value != value else value for value in arrays[name]]
    arrays["quantity"] = [None if q == store.NO_QUANTITY else q for q in arrays["quantity"]]
    arrays["order"] = [order or None for order in arrays["order"]]
    sessions = []
    for row in range(len(path.sessions)):
        known = {n: int(v[row]) for n, v in path.sessions.context.items() if v[row] >= 0}
        context = {n: text(n)[c] if n in CODED_CONTEXT else c for n, c in known.items()}
        of = {name: int(getattr(path.sessions, name)[row]) for name in ("start", "end", "key")}
        sessions.append({**of, "key": of["key"] or None, "context": context})
    return {
        "events": [dict(zip(arrays, values, strict=True)) for values in zip(*arrays.values(), strict=True)],
        "sessions": sessions,
    }


def dump_all(snapshot: Snapshot) -> dict[str, Any]:
    """All users of a snapshot, in the form of ``expected``."""
    users: dict[str, Any] = {}
    for bucket in range(snapshot.n_buckets):
        found = dump(snapshot.bucket(bucket), snapshot.codes)
        assert not users.keys() & found.keys(), "a user is in two buckets"
        users |= found
    return users


def assert_same_view(a: PathView, b: PathView) -> None:
    """Every array of two path tables is the same."""
    assert a.user_id.to_pylist() == b.user_id.to_pylist()
    np.testing.assert_array_equal(a.offsets, b.offsets)
    for name, kind in EVENT_ARRAYS.items():
        assert getattr(a, name).dtype == getattr(b, name).dtype == np.dtype(kind), name
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name), name)
    for name in ("user", "start", "end", "key"):
        np.testing.assert_array_equal(getattr(a.sessions, name), getattr(b.sessions, name), name)
    for name in CONTEXT:
        np.testing.assert_array_equal(a.sessions.context[name], b.sessions.context[name], name)


def assert_same_store(a: Path, b: Path) -> None:
    """Totals, dictionaries and every array of every bucket of two workspaces are the same."""
    with store.open_snapshot(a) as left, store.open_snapshot(b) as right:
        assert left.totals == right.totals
        assert all(left.codes(name) == right.codes(name) for name in CODED.values())
        for bucket in range(left.n_buckets):
            assert_same_view(left.bucket(bucket), right.bucket(bucket))


def workspace(folder: Path, buckets: int = 4, gap: str = "30m") -> Path:
    store.init(folder, Settings(StoreSettings(buckets), SessionSettings(gap)))
    return folder


def put(where: Path, log: list[Row], **commit: Any) -> store.Committed:
    """Add rows in one commit."""
    with store.writer(where) as writer:
        if log:
            writer.add(table_of(log))
        return writer.commit(**commit)
