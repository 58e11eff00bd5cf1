"""``retailrocket``: events, item properties and the category tree of Retailrocket, and sessions prepared for CoTRec."""

from __future__ import annotations

from cartpath.ingest.adapter import Adapter, Option
from cartpath.ingest.adapters.cotrec import SEQUENCE, SESSIONS, TARGET
from cartpath.ingest.adapters.retailrocket_items import (
    CATEGORY,
    ITEM,
    PARENT,
    PROPERTY,
    TIME,
    TREE,
    VALUE,
    catalogue,
    latest,
)
from cartpath.ingest.file_kinds import FileKind, Role
from cartpath.schema import Columns, Event

_VISITOR, _EVENT, _TRANSACTION = "visitorid", "event", "transactionid"

_EVENTS = Adapter(
    name="retailrocket events",
    description="timestamp, visitorid, event, itemid, transactionid",
    columns={
        Columns.user_id: _VISITOR,
        Columns.ts: TIME,
        Columns.event: _EVENT,
        Columns.item_id: ITEM,
        Columns.order_id: _TRANSACTION,
    },
    events={"view": Event.view, "addtocart": Event.add_to_cart, "transaction": Event.purchase},
    epoch="ms",
)

ADAPTER = Adapter(
    name="retailrocket",
    description="Retailrocket: events.csv, item_properties_part1/2.csv, category_tree.csv; or CoTRec's sessions",
    options={
        "properties": Option("", "further item properties to keep as attributes, such as 790,888"),
        "prefixes": Option("keep", "CoTRec: a row that is the row before without its last item", ("keep", "drop")),
    },
    files=(
        FileKind("events", Role.events, ("events*",), (TIME, _VISITOR, _EVENT, ITEM, _TRANSACTION), _EVENTS),
        FileKind(
            "item properties",
            Role.items,
            ("item_properties*",),
            (TIME, ITEM, PROPERTY, VALUE),
            reduce=latest,
            build=catalogue,
            uses=(TREE,),
        ),
        FileKind(TREE, Role.lookup, ("category_tree*",), (CATEGORY, PARENT)),
        FileKind("CoTRec test sessions", Role.events, (), (SEQUENCE, TARGET), SESSIONS),
        FileKind("CoTRec training sessions", Role.events, (), (SEQUENCE,), SESSIONS),
    ),
    tested_on="real data: 141,300 sessions of the CoTRec preparation; the original CSV files untested on real data",
)
