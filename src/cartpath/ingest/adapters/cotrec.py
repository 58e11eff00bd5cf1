"""Retailrocket sessions as prepared for CoTRec and later papers: a row has a session's items in order, and no times."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from cartpath.ingest.adapter import Adapter, Context, Unnested
from cartpath.schema import Columns, Event, microseconds_of

SEQUENCE, TARGET = "seq", "target"
KEEP, DROP = "keep", "drop"
_USER, _ITEM, _TIME, _LAST = "session", "item", "time", "last"
_START = microseconds_of("2000-01-01")
_SECOND = 1_000_000


def sessions(table: pa.Table, context: Context) -> Unnested:
    """Return one event an item: a session's n-th item is n seconds into the year 2000, its target the last.

    A row without items becomes an event without a user, which the quarantine takes.
    """
    users: list[str | None] = []
    items: list[Any] = []
    times: list[int] = []
    rows: list[int] = []
    left_out = 0
    for row, sequence, target in _rows(table):
        before, context.state[_LAST] = context.state.get(_LAST), sequence
        whole = sequence if target is None else [*sequence, target]
        if target is not None and context.options["prefixes"] == DROP and whole == before:
            left_out += len(whole)
            continue
        user = f"{context.file.stem}:{row}" if whole else None
        whole = whole or [None]
        users += [user] * len(whole)
        items += whole
        times += range(_START, _START + len(whole) * _SECOND, _SECOND)
        rows += [row] * len(whole)
    moments = pa.array(times, pa.timestamp("us", tz="UTC"))
    events = pa.table({_USER: pa.array(users, pa.string()), _ITEM: items, _TIME: moments, Columns.row: rows})
    return Unnested(events, len(table), left_out)


def _rows(table: pa.Table) -> zip[tuple[int, list[Any], Any]]:
    sequences = [sequence or [] for sequence in table[SEQUENCE].to_pylist()]
    targets = table[TARGET].to_pylist() if TARGET in table.column_names else [None] * len(table)
    return zip(table[Columns.row].to_pylist(), sequences, targets, strict=True)


SESSIONS = Adapter(
    name="retailrocket sessions",
    description="seq: the items of a session; target: the item that follows",
    columns={Columns.user_id: _USER, Columns.session_id: _USER, Columns.item_id: _ITEM, Columns.ts: _TIME},
    defaults={Columns.event: Event.view},
    unnest=sessions,
)
