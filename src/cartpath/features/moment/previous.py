"""The user's session before this one, as far as it had come when this one began."""

from __future__ import annotations

import numpy as np

from cartpath.features.moment.block import Block
from cartpath.features.moment.column import Column, Described
from cartpath.features.moment.context import context_ids, shown
from cartpath.features.moment.ranges import at
from cartpath.schema import MICROSECONDS, Columns, Event

_COUNTED = (Event.view, Event.add_to_cart, Event.checkout, Event.purchase)
_CONTEXT = (Columns.channel, Columns.source, Columns.device)


def previous(block: Block) -> Described:
    """Describe the session before."""
    session, last = block.previous, block.previous.nth_last(0)
    there = session.n > 0
    about = "of the user's session before; unknown at the first session"
    seconds = (at(block.ts, last) - at(block.ts, session.first())) / MICROSECONDS
    yield Column("previous_events", "events", f"events {about}"), np.where(there, session.n, np.nan)
    yield Column("previous_seconds", "seconds", f"length {about}"), seconds
    for name in block.known(*_COUNTED):
        n = np.where(there, session.count(block.is_kind(name)), np.nan)
        yield Column(f"previous_{name}", "events", f"{name} events {about}"), n
    about = "of the last event of the user's session before"
    yield Column("previous_last_event", "id", f"type {about}"), at(block.encoded.event_id, last, 0)
    if block.has("section"):
        yield Column("previous_last_section", "id", f"section {about}"), at(block.ids("section"), last, 0)
    sessions = np.maximum(block.sessions - 1, 0)
    known = shown(block, sessions, last)
    for name in _CONTEXT:
        if name in block.encoder.session_fields:
            ids = context_ids(block, name, sessions, known)
            yield Column(f"previous_{name}", "id", f"{name} of the user's session before; 0 at the first session"), ids
