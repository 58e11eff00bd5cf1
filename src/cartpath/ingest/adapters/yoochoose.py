"""``yoochoose``: clicks and buys of the RecSys Challenge 2015; a session is all there is of a user."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cartpath.ingest.adapter import Adapter, Context, Option
from cartpath.ingest.file_kinds import FileKind, Role
from cartpath.ingest.numbers import as_numbers
from cartpath.ingest.text import as_text, single
from cartpath.schema import Columns, Event

_SESSION, _TIME, _ITEM = ("Session ID", "SessionId", "session_id"), ("Timestamp", "Time", "timestamp"), "Item ID"
_ITEMS = (_ITEM, "ItemId", "item_id")
_CATEGORY, _PRICE, _QUANTITY = "Category", "Price", "Quantity"
_SHELF, _BRAND, _SPECIAL = "shelf", "brand", "special"
#: A click's category: ``S`` is a special offer, 0 is none, 1 to 12 a shelf; longer numbers are brands.
_SHELVES = 12
_OFFER = '{"special_offer": true}'


def read_category(table: pa.Table, context: Context) -> pa.Table:
    """Tell the three things apart that the category of a click may be: a shelf, a brand, a special offer."""
    if _CATEGORY not in table.column_names:
        return table
    text = as_text(single(table[_CATEGORY]), is_id=True).cast(pa.string())
    digits = pc.match_substring_regex(text, r"^\d+$")
    number = pc.if_else(digits, text, None).cast(pa.float64())
    shelf = pc.and_(pc.greater(number, 0), pc.less_equal(number, _SHELVES))
    table = table.append_column(_SHELF, pc.if_else(shelf, text, None))
    table = table.append_column(_BRAND, pc.if_else(pc.greater(number, _SHELVES), text, None))
    return table.append_column(_SPECIAL, pc.if_else(pc.equal(text, "S"), _OFFER, None))


def blank_zeros(table: pa.Table, context: Context) -> pa.Table:
    """Make a price and a quantity of 0 unknown: more than half of the lines in the file of buys have both."""
    for name in (_PRICE, _QUANTITY):
        if name in table.column_names:
            values = single(table[name])
            numbers, present, wrong = as_numbers(values, context.options["decimal"])
            zero = pa.array(present & ~wrong & (numbers == 0), mask=np.zeros(len(values), np.bool_))
            table = table.set_column(
                table.column_names.index(name), name, pc.if_else(zero, pa.scalar(None, values.type), values)
            )
    return table


_WHO = {Columns.user_id: _SESSION, Columns.session_id: _SESSION, Columns.ts: _TIME, Columns.item_id: _ITEMS}
_CLICK = {"event": Option(Event.view, "the name of clicks")}

_CLICKS = Adapter(
    name="yoochoose clicks",
    description="session, time, item, category",
    columns={**_WHO, Columns.props: _SPECIAL},
    defaults={Columns.event: Event.view},
    items={Columns.item_id: _ITEM, Columns.category: _SHELF, Columns.brand: _BRAND},
    options=_CLICK,
    read_columns=(_CATEGORY,),
    header=(_SESSION[0], _TIME[0], _ITEM, _CATEGORY),
    derive=read_category,
    derived=(_SHELF, _BRAND, _SPECIAL),
)
_BUYS = Adapter(
    name="yoochoose buys",
    description="session, time, item, price, quantity",
    columns={**_WHO, Columns.order_id: _SESSION, Columns.price: _PRICE, Columns.quantity: _QUANTITY},
    defaults={Columns.event: Event.purchase},
    header=(_SESSION[0], _TIME[0], _ITEM, _PRICE, _QUANTITY),
    derive=blank_zeros,
)

ADAPTER = Adapter(
    name="yoochoose",
    description="YooChoose clicks and buys (RecSys Challenge 2015): .dat without a header, or Parquet with one",
    options=_CLICK,
    files=(
        FileKind("buys", Role.events, ("*buys*",), (_SESSION, _TIME, _ITEMS, _PRICE, _QUANTITY), _BUYS),
        FileKind("clicks", Role.events, ("*clicks*", "*test*"), (_SESSION, _TIME, _ITEMS), _CLICKS),
        FileKind("solution", Role.ignored, ("*solution*",), why="answers of the challenge, without times"),
    ),
    tested_on="real data: 83,845 clicks of the first week (Parquet); buys and .dat untested on real data",
)
