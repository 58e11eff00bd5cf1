"""Which events a row of a Google Analytics 4 export becomes, and in which order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cartpath.ingest.adapters.ga360_fields import column, elements, integers, texts
from cartpath.ingest.adapters.ga360_rows import places
from cartpath.schema import Event

Rows = npt.NDArray[np.int64]

#: Name in the export -> event. Names that are not here are kept.
EVENTS = {
    "page_view": Event.page_view,
    "screen_view": Event.page_view,
    "view_item_list": Event.impression,
    "select_promotion": Event.promotion_click,
    "search": Event.search,
    "view_search_results": Event.search,
    "select_item": Event.click,
    "view_item": Event.view,
    "add_to_wishlist": Event.wishlist,
    "add_to_cart": Event.add_to_cart,
    "remove_from_cart": Event.remove_from_cart,
    "begin_checkout": Event.checkout,
    "add_shipping_info": Event.checkout,
    "add_payment_info": Event.checkout,
    "purchase": Event.purchase,
    "refund": Event.refund,
    # What Analytics itself collects as "click" is a link that leads away from the site, not one on a product.
    "click": "outbound_click",
}
#: Their items are what a promotion is for; it is the promotion that is seen or clicked, once.
PROMOTIONS = ("view_promotion", "select_promotion")
LIST = "view_item_list"


@dataclass(frozen=True)
class EventRows:
    """Where each event comes from, in the order of the events.

    Attributes
    ----------
    row : int64 array (n_events,)
        Row of the export.
    item : int64 array (n_events,)
        Row among all items; -1 where the event has none.
    index : int64 array (n_events,)
        The item's place in its row, from 1; 0 where the event has none.
    """

    row: Rows
    item: Rows
    index: Rows


def event_rows(table: pa.Table, impressions: bool) -> tuple[EventRows, int]:
    """Lay out the events: one for each item of a row, one for a row without items or of a promotion.

    Parameters
    ----------
    table : pyarrow.Table
    impressions : bool
        Items that were only listed become events too.

    Returns
    -------
    EventRows
    int
        Events left out because they were only listed.
    """
    name = texts(column(table, "event_name"))
    _, owner = elements(column(table, "items"))
    promoted = _is_in(name, PROMOTIONS)
    lines = np.flatnonzero(~promoted[owner])
    alone = np.ones(len(name), np.bool_)
    alone[owner[lines]] = False
    at = np.flatnonzero(alone)
    row = np.r_[at, owner[lines]]
    item = np.r_[np.full(len(at), -1, np.int64), lines]
    index = np.r_[np.zeros(len(at), np.int64), places(owner)[lines]]
    listed = _is_in(name, (LIST,))[row]
    keep = np.ones(len(row), np.bool_) if impressions else ~listed
    row, item, index = row[keep], item[keep], index[keep]
    order = np.lexsort((index, _rank(table)[row]))
    return EventRows(row[order], item[order], index[order]), int((~keep).sum())


def _is_in(values: pa.Array, words: tuple[str, ...]) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = pc.is_in(values, pa.array(words)).to_numpy(zero_copy_only=False)
    return found


def _rank(table: pa.Table) -> Rows:
    """Return each row's place among those of the chunk: by time, then as the device sent them, then as they stand.

    The export is in no order, and the events of one request have one time.
    """
    sent = ("event_timestamp", "batch_page_id", "batch_ordering_id", "batch_event_index")
    keys = [pc.fill_null(integers(column(table, name)), -1).to_numpy(zero_copy_only=False) for name in sent]
    rank = np.empty(len(table), np.int64)
    rank[np.lexsort(keys[::-1])] = np.arange(len(table))
    return rank


def hit_names(table: pa.Table) -> pa.Array:
    """Name each row by what tells the events of one user apart: time, name, bundle, place in the batch."""
    parts = ("event_timestamp", "event_name", "event_bundle_sequence_id", "batch_page_id", "batch_ordering_id")
    values = [pc.fill_null(texts(column(table, name)), "") for name in (*parts, "batch_event_index")]
    return pc.binary_join_element_wise(*values, "-")
