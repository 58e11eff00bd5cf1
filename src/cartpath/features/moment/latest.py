"""The latest steps of the session one by one, and where it landed."""

from __future__ import annotations

import numpy as np

from cartpath.features.moment.block import Block
from cartpath.features.moment.column import Column, Described
from cartpath.features.moment.ranges import at

_EVENTS, _SECTIONS, _PAGES, _GAPS = 10, 5, 5, 5
_OF_ITEM = ("category_1", "category_2", "category_3", "brand")


def latest(block: Block) -> Described:
    """Give types, pages and gaps of the latest steps; 0, the latest, comes first."""
    event = block.encoded.event_id
    for back in range(_EVENTS):
        about = f"type of the session's step {back} before the latest"
        yield Column(f"event_{back}", "id", about), at(event, block.steps.nth_last(back), 0)
    for field, n in (("section", _SECTIONS), ("page", _PAGES)):
        for back in range(n if block.has(field) else 0):
            about = f"{field} of the session's step {back} before the latest"
            yield Column(f"{field}_{back}", "id", about), at(block.ids(field), block.steps.nth_last(back), 0)
    for back in range(_GAPS):
        about = f"time that the session's step {back} before the latest came after its step before"
        yield Column(f"gap_{back}", "seconds", about), at(block.gap, block.steps.nth_last(back))


def landing(block: Block) -> Described:
    """Give the type and the page of the session's first event."""
    first = block.session.first()
    about = "type of the session's first event"
    yield Column("first_event", "id", about), at(block.encoded.event_id, first, 0)
    for field in ("page", "section"):
        if block.has(field):
            yield (
                Column(f"first_{field}", "id", f"{field} of the session's first event"),
                at(block.ids(field), first, 0),
            )


def latest_item(block: Block) -> Described:
    """Describe the latest item, and the latest query."""
    last = block.session.last(block.codes("item") >= 0)
    for field in _OF_ITEM:
        if block.has(field):
            about = f"{field} of the session's latest item"
            yield Column(f"last_{field}", "id", about), at(block.ids(field), last, 0)
    item, n = block.ids("item"), len(block.encoder.items.values)
    # Known items are in the order of how many users had them, from id 2 on; the place beyond stands for all others.
    rank = np.where((item >= 2) & (item < 2 + n), item - 1, n + 1)
    about = "place of the session's latest item among all items by users of the training period, from 1"
    yield Column("last_item_rank", "place", about), at(rank, last)
    if block.has("query"):
        last = block.session.last(block.codes("query") >= 0)
        yield Column("last_query", "id", "the session's latest query"), at(block.ids("query"), last, 0)
