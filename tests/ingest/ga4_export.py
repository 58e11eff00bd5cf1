"""Rows of a Google Analytics 4 export, made by hand after the schema that Google documents."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

#: 2021-01-31 12:00:00 UTC, in microseconds.
NOON = 1_612_094_400_000_000
SECOND = 1_000_000

_TEXT, _WHOLE, _REAL = pa.string(), pa.int64(), pa.float64()
_VALUE = pa.struct([("string_value", _TEXT), ("int_value", _WHOLE), ("float_value", _REAL), ("double_value", _REAL)])
_PARAMS = pa.list_(pa.struct([("key", _TEXT), ("value", _VALUE)]))


def _texts(*names: str) -> list[tuple[str, pa.DataType]]:
    return [(name, _TEXT) for name in names]


_ITEM = pa.struct(
    [
        *_texts("item_id", "item_name", "item_brand", "item_variant", "item_category", "item_category2"),
        *_texts("item_category3", "item_category4", "item_category5"),
        ("price_in_usd", _REAL),
        ("price", _REAL),
        ("quantity", _WHOLE),
        ("item_revenue_in_usd", _REAL),
        ("item_revenue", _REAL),
        ("coupon", pa.null()),  # empty throughout: such columns lose their type
        *_texts("item_list_id", "item_list_name", "promotion_id", "promotion_name"),
        ("item_params", pa.list_(pa.null())),
    ]
)
_CAMPAIGN = _texts("campaign_id", "campaign_name", "source", "medium", "term", "content")
_CHANNEL = [*_texts("campaign_name", "source", "medium", "default_channel_group", "primary_channel_group")]

SCHEMA = pa.schema(
    [
        ("event_date", _TEXT),
        ("event_timestamp", _WHOLE),
        ("event_name", _TEXT),
        ("event_params", _PARAMS),
        ("event_previous_timestamp", _WHOLE),
        ("event_value_in_usd", pa.null()),
        ("event_bundle_sequence_id", _WHOLE),
        ("user_id", _TEXT),
        ("user_pseudo_id", _TEXT),
        ("user_properties", pa.list_(pa.null())),
        ("device", pa.struct([*_texts("category", "operating_system", "language"),
                              ("browser", pa.null()), ("web_info", pa.struct(_texts("browser", "hostname")))])),
        ("geo", pa.struct(_texts("continent", "country", "region", "city"))),
        ("app_info", pa.null()),
        ("traffic_source", pa.struct(_texts("name", "medium", "source"))),
        ("platform", _TEXT),
        ("ecommerce", pa.struct([("total_item_quantity", _WHOLE), ("purchase_revenue_in_usd", _REAL),
                                 ("purchase_revenue", _REAL), ("refund_value", _REAL), ("transaction_id", _TEXT)])),
        ("items", pa.list_(_ITEM)),
        ("collected_traffic_source", pa.struct(_texts("manual_campaign_name", "manual_source", "manual_medium",
                                                      "manual_term", "gclid"))),
        ("is_active_user", pa.bool_()),
        ("batch_event_index", _WHOLE),
        ("batch_page_id", _WHOLE),
        ("batch_ordering_id", _WHOLE),
        ("session_traffic_source_last_click", pa.struct([("manual_campaign", pa.struct(_CAMPAIGN)),
                                                         ("cross_channel_campaign", pa.struct(_CHANNEL))])),
    ]
)  # fmt: skip


def params(**values: Any) -> list[dict[str, Any]]:
    kinds = {str: "string_value", int: "int_value", float: "double_value"}
    return [{"key": key, "value": {kinds[type(value)]: value}} for key, value in values.items()]


def item(item_id: str = "MUG-1", name: str = "Blue Mug", **more: Any) -> dict[str, Any]:
    return {"item_id": item_id, "item_name": name, **more}


def row(name: str, at: float = 0, *items: dict[str, Any], given: dict[str, Any] | None = None, **more: Any) -> Any:
    """One event of the visitor 11.22, in its session 7, ``at`` seconds after noon."""
    return {
        "event_date": "20210131",
        "event_timestamp": NOON + round(at * SECOND),
        "event_name": name,
        "event_params": params(**{"ga_session_id": 7, "ga_session_number": 3, **(given or {})}),
        "event_bundle_sequence_id": 5,
        "user_pseudo_id": "11.22",
        "platform": "WEB",
        "items": list(items),
        **more,
    }


def table(*rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), SCHEMA)


SITE = "https://www.shop.example"
VISIT = [
    row("session_start", 0, given={"page_location": f"{SITE}/?utm_source=mail", "page_referrer": "https://mail.example/in?m=1"}),
    row("page_view", 0, given={"page_location": f"{SITE}/?utm_source=mail", "page_title": 'Mugs & "more"'}),
    row("view_item_list", 1, item(), item("MUG-2", "Red Mug", item_brand="Clay", price=9.0)),
    row("select_item", 2, item(item_list_name="Mugs")),
    row("view_item", 3, item(price=8.5, item_category="Home", item_category2="Mugs"), user_id="anna"),
    row("click", 4, given={"link_url": "https://elsewhere.example"}),
    row("view_search_results", 5, given={"search_term": "teapot"}),
    row("add_to_cart", 6, item(price=8.0, quantity=2)),
    row("select_promotion", 7, item(promotion_name="Spring"), item("MUG-2", promotion_name="Spring")),
    row("begin_checkout", 8, item(price=8.0, quantity=2), item("MUG-2", "Red Mug", price=9.0, quantity=1)),
    row("purchase", 9, item(price=8.0, quantity=2), item("MUG-2", "Red Mug", price=9.0, quantity=1),
        ecommerce={"transaction_id": "T1", "purchase_revenue": 27.5, "purchase_revenue_in_usd": 33.0}),
    row("purchase", 60, item(price=8.0, quantity=2), ecommerce={"transaction_id": "T1", "purchase_revenue": 27.5}),
    row("refund", 90, ecommerce={"transaction_id": "T1", "refund_value": 9.0}),
    row("newsletter_sign_up", 95),
]  # fmt: skip
