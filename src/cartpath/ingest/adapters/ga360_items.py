"""The catalogue: the products seen in a Google Analytics export."""

from __future__ import annotations

import html

import pyarrow as pa
import pyarrow.compute as pc

from cartpath.ingest.adapters.ga360_fields import field, map_unique, meaningful, micros, texts
from cartpath.ingest.adapters.ga360_rows import Hits
from cartpath.ingest.adapters.ga360_text import category_path
from cartpath.schema import Columns, item_schema

_SEEN = "seen"
_ROWS = "rows"
_DEPTH = "depth"
_SHELF = "shelf"
_TOTAL = "total"
#: A category with a smaller part of an item's rows says little about it.
_RARE = 0.1
#: Shelves that hold a brand's products of any kind.
_BRAND_SHELF = r"(?i)(^|> )(shop by )?brands?( >|$)"


def catalogue(hits: Hits, items: pa.Array, time: pa.Array) -> pa.Table:
    """Return one row for each product seen, listed ones included.

    Title and price are the latest seen (a listing at nothing says no price). A product is listed under many
    categories; the one taken is no brand's shelf and on at least a tenth of its rows if any is, then the deepest,
    then the most frequent.

    Parameters
    ----------
    hits : Hits
    items : pyarrow.Array
        The product's item id, a row a product record.
    time : pyarrow.Array
        Of each hit, microseconds.

    Returns
    -------
    pyarrow.Table
        ``item_id``, ``title``, ``category``, ``brand``, ``price``.
    """
    seen = time.take(pa.array(hits.product_hit))
    price = micros(field(hits.product, "productPrice"))
    rows = pa.table(
        {
            Columns.item_id: items,
            Columns.title: map_unique(meaningful(field(hits.product, "v2ProductName")), html.unescape),
            Columns.category: map_unique(texts(field(hits.product, "v2ProductCategory")), category_path),
            Columns.brand: meaningful(field(hits.product, "productBrand")),
            Columns.price: pc.if_else(pc.equal(price, 0.0), pa.scalar(None, pa.float64()), price),
            _SEEN: pc.fill_null(seen, 0),
        }
    )
    names = [name for name in rows.column_names if name != _SEEN]
    distinct = (
        rows.group_by(names).aggregate([(_SEEN, "max"), ([], "count_all")]).rename_columns([*names, _SEEN, _ROWS])
    )
    distinct = distinct.filter(pc.is_valid(distinct[Columns.item_id]))
    latest = _last(distinct, [Columns.title, Columns.brand, Columns.price])
    found = latest.join(_category(distinct), Columns.item_id).sort_by(Columns.item_id)
    schema = item_schema()
    carried = [name for name in schema.names if name in found.column_names]
    return found.select(carried).cast(pa.schema([schema.field(name) for name in carried]))


def _last(distinct: pa.Table, names: list[str]) -> pa.Table:
    """Return the last known value of each column for each item."""
    found = distinct.select([Columns.item_id]).group_by(Columns.item_id).aggregate([])
    for name in names:
        known = distinct.select([Columns.item_id, name, _SEEN]).filter(pc.is_valid(distinct[name]))
        ordered = known.sort_by([(_SEEN, "ascending"), (name, "ascending")])
        last = ordered.group_by(Columns.item_id, use_threads=False).aggregate([(name, "last")])
        found = found.join(last.rename_columns([Columns.item_id, name]), Columns.item_id)
    return found


def _category(distinct: pa.Table) -> pa.Table:
    """Return the category that says most about each item."""
    known = distinct.filter(pc.is_valid(distinct[Columns.category]))
    counted = known.group_by([Columns.item_id, Columns.category]).aggregate([(_ROWS, "sum")])
    counted = counted.rename_columns([Columns.item_id, Columns.category, _ROWS])
    totals = counted.group_by(Columns.item_id).aggregate([(_ROWS, "sum")]).rename_columns([Columns.item_id, _TOTAL])
    counted = counted.join(totals, Columns.item_id)
    shelf = pc.match_substring_regex(counted[Columns.category], _BRAND_SHELF)
    rare = pc.less(pc.divide(pc.cast(counted[_ROWS], pa.float64()), counted[_TOTAL]), _RARE)
    counted = counted.append_column(_SHELF, pc.add(pc.multiply(shelf.cast(pa.int8()), 2), rare.cast(pa.int8())))
    counted = counted.append_column(_DEPTH, pc.count_substring(counted[Columns.category], " > "))
    best = [(_SHELF, "ascending"), (_DEPTH, "descending"), (_ROWS, "descending"), (Columns.category, "ascending")]
    firsts = counted.sort_by(best).group_by(Columns.item_id, use_threads=False)
    return firsts.aggregate([(Columns.category, "first")]).rename_columns([Columns.item_id, Columns.category])
