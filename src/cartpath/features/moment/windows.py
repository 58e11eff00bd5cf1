"""The user's events in the days before the session, and how their number changed."""

from __future__ import annotations

import numpy as np

from cartpath.features.moment.block import Block
from cartpath.features.moment.column import Column, Described
from cartpath.features.moment.kernels import lower_bound
from cartpath.features.moment.orders import order_starts
from cartpath.features.moment.ranges import Index, Ranges
from cartpath.schema import MICROSECONDS, Event

_DAY = 86_400 * MICROSECONDS
_DAYS = (1, 7, 28)
_COUNTED = (Event.view, Event.add_to_cart)


def windows(block: Block) -> Described:
    """Count what happened in the 1, 7 and 28 days before the session."""
    marks = {"events": np.ones(block.n_events, np.bool_), "sessions": block.begins_session}
    marks |= {name: block.is_kind(name) for name in block.known(*_COUNTED)}
    marks["orders"] = order_starts(block)
    for days in _DAYS:
        window = _window(block, days, 0)
        for name, marked in marks.items():
            unit = name if name in ("sessions", "orders") else "events"
            about = f"{name} of the user in the {days} days before the session"
            yield Column(f"{name}_{days}d", unit, about, True), window.count(marked)


def changes(block: Block) -> Described:
    """Compare the day and the week before the session with those before them."""
    for days, name in ((1, "day"), (7, "week")):
        change = _window(block, days, 0).n - _window(block, 2 * days, days).n
        about = f"events of the user in the {name} before the session less those in the {name} before that"
        yield Column(f"{name}_change", "events", about, True), change


def _window(block: Block, since: int, until: int) -> Ranges:
    """Return the events from ``since`` days before the session to ``until`` days before it."""
    before, began = block.before, block.began
    stop = _place(block, began - until * _DAY) if until else before.stop
    return Ranges(before.order, _place(block, began - since * _DAY), stop)


def _place(block: Block, moment: Index) -> Index:
    return lower_bound(block.ts, block.before.begin, block.before.stop, moment)
