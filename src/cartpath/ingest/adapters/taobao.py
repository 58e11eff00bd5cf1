"""``taobao``: user behaviour of Taobao (UserBehavior.csv), which has no header."""

from __future__ import annotations

from cartpath.ingest.adapter import Adapter
from cartpath.schema import Columns, Event

_USER, _ITEM, _CATEGORY, _BEHAVIOUR, _TIME = "user_id", "item_id", "category_id", "behavior", "timestamp"

ADAPTER = Adapter(
    name="taobao",
    description="Taobao UserBehavior.csv, without a header: user, item, category, behaviour, seconds since 1970",
    columns={
        Columns.user_id: (_USER, "user"),
        Columns.ts: (_TIME, "time"),
        Columns.event: (_BEHAVIOUR, "behaviour", "behavior_type"),
        Columns.item_id: (_ITEM, "item"),
    },
    events={"pv": Event.view, "buy": Event.purchase, "cart": Event.add_to_cart, "fav": Event.wishlist},
    epoch="s",
    items={Columns.item_id: _ITEM, Columns.category: _CATEGORY},
    header=(_USER, _ITEM, _CATEGORY, _BEHAVIOUR, _TIME),
    tested_on="untested on real data: a file made by hand from the documented columns",
)
