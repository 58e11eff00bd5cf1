"""How many different things the session touched so far, and how often it came back to the same."""

from __future__ import annotations

import numpy as np

from cartpath.features.moment.block import Block
from cartpath.features.moment.column import Column, Described
from cartpath.features.moment.kernels import marked_before
from cartpath.features.moment.ranges import at, ratio
from cartpath.schema import Event

#: Fields whose values are told apart, and what several are called.
_FIELDS = {
    "item": "items",
    "category_1": "categories_1",
    "category_2": "categories_2",
    "category_3": "categories_3",
    "brand": "brands",
    "page": "pages",
    "section": "sections",
    "query": "queries",
}
#: What a step is on: the events of one hit share it, and count once.
_OF_STEPS = ("page", "section", "query")


def variety(block: Block) -> Described:
    """Count distinct values, the most frequent one's events, and the last one's."""
    for field, several in _FIELDS.items():
        if not (block.has(field) or field in ("item", "page")):
            continue
        yield from _of_field(block, field, several)


def _of_field(block: Block, field: str, several: str) -> Described:
    session, codes, places = block.session, block.codes(field), np.arange(block.n_events)
    first, there = block.first_in_session(codes), codes >= 0
    unit, counted = ("steps", there & block.is_step) if field in _OF_STEPS else ("events", there)
    times = np.where(counted, marked_before(first, counted) + 1, np.nan)
    n, most = session.count(counted), session.summary(times).most
    about = f"different {several} of the session so far"
    yield Column(several, "values", about), session.count(first == places)
    yield Column(f"most_of_{field}", unit, f"{unit} of the session so far on the {field} it was on most"), most
    last = at(times, session.last(counted))
    yield Column(f"last_{field}_times", unit, f"{unit} of the session so far on the latest {field}"), last
    about = f"share of the {unit} with a {field} that are on one already seen in the session"
    yield Column(f"{field}_repeats", "share", about), ratio(session.count(counted & (first < places)), n)
    about = f"share of the {unit} with a {field} that are on the one it was on most"
    yield Column(f"{field}_focus", "share", about), ratio(np.nan_to_num(most), n)


def item_views(block: Block) -> Described:
    """Count looks at the same item: views where the log tells them from other events."""
    looks = block.is_kind(Event.view) if block.known(Event.view) else block.codes("item") >= 0
    first = block.first_in_session(np.where(looks, block.codes("item"), -1))
    times = np.where(first >= 0, marked_before(first, looks) + 1, np.nan)
    viewed = block.session.count(first == np.arange(block.n_events))
    yield Column("items_viewed", "items", "different items viewed in the session so far"), viewed
    most = block.session.summary(times).most
    yield Column("most_views", "events", "views of the item that the session viewed most so far"), most
    again = block.session.count(np.nan_to_num(times) == 2)
    yield Column("items_viewed_again", "items", "items that the session viewed more than once so far"), again
