"""The canonical columns of a Google Analytics 4 export: from the row and the item of each event."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cartpath.ingest.adapters.ga4_params import parameters
from cartpath.ingest.adapters.ga4_rows import EVENTS, PROMOTIONS, EventRows, hit_names
from cartpath.ingest.adapters.ga4_source import page_of, referrers, traffic
from cartpath.ingest.adapters.ga360_fields import column, elements, field, integers, map_unique, meaningful, texts
from cartpath.ingest.adapters.ga360_text import json_objects
from cartpath.ingest.numbers import as_numbers
from cartpath.schema import Columns, Event

PSEUDO, KNOWN, PREFER_KNOWN = "pseudo", "known", "prefer_known"
#: The id of the browser or app where the event is a known user's: what links the two.
ANONYMOUS = "anonymous_id"
_PARAMS = (
    *("ga_session_id", "ga_session_number", "page_location", "page_title", "page_referrer", "firebase_screen"),
    *("firebase_screen_class", "search_term", "transaction_id", "value", "currency", "coupon", "promotion_name"),
    *("source", "medium", "campaign", "term", "link_url", "payment_type", "shipping_tier", "item_list_name"),
)
_CONTEXT: dict[str, tuple[str, ...]] = {
    Columns.device: ("device", "category"),
    Columns.os: ("device", "operating_system"),
    Columns.language: ("device", "language"),
    Columns.country: ("geo", "country"),
    Columns.region: ("geo", "region"),
    Columns.city: ("geo", "city"),
}
_NO_TEXT, _NO_NUMBER = pa.scalar(None, pa.string()), pa.scalar(None, pa.float64())


def row_columns(table: pa.Table, who: str) -> dict[str, pa.Array]:
    """Return what each row of the export says, under canonical names.

    Parameters
    ----------
    table : pyarrow.Table (n,)
    who : {"pseudo", "known", "prefer_known"}
        Whose event it is: the browser's or app's, the known user's, or the known user's where there is one.
    """
    params = parameters(column(table, "event_params"), _PARAMS)
    pseudo, known = meaningful(column(table, "user_pseudo_id")), meaningful(column(table, "user_id"))
    user = {PSEUDO: pseudo, KNOWN: known, PREFER_KNOWN: pc.coalesce(known, pseudo)}[who]
    name = meaningful(column(table, "event_name"))
    browser = [meaningful(column(table, "device", *path)) for path in (("web_info", "browser"), ("browser",))]
    screen = pc.coalesce(params["firebase_screen"], params["firebase_screen_class"])
    row = column(table, Columns.row) if Columns.row in table.column_names else pa.array(np.arange(len(table)))
    other = pc.if_else(pc.fill_null(pc.equal(user, pseudo), False), known, pseudo)
    return {
        Columns.user_id: user,
        ANONYMOUS: pc.if_else(pc.not_equal(user, pseudo), pseudo, _NO_TEXT),
        Columns.ts: integers(column(table, "event_timestamp")).cast(pa.timestamp("us", tz="UTC")),
        Columns.event: map_unique(name, lambda word: EVENTS.get(word, word)),
        Columns.session_id: pc.binary_join_element_wise(pseudo, params["ga_session_id"], "-"),
        Columns.visit_number: integers(params["ga_session_number"]),
        Columns.page: pc.coalesce(map_unique(params["page_location"], page_of), screen),
        Columns.query: params["search_term"],
        Columns.referrer: referrers(params["page_referrer"], params["page_location"]),
        Columns.browser: pc.coalesce(*browser),
        Columns.hit: hit_names(table),
        Columns.row: row.cast(pa.int64()),
        **{name: meaningful(column(table, *path)) for name, path in _CONTEXT.items()},
        **traffic(table, params),
        **_orders(table, name, params),
        Columns.props: _props(table, name, params, other, pc.equal(user, pseudo)),
    }


def _orders(table: pa.Table, name: pa.Array, params: dict[str, pa.Array]) -> dict[str, pa.Array]:
    """Return the order of purchases and refunds, and the key by which a repeated purchase is known."""
    order = pc.coalesce(meaningful(column(table, "ecommerce", "transaction_id")), params["transaction_id"])
    bought, returned = (pc.fill_null(pc.equal(name, word), False) for word in (Event.purchase, Event.refund))
    paid = pc.coalesce(numbers(column(table, "ecommerce", "purchase_revenue")), numbers(params["value"]))
    back = pc.coalesce(numbers(column(table, "ecommerce", "refund_value")), numbers(params["value"]))
    value = pc.if_else(bought, paid, pc.if_else(returned, back, _NO_NUMBER))
    return {
        Columns.order_id: pc.if_else(pc.or_(bought, returned), order, _NO_TEXT),
        Columns.order_value: value,
        Columns.once: pc.if_else(bought, order, _NO_TEXT),
    }


def numbers(array: pa.Array) -> pa.Array:
    """Return float64; what is no number is null.

    Examples
    --------
    >>> numbers(pa.array(["19.9", "free", None])).to_pylist()
    [19.9, None, None]
    """
    values, present, wrong = as_numbers(texts(array))
    return pa.array(values, mask=~present | wrong)


def _props(
    table: pa.Table, name: pa.Array, params: dict[str, pa.Array], other: pa.Array, is_pseudo: pa.Array
) -> pa.Array:
    """Return the rest that is known of a row, as JSON."""
    is_pseudo = pc.fill_null(is_pseudo, False)
    mapped = pc.is_in(name, pa.array(["begin_checkout", "add_shipping_info", "add_payment_info"]))
    promotion, owner = elements(column(table, "items"))
    first = np.full(len(table), -1, np.int64)
    first[owner[::-1]] = np.arange(len(owner), dtype=np.int64)[::-1]
    promoted = meaningful(field(promotion, "promotion_name")).take(pa.array(first, mask=first < 0))
    promoted = pc.coalesce(promoted, params["promotion_name"])
    values = {
        "user_id": pc.if_else(is_pseudo, other, _NO_TEXT),
        "user_pseudo_id": pc.if_else(is_pseudo, _NO_TEXT, other),
        "title": params["page_title"],
        "step": pc.if_else(mapped, name, _NO_TEXT),
        "promotion": pc.if_else(pc.is_in(name, pa.array(PROMOTIONS)), promoted, _NO_TEXT),
        "list": params["item_list_name"],
        **{word: params[word] for word in ("currency", "coupon", "payment_type", "shipping_tier", "link_url")},
        "platform": meaningful(column(table, "platform")),
    }
    return json_objects(values)


def event_columns(table: pa.Table, rows: EventRows, who: str) -> dict[str, pa.Array]:
    """Return the columns of each event."""
    at = pa.array(rows.row)
    found = {name: values.take(at) for name, values in row_columns(table, who).items()}
    items, _ = elements(column(table, "items"))
    item = pa.array(rows.item, mask=rows.item < 0)
    found[Columns.item_id] = item_ids(items).take(item)
    found[Columns.price] = numbers(field(items, "price")).take(item)
    found[Columns.quantity] = integers(field(items, "quantity")).take(item)
    # Without its place in the batch an event has no name of its own: then only exact repeats are repeats.
    batched = pc.is_valid(integers(column(table, "batch_event_index"))).take(at)
    pseudo = pc.fill_null(meaningful(column(table, "user_pseudo_id")), "").take(at)
    name = pc.binary_join_element_wise(pseudo, found[Columns.hit], pa.array(rows.index).cast(pa.string()), "-")
    found[Columns.event_id] = pc.if_else(batched, name, _NO_TEXT)
    return found


def item_ids(items: pa.Array) -> pa.Array:
    """Return the id of each item, its name where it has none."""
    return pc.coalesce(meaningful(field(items, "item_id")), meaningful(field(items, "item_name")))
