"""Asked places by blocks of users: what is worked out of a log is held for one block at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from cartpath.features.encoder import EncodedLog, PathEncoder
from cartpath.features.log import stretch
from cartpath.features.moment.block import Block
from cartpath.features.moment.ranges import Array, Index
from cartpath.features.text import Texts

#: Events of a block, about; a longer path is one of its own.
_EVENTS = 200_000


def blocks(
    encoded: EncodedLog, encoder: PathEncoder, sessions: Index, ends: Index, zone: str, texts: Texts | None = None
) -> Iterator[tuple[Index, Block]]:
    """Yield the asked places by blocks of users, and which rows they are."""
    view = encoded.log.view
    user = view.sessions.user[sessions].astype(np.int64)
    order = np.argsort(user, kind="stable")
    asked, begins = np.unique(user[order], return_index=True)
    begins = np.append(begins, len(order))
    vectors = texts.of_events(encoded.log) if texts is not None else {}
    first = 0
    while first < len(asked):
        limit = view.offsets[asked[first]] + _EVENTS
        last = max(int(np.searchsorted(view.offsets[asked + 1], limit, side="right")), first + 1)
        rows = order[begins[first] : begins[last]]
        part, s_begin = _cut(encoded, int(asked[first]), int(asked[last - 1]) + 1)
        begin = int(view.offsets[asked[first]])
        said = {name: events.cut(begin, begin + part.log.view.n_events) for name, events in vectors.items()}
        yield rows, Block(part, encoder, sessions[rows] - s_begin, ends[rows] - begin, zone, said)
        first = last


def _cut(encoded: EncodedLog, first: int, last: int) -> tuple[EncodedLog, int]:
    """Return the users ``first`` to ``last - 1`` without copying an event, and how many sessions come before theirs."""
    view = encoded.log.view
    part = stretch(view, first, last)
    begin, end = int(view.offsets[first]), int(view.offsets[last])
    s_begin = int(np.searchsorted(view.sessions.user, first, side="left"))
    cut: dict[str, Array] = {name: getattr(encoded, name)[begin:end] for name in ("events", "event_id", "item_id")}
    moments = replace(encoded.moments, **{name: values[begin:end] for name, values in vars(encoded.moments).items()})
    sessions = encoded.sessions[s_begin : s_begin + len(part.sessions)]
    return EncodedLog(replace(encoded.log, view=part), sessions=sessions, moments=moments, **cut), s_begin
