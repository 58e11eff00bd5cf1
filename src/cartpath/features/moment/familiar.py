"""Whether what the session is on was there before: the latest item, page and category in earlier sessions."""

from __future__ import annotations

import numpy as np

from cartpath.features.moment.block import Block
from cartpath.features.moment.column import Column, Described
from cartpath.features.moment.kernels import marked_before
from cartpath.features.moment.ranges import at, ratio
from cartpath.schema import MICROSECONDS, Event

_DAY = 86_400 * MICROSECONDS
_FIELDS = ("item", "category_1", "category_2", "brand", "page")


def familiar(block: Block) -> Described:
    """Count what the user's other sessions did with the latest value before this session came to it."""
    for field in _FIELDS:
        if not (block.has(field) or field in ("item", "page")):
            continue
        codes = block.codes(field)
        there, first = codes >= 0, block.first_in_session(codes)
        of_user = block.first_of_user(codes)
        earlier = marked_before(of_user, there)
        met = at(first, block.session.last(there), -1).astype(np.int64)
        about = f"of the user on the session's latest {field} before the session came to it"
        yield Column(f"last_{field}_before", "events", f"events {about}"), at(earlier, met)
        begins = there & (first == np.arange(block.n_events))
        share = ratio(block.session.count(begins & (earlier > 0)), block.session.count(begins))
        about = f"share of the session's different values of {field} that the user had met before the session did"
        yield Column(f"{field}_familiar", "share", about), share


def familiar_item(block: Block) -> Described:
    """Say whether the latest item had been in a cart or bought, and when it was met last."""
    codes = block.codes("item")
    there, of_user = codes >= 0, block.first_of_user(codes)
    met = at(block.first_in_session(codes), block.session.last(there), -1).astype(np.int64)
    about = "of the session's latest item before the session came to it"
    for name in block.known(Event.view, Event.add_to_cart, Event.purchase):
        n = at(marked_before(of_user, block.is_kind(name)), met)
        yield Column(f"last_item_{name}_before", "events", f"{name} events {about}"), n
    about = "from the user's first event with the session's latest item to the session's first event with it"
    days = (at(block.ts, met) - at(block.ts, at(of_user, met, -1).astype(np.int64))) / _DAY
    yield Column("last_item_days", "days", about), days
