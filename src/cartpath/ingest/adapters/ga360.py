"""The Google Analytics 360 export to BigQuery, one nested row a visit, as canonical events.

A hit with an e-commerce action becomes one event for each product in it, other hits become one event. What each
column holds, and how the figures compare with the export's own totals, is in ``docs/ga360.md``.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from cartpath.ingest.adapter import Adapter, Context, Option, Unnested
from cartpath.ingest.adapters.ga360_columns import hit_columns, hit_times, product_columns, session_columns
from cartpath.ingest.adapters.ga360_fields import column, field
from cartpath.ingest.adapters.ga360_items import catalogue
from cartpath.ingest.adapters.ga360_rows import actions, event_rows, flatten
from cartpath.ingest.adapters.ga360_text import item_ids
from cartpath.schema import Columns, event_schema

_INTERNAL = (Columns.hit, Columns.once, Columns.row)


def unnest_ga360(table: pa.Table, *, impressions: bool = False) -> Unnested:
    """Turn visits of the BigQuery export into events.

    Parameters
    ----------
    table : pyarrow.Table
        Rows of ``ga_sessions_*`` as read from Parquet or JSON Lines; absent columns are taken as empty. Where
        it has ``Columns.row``, events bear it, else the row's place in the table.
    impressions : bool
        Products that were only listed become ``impression`` events.

    Returns
    -------
    Unnested
        Events with the canonical columns, ``Columns.hit``, ``Columns.once`` and ``Columns.row``. A visitor or time
        that cannot be read is null, and whole numbers are int64, as recorded: what does not fit is for the
        validation to blank. The items are the products seen, listed ones included; ``not_requested`` counts the
        list impressions left out.

    Examples
    --------
    >>> hit = {"hitNumber": 1, "time": 0, "type": "PAGE", "page": {"pagePath": "/home"}}
    >>> visit = {"fullVisitorId": "7", "visitId": 1470000000, "visitStartTime": 1470000000, "hits": [hit]}
    >>> unnest_ga360(pa.Table.from_pylist([visit])).events.select(["event_id", "event", "page"]).to_pylist()
    [{'event_id': '7-1470000000-1-0', 'event': 'page_view', 'page': '/home'}]
    """
    hits = flatten(column(table, "hits"))
    action = actions(hits.hit)
    rows = event_rows(hits, pc.is_valid(action).to_numpy(zero_copy_only=False), impressions)
    items = item_ids(field(hits.product, "v2ProductName"), field(hits.product, "productSKU"))
    time = hit_times(table, hits)
    columns = {
        **session_columns(table, hits, rows),
        **hit_columns(table, hits, rows, action, time),
        **product_columns(hits, rows, items),
    }
    events = pa.table({name: columns[name] for name in [*event_schema().names, *_INTERNAL]})
    left_out = 0 if impressions else int(hits.impression.sum())
    return Unnested(events, table.num_rows, left_out, catalogue(hits, items, time))


def _unnest(table: pa.Table, context: Context) -> Unnested:
    return unnest_ga360(table, impressions=bool(context.options["impressions"]))


ADAPTER = Adapter(
    name="ga360",
    description="Google Analytics 360 export to BigQuery (ga_sessions_*), Parquet or JSON Lines",
    identity=True,
    options={"impressions": Option(False, "products that were only listed become impression events")},
    read_columns=(
        "fullVisitorId",
        "visitId",
        "visitNumber",
        "visitStartTime",
        "channelGrouping",
        "trafficSource",
        "device",
        "geoNetwork",
        "hits",
    ),
    unnest=_unnest,
    tested_on="real data: 70 days of the Google Merchandise Store, 990,713 hits",
    needs=("fullVisitorId", "visitStartTime", "hits"),
)
