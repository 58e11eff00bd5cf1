"""``rees46``: the eCommerce behaviour data of the REES46 Marketing Platform, and shops that export alike."""

from __future__ import annotations

from cartpath.ingest.adapter import Adapter
from cartpath.schema import Columns, Event

ADAPTER = Adapter(
    name="rees46",
    description="REES46 exports: event_time, event_type, product_id, category_code, brand, price, user_id, ...",
    columns={
        Columns.user_id: "user_id",
        Columns.ts: "event_time",
        Columns.event: "event_type",
        Columns.item_id: "product_id",
        Columns.session_id: "user_session",
        Columns.price: "price",
    },
    events={"cart": Event.add_to_cart, "remove_from_cart": Event.remove_from_cart},
    items={
        Columns.item_id: "product_id",
        Columns.category: "category_code",
        Columns.brand: "brand",
        Columns.price: "price",
    },
    category_separator=".",
    tested_on="untested on real data: files made by hand from the documented columns",
)
