"""What the rows of Complete Journey say: money of a receipt line, campaigns, products, households."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cartpath.ingest.adapter import Context
from cartpath.ingest.numbers import as_numbers
from cartpath.ingest.text import as_text, single
from cartpath.schema import Columns, Event

HOUSEHOLD, STORE, BASKET, PRODUCT = "household_id", "store_id", "basket_id", "product_id"
QUANTITY, SALES, RETAIL_DISC, COUPON_DISC, MATCH_DISC = (
    "quantity",
    "sales_value",
    "retail_disc",
    "coupon_disc",
    "coupon_match_disc",
)
CAMPAIGN, COUPON, START, END, KIND = "campaign_id", "coupon_upc", "start_date", "end_date", "campaign_type"
DEPARTMENT, TYPE = "department", ("product_category", "product_type")
CAMPAIGNS = "campaign descriptions"
PURCHASE = Event.purchase
#: Columns that the hooks add.
NAME, PRICE, PROPS = "_event", "_price", "_props"
_SEPARATOR = " > "
_ATTRIBUTES = ("manufacturer_id", "package_size")


def transactions(table: pa.Table, context: Context) -> pa.Table:
    """Add the unit price (what the retailer receives for the line, by its quantity), the event, and the discounts.

    A line with quantity 0 has no price. A quantity or amount that is no number is left for validation to find.
    """
    point = context.options["decimal"]
    quantity, counted, wrong = as_numbers(single(table[QUANTITY]), point)
    none = counted & ~wrong & (quantity == 0)
    words = np.where(none, context.options["zero_quantity"], PURCHASE)
    table = table.append_column(NAME, pa.array(words, pa.string()))
    table = table.append_column(PRICE, _unit_price(single(table[SALES]), np.where(counted, quantity, 1.0), none, point))
    discounts = {name: single(table[name]) for name in (RETAIL_DISC, COUPON_DISC, MATCH_DISC)}
    return table.append_column(PROPS, _props({"store": single(table[STORE])}, discounts, point))


def _unit_price(
    sales: pa.Array, quantity: npt.NDArray[np.float64], none: npt.NDArray[np.bool_], point: str
) -> pa.Array:
    value, present, wrong = as_numbers(sales, point)
    with np.errstate(divide="ignore", invalid="ignore"):
        price = pa.array(value / quantity, mask=none | ~present | wrong)
    if not wrong.any():
        return price
    text = pc.replace_substring(price.cast(pa.string()), ".", point)
    return pc.if_else(pa.array(wrong), as_text(sales).cast(pa.string()), text)


def _props(words: dict[str, pa.Array], numbers: dict[str, pa.Array], point: str = ".") -> pa.Array:
    """Write columns as JSON, without values that are absent or 0."""
    parts = [_member(name, _quoted(values)) for name, values in words.items()]
    for name, values in numbers.items():
        value, present, wrong = as_numbers(values, point)
        kept = present & ~wrong & np.isfinite(value) & (value != 0)
        parts.append(_member(name, pa.array(value, mask=~kept).cast(pa.string())))
    inside = pc.binary_join_element_wise(*parts, ", ", null_handling="skip")
    return pc.binary_join_element_wise("{", inside, "}", "")


def _member(name: str, values: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise(f'"{name}": ', values, "")


def _quoted(values: pa.Array) -> pa.Array:
    coded = as_text(values, is_id=True).cast(pa.string()).dictionary_encode()
    words = pa.array([json.dumps(word, ensure_ascii=False) for word in coded.dictionary.to_pylist()], pa.string())
    return words.take(coded.indices)


def campaign_starts(table: pa.Table, context: Context) -> pa.Table:
    """Add when each row's campaign began, from the campaigns' descriptions, and its type and end."""
    about = {row[CAMPAIGN]: row for row in context.tables[CAMPAIGNS].to_pylist()}
    found = [about.get(campaign, {}) for campaign in _texts(table, CAMPAIGN)]
    table = table.append_column(START, pa.array([row.get(START) for row in found], pa.string()))
    props = [json.dumps({"type": row.get(KIND), "end": row.get(END)}) for row in found]
    return table.append_column(PROPS, pa.array(props, pa.string()))


def redemptions(table: pa.Table, context: Context) -> pa.Table:
    """Add the coupon as JSON."""
    return table.append_column(PROPS, _props({"coupon": single(table[COUPON])}, {}))


def products(table: pa.Table, context: Context) -> pa.Table:
    """Return the catalogue: the category is department > product_category > product_type, as far as they are known."""
    levels = [_texts(table, name) for name in (DEPARTMENT, *TYPE)]
    paths = [_SEPARATOR.join(filter(None, path)) or None for path in zip(*levels, strict=True)]
    columns = {Columns.item_id: table[PRODUCT], Columns.category: pa.array(paths, pa.string())}
    if Columns.brand in table.column_names:
        columns[Columns.brand] = table[Columns.brand]
    columns[Columns.attributes] = pa.array(_attributes(table, _ATTRIBUTES), pa.string())
    return pa.table(columns)


def _attributes(table: pa.Table, names: Sequence[str]) -> list[str | None]:
    present = [name for name in names if name in table.column_names]
    rows = [{name: value for name, value in row.items() if value} for row in table.select(present).to_pylist()]
    return [json.dumps(row, ensure_ascii=False) if row else None for row in rows]


def demographics(table: pa.Table, context: Context) -> pa.Table:
    """Return the households' attributes under their own names."""
    return table.rename_columns([Columns.user_id if name == HOUSEHOLD else name for name in table.column_names])


def _texts(table: pa.Table, name: str) -> list[Any]:
    texts: list[Any] = as_text(single(table[name]), is_id=name.endswith("_id")).to_pylist()
    return texts
