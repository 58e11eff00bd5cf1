"""The canonical columns of a Google Analytics export: from the visit, the hit and the product of each event."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cartpath.ingest.adapters.ga360_fields import column, elements, field, integers, meaningful, micros, texts, truths
from cartpath.ingest.adapters.ga360_rows import EventRows, Hits, other_events
from cartpath.ingest.adapters.ga360_text import json_objects, searches
from cartpath.schema import Columns, Event

_INT32_MAX = 2**31 - 1
_NO_TEXT = pa.scalar(None, pa.string())

#: Context column -> where it is in the visit's row. All of it is known when the visit starts; session totals
#: and ``isExit`` are known only afterwards and are not carried.
_CONTEXT: dict[str, tuple[str, ...]] = {
    Columns.channel: ("channelGrouping",),
    Columns.source: ("trafficSource", "source"),
    Columns.medium: ("trafficSource", "medium"),
    Columns.campaign: ("trafficSource", "campaign"),
    Columns.keyword: ("trafficSource", "keyword"),
    Columns.referrer: ("trafficSource", "referralPath"),
    Columns.device: ("device", "deviceCategory"),
    Columns.browser: ("device", "browser"),
    Columns.os: ("device", "operatingSystem"),
    Columns.language: ("device", "language"),
    Columns.country: ("geoNetwork", "country"),
    Columns.region: ("geoNetwork", "region"),
    Columns.city: ("geoNetwork", "city"),
}


def hit_times(table: pa.Table, hits: Hits) -> pa.Array:
    """Return when each hit was: the visit's start plus the hit's offset in milliseconds.

    Returns
    -------
    pyarrow.Int64Array
        Microseconds since 1970 UTC; null where either cannot be read, or the sum is beyond any calendar.
    """
    start = pc.multiply(_within(integers(column(table, "visitStartTime")), 10**11), 1_000_000)
    offset = pc.multiply(_within(integers(field(hits.hit, "time")), 10**14), 1_000)
    return pc.add(start.take(pa.array(hits.session)), offset)


def _within(numbers: pa.Array, limit: int) -> pa.Array:
    """Return the numbers of at most ``limit`` in size, the others as nulls."""
    fits = pc.and_(pc.greater_equal(numbers, -limit), pc.less_equal(numbers, limit))
    return pc.if_else(fits, numbers, pa.scalar(None, pa.int64()))


def _visitors(table: pa.Table) -> pa.Array:
    return meaningful(texts(column(table, "fullVisitorId")))


def _sessions(table: pa.Table) -> pa.Array:
    return pc.binary_join_element_wise(_visitors(table), texts(column(table, "visitId")), "-")


def session_columns(table: pa.Table, hits: Hits, rows: EventRows) -> dict[str, pa.Array]:
    """Return what each event takes from its visit."""
    per_visit = {
        Columns.user_id: _visitors(table),
        Columns.session_id: _sessions(table),
        Columns.is_direct: truths(column(table, "trafficSource", "isTrueDirect")),
        Columns.visit_number: integers(column(table, "visitNumber")),
        **{name: meaningful(column(table, *path)) for name, path in _CONTEXT.items()},
    }
    visit = pa.array(hits.session[rows.hit])
    source = column(table, Columns.row) if Columns.row in table.column_names else pa.array(np.arange(table.num_rows))
    per_visit[Columns.row] = source.cast(pa.int64())
    return {name: values.take(visit) for name, values in per_visit.items()}


def hit_columns(table: pa.Table, hits: Hits, rows: EventRows, action: pa.Array, time: pa.Array) -> dict[str, pa.Array]:
    """Return what each event takes from its hit."""
    hit = pa.array(rows.hit)
    event = pc.coalesce(action, other_events(hits.hit)).take(hit)
    event = pc.if_else(pa.array(rows.impression), Event.impression, event)
    number = integers(field(hits.hit, "hitNumber"))
    page = texts(field(hits.hit, "page", "pagePath"))
    page = pc.coalesce(page, texts(field(hits.hit, "appInfo", "screenName")))
    session = _sessions(table).take(pa.array(hits.session[rows.hit]))
    index = texts(pa.array(rows.index))
    return {
        Columns.ts: time.take(hit).cast(pa.timestamp("us", tz="UTC")),
        Columns.event: event,
        Columns.page: page.take(hit),
        Columns.query: searches(field(hits.hit, "page", "searchKeyword"), page).take(hit),
        Columns.event_id: pc.binary_join_element_wise(session, texts(number).take(hit), index, "-"),
        Columns.hit: number.take(hit),
        Columns.props: _props(hits, rows, event),
        **_order_columns(hits, hit, event, action),
    }


def _order_columns(hits: Hits, hit: pa.Array, event: pa.Array, action: pa.Array) -> dict[str, pa.Array]:
    """Return the order of purchases and refunds, and the key by which a repeated purchase is known."""
    own = meaningful(field(hits.hit, "transaction", "transactionId"))
    order = pc.coalesce(own, meaningful(field(hits.hit, "item", "transactionId")))
    value = _order_values(hits, order, action)
    order = order.take(hit)
    is_purchase = pc.equal(event, Event.purchase)
    ordered = pc.or_(is_purchase, pc.equal(event, Event.refund))
    return {
        Columns.order_id: pc.if_else(ordered, order, _NO_TEXT),
        Columns.order_value: pc.if_else(ordered, value.take(hit), pa.scalar(None, pa.float64())),
        Columns.once: pc.if_else(is_purchase, order, _NO_TEXT),
    }


def _order_values(hits: Hits, order: pa.Array, action: pa.Array) -> pa.Array:
    """Return each hit's transaction revenue; for a purchase, the largest its visit has for that transaction.

    An order whose total is written, or raised, on a later confirmation would otherwise lose it with that
    confirmation, whose lines are repeats. The export writes a metric of zero as null, so a transaction without
    revenue on any of its hits is one of zero, as in the export's own session totals.
    """
    revenue = micros(field(hits.hit, "transaction", "transactionRevenue"))
    bought = pc.and_(pc.fill_null(pc.equal(action, Event.purchase), False), pc.is_valid(order))
    at = np.flatnonzero(bought.to_numpy(zero_copy_only=False))
    codes = order.take(pa.array(at)).dictionary_encode()
    key = hits.session[at] * max(len(codes.dictionary), 1) + codes.indices.to_numpy(zero_copy_only=False)
    _, group = np.unique(key, return_inverse=True)
    values: npt.NDArray[np.float64] = revenue.to_numpy(zero_copy_only=False).copy()
    largest = np.zeros(len(at))
    np.fmax.at(largest, group, values[at])
    values[at] = largest[group]
    return pa.array(values, mask=np.isnan(values))


def _props(hits: Hits, rows: EventRows, event: pa.Array) -> pa.Array:
    """Return the rest that is known of an event, as JSON."""
    hit = pa.array(rows.hit)
    product = _product_rows(rows)
    step = integers(field(hits.hit, "eCommerceAction", "step")).take(hit)
    clicked = pc.equal(event, Event.promotion_click)
    promotion = _first_promotion(hits).take(hit)
    place = _within(integers(field(hits.product, "productListPosition")), _INT32_MAX).take(product)
    of_hit = {
        "title": ("page", "pageTitle"),
        "type": ("type",),
        "label": ("eventInfo", "eventLabel"),
    }
    return json_objects(
        {
            **{name: meaningful(field(hits.hit, *path)).take(hit) for name, path in of_hit.items()},
            "step": pc.if_else(pc.equal(event, Event.checkout), step, pa.scalar(None, pa.int64())),
            "promotion": pc.if_else(clicked, promotion, _NO_TEXT),
            "variant_sku": meaningful(field(hits.product, "productSKU")).take(product),
            "variant": meaningful(field(hits.product, "productVariant")).take(product),
            "list": meaningful(field(hits.product, "productListName")).take(product),
            "position": pc.if_else(pc.greater(place, 0), place, pa.scalar(None, pa.int64())),
        }
    )


def _first_promotion(hits: Hits) -> pa.Array:
    """Return the name of the first promotion of each hit."""
    promotion, owner = elements(field(hits.hit, "promotion"))
    first = np.full(len(hits.hit), -1, np.int64)
    first[owner[::-1]] = np.arange(len(owner), dtype=np.int64)[::-1]
    return meaningful(field(promotion, "promoName")).take(pa.array(first, mask=first < 0))


def _product_rows(rows: EventRows) -> pa.Array:
    """Return each event's row among the products, null where it has none."""
    return pa.array(rows.product, mask=rows.product < 0)


def product_columns(hits: Hits, rows: EventRows, items: pa.Array) -> dict[str, pa.Array]:
    """Return what each event takes from its product."""
    product = _product_rows(rows)
    return {
        Columns.item_id: items.take(product),
        Columns.price: micros(field(hits.product, "productPrice")).take(product),
        Columns.quantity: integers(field(hits.product, "productQuantity")).take(product),
    }
