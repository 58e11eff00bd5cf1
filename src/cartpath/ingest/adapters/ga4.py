"""The Google Analytics 4 export to BigQuery, one row an event, as canonical events.

An event with items becomes one event for each of them. What each column holds is in ``docs/ga4.md``.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from cartpath.ingest.adapter import Adapter, Context, Option, Unnested
from cartpath.ingest.adapters.ga4_columns import (
    ANONYMOUS,
    KNOWN,
    PREFER_KNOWN,
    PSEUDO,
    event_columns,
    item_ids,
    numbers,
)
from cartpath.ingest.adapters.ga4_rows import event_rows
from cartpath.ingest.adapters.ga360_fields import column, elements, field, integers, joined, meaningful
from cartpath.schema import Columns, event_schema

_INTERNAL = (Columns.hit, Columns.once, Columns.row, ANONYMOUS)
_CATEGORIES = ("item_category", *(f"item_category{n}" for n in range(2, 6)))
_SEEN = "seen"


def unnest_ga4(table: pa.Table, *, impressions: bool = False, user: str = PSEUDO) -> Unnested:
    """Turn rows of the BigQuery export into events.

    Parameters
    ----------
    table : pyarrow.Table
        Rows of ``events_*`` as read from Parquet or JSON Lines; absent columns are taken as empty. Where it has
        ``Columns.row``, events bear it, else the row's place in the table.
    impressions : bool
        Items that were only listed become ``impression`` events.
    user : {"pseudo", "known", "prefer_known"}
        Whose events they are.

    Returns
    -------
    Unnested
        Events with the canonical columns, ``Columns.hit``, ``Columns.once``, ``Columns.row`` and ``anonymous_id``; the
        items seen, listed ones included; ``not_requested`` counts the list impressions left out.

    Examples
    --------
    >>> row = {"event_timestamp": 1_600_000_000_000_000, "event_name": "view_item", "user_pseudo_id": "1.2",
    ...        "items": [{"item_id": "mug", "price": 8.5}]}
    >>> unnest_ga4(pa.Table.from_pylist([row])).events.select(["event", "item_id", "price"]).to_pylist()
    [{'event': 'view', 'item_id': 'mug', 'price': 8.5}]
    """
    rows, left_out = event_rows(table, impressions)
    columns = event_columns(table, rows, user)
    events = pa.table({name: columns[name] for name in [*event_schema().names, *_INTERNAL]})
    return Unnested(events, table.num_rows, left_out, _catalogue(table))


def _catalogue(table: pa.Table) -> pa.Table:
    """Return the items seen, the latest last; a price of 0 is none."""
    items, owner = elements(column(table, "items"))
    price = numbers(field(items, "price"))
    levels = [meaningful(field(items, name)) for name in _CATEGORIES]
    category = joined(levels, " > ")
    rows = pa.table(
        {
            Columns.item_id: item_ids(items),
            Columns.title: meaningful(field(items, "item_name")),
            Columns.category: pc.if_else(pc.equal(category, ""), pa.scalar(None, pa.string()), category),
            Columns.brand: meaningful(field(items, "item_brand")),
            Columns.price: pc.if_else(pc.greater(price, 0.0), price, pa.scalar(None, pa.float64())),
            _SEEN: pc.fill_null(integers(column(table, "event_timestamp")), 0).take(pa.array(owner)),
        }
    )
    rows = rows.filter(pc.is_valid(rows[Columns.item_id]))
    names = [name for name in rows.column_names if name != _SEEN]
    distinct = rows.group_by(names).aggregate([(_SEEN, "max")]).rename_columns([*names, _SEEN])
    return distinct.sort_by([(_SEEN, "ascending"), *((name, "ascending") for name in names)]).select(names)


def _unnest(table: pa.Table, context: Context) -> Unnested:
    return unnest_ga4(table, impressions=bool(context.options["impressions"]), user=context.options["user"])


ADAPTER = Adapter(
    name="ga4",
    description="Google Analytics 4 export to BigQuery (events_*), Parquet or JSON Lines",
    identity=True,
    options={
        "impressions": Option(False, "items that were only listed become impression events"),
        "user": Option(
            PSEUDO,
            "whose events they are: of the browser or app, of the known user, or of the known user where there is one",
            (PSEUDO, KNOWN, PREFER_KNOWN),
        ),
    },
    read_columns=(
        *("event_timestamp", "event_name", "event_params", "event_bundle_sequence_id", "user_id", "user_pseudo_id"),
        *("device", "geo", "traffic_source", "collected_traffic_source", "session_traffic_source_last_click"),
        *("platform", "ecommerce", "items", "batch_page_id", "batch_ordering_id", "batch_event_index"),
    ),
    unnest=_unnest,
    anonymous=ANONYMOUS,
    tested_on="untested on real data: rows made by hand from the documented schema",
    needs=("event_timestamp", "event_name", "event_params", ("user_pseudo_id", "user_id")),
)
