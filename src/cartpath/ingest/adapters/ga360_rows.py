"""Which events a hit of a Google Analytics export becomes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cartpath.ingest.adapters.ga360_fields import elements, field, joined, map_unique, meaningful, texts, truths
from cartpath.schema import Event

Rows = npt.NDArray[np.int64]

#: ``hits.eCommerceAction.action_type`` and the event it is. 0 is none; 8 is a checkout option, which is none here.
ACTIONS = {
    "1": Event.click,
    "2": Event.view,
    "3": Event.add_to_cart,
    "4": Event.remove_from_cart,
    "5": Event.checkout,
    "6": Event.purchase,
    "7": Event.refund,
}
#: Hit types that are a page, or an app's screen, being shown.
_PAGES = pa.array(["PAGE", "APPVIEW", "SCREENVIEW"])


@dataclass(frozen=True)
class Hits:
    """The hits of a table of sessions, flat.

    Attributes
    ----------
    hit : pyarrow.Array
        The hit records, in source order.
    session : int64 array (n_hits,)
        Row of each hit's session.
    product : pyarrow.Array
        The product records of all hits, in source order.
    product_hit : int64 array (n_products,)
        Row of each product's hit.
    product_index : int64 array (n_products,)
        Its place in its hit, from 1.
    impression : bool array (n_products,)
        Only listed, not acted upon.
    """

    hit: pa.Array
    session: Rows
    product: pa.Array
    product_hit: Rows
    product_index: Rows
    impression: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class EventRows:
    """Where each event comes from, in source order.

    Attributes
    ----------
    hit : int64 array (n_events,)
        Row in ``Hits.hit``.
    product : int64 array (n_events,)
        Row in ``Hits.product``; -1 where the event has no product.
    index : int64 array (n_events,)
        The product's place in its hit, from 1; 0 where the event has no product.
    impression : bool array (n_events,)
    """

    hit: Rows
    product: Rows
    index: Rows
    impression: npt.NDArray[np.bool_]


def flatten(hits: pa.Array) -> Hits:
    """Flatten the ``hits`` column of a table of sessions, and the products in it."""
    hit, session = elements(hits)
    product, product_hit = elements(field(hit, "product"))
    return Hits(
        hit=hit,
        session=session,
        product=product,
        product_hit=product_hit,
        product_index=places(product_hit),
        impression=truths(field(product, "isImpression")).to_numpy(zero_copy_only=False),
    )


def places(groups: Rows) -> Rows:
    """Return each element's place in its run of equal values, from 1."""
    at = np.arange(len(groups), dtype=np.int64)
    starts = np.flatnonzero(np.r_[True, groups[1:] != groups[:-1]]) if len(groups) else at
    return at - np.repeat(starts, np.diff(np.r_[starts, len(groups)])) + 1


def actions(hit: pa.Array) -> pa.Array:
    """Return the event of each hit with an e-commerce action, null for others."""
    return map_unique(texts(field(hit, "eCommerceAction", "action_type")), ACTIONS.get)


def other_events(hit: pa.Array) -> pa.Array:
    """Return the event of each hit that has no e-commerce action.

    A page is ``page_view``, even one reached by clicking a promotion; a promotion click is
    ``promotion_click``; the rest keep ``category/action``, or the one of them they have, or their hit type.
    """
    kind = texts(field(hit, "type"))
    info = [meaningful(field(hit, "eventInfo", name)) for name in ("eventCategory", "eventAction")]
    own = joined(info, "/")
    own = pc.if_else(pc.equal(own, ""), pc.utf8_lower(pc.coalesce(kind, pa.scalar("event"))), own)
    promoted = truths(field(hit, "promotionActionInfo", "promoIsClick"))
    page = pc.fill_null(pc.is_in(pc.utf8_upper(kind), _PAGES), False)
    return pc.if_else(page, Event.page_view, pc.if_else(promoted, Event.promotion_click, own))


def event_rows(hits: Hits, acted: npt.NDArray[np.bool_], impressions: bool) -> EventRows:
    """Lay out the events: one for each product of a hit with an action, else one for the hit.

    Parameters
    ----------
    hits : Hits
    acted : bool array (n_hits,)
        The hit has an e-commerce action.
    impressions : bool
        Products that were only listed become events too.
    """
    lines = np.flatnonzero(acted[hits.product_hit] & ~hits.impression)
    alone = np.ones(len(hits.hit), bool)
    alone[hits.product_hit[lines]] = False
    alone_at = np.flatnonzero(alone)
    listed = np.flatnonzero(hits.impression) if impressions else lines[:0]
    product = np.r_[np.full(len(alone_at), -1, np.int64), lines, listed]
    hit = np.r_[alone_at, hits.product_hit[lines], hits.product_hit[listed]]
    index = np.r_[np.zeros(len(alone_at), np.int64), hits.product_index[lines], hits.product_index[listed]]
    impression = np.arange(len(hit)) >= len(hit) - len(listed)
    order = np.lexsort((index, impression, hit))
    return EventRows(hit[order], product[order], index[order], impression[order])
