"""Hold a simulated log beside the Google Analytics export: the same statistics of both, as a Markdown table.

Run from the repository root::

    python benchmarks/realism/run.py > benchmarks/realism/README.md

The export is read from ``../shared/data/ga360_merch`` or ``$CARTPATH_DATA/ga360_merch``.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cartpath.schema import Columns
from cartpath.simulate import Dirt, LogStatistics, log_statistics, simulate

USERS, DAYS, SEED = 40_000, 70, 1
ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("CARTPATH_DATA", ROOT.parent / "shared" / "data")) / "ga360_merch"

#: One row a hit and product (list impressions left out), named as the adapter of ingest names it. Thin on purpose:
#: the columns these statistics read, and the first hit of a transaction only.
QUERY = """
with hits as (
    select fullVisitorId as u, visitId as v, visitStartTime as t0, unnest(hits) as h from read_parquet(?)
), lines as (
    select u, v, t0, h, unnest(
        case when len(list_filter(h.product, lambda p: coalesce(p.isImpression, false) = false)) > 0
             then list_transform(
                 list_filter(h.product, lambda p: coalesce(p.isImpression, false) = false), lambda p: p.productSKU)
             else [null] end) as sku
    from hits
)
select
    cast(u as varchar) as user_id,
    cast(v as varchar) as session_id,
    make_timestamp(t0 * 1000000 + coalesce(h.time, 0) * 1000) as ts,
    case h.eCommerceAction.action_type
        when '1' then 'click' when '2' then 'view' when '3' then 'add_to_cart' when '4' then 'remove_from_cart'
        when '5' then 'checkout' when '6' then 'purchase' when '7' then 'refund'
        else case when h.promotionActionInfo.promoIsClick then 'promotion_click'
                  when h.type = 'PAGE' then 'page_view' else 'other' end end as event,
    sku as item_id,
    case when h.eCommerceAction.action_type = '6' then h.transaction.transactionId end as order_id,
    case when h.eCommerceAction.action_type = '6' then h.transaction.transactionRevenue / 1e6 end as order_value,
    h.hitNumber as hit
from lines
"""


def read_export() -> pa.Table:
    """Read each day alone: empty columns have another type from file to file."""
    connection = duckdb.connect()
    connection.execute("set threads = 2")
    days = []
    for path in sorted(DATA.glob("*.parquet")):
        days.append(connection.sql(QUERY, params=[str(path)]).to_arrow_table())
    table = pa.concat_tables([day.cast(days[0].schema) for day in days])
    return first_confirmations(connection, table)


def first_confirmations(connection: duckdb.DuckDBPyConnection, table: pa.Table) -> pa.Table:
    """Drop the purchase lines of repeated confirmation pages."""
    connection.register("log", table)
    return connection.sql(
        """select * exclude (hit, first) from (
               select *, first_value(struct_pack(session_id, hit)) over (
                   partition by user_id, order_id order by ts, hit) as first from log)
           where order_id is null or first = struct_pack(session_id, hit)"""
    ).to_arrow_table()


def simulated() -> pa.Table:
    """Simulate without dirt, and leave the robots out: the export has its robots filtered too."""
    columns = [
        Columns.user_id, Columns.session_id, Columns.ts, Columns.event, Columns.item_id, Columns.order_id,
        Columns.order_value,
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        simulate(folder, USERS, DAYS, SEED, dirt=Dirt.none())
        told = pq.read_table(Path(folder) / "truth_users.parquet").select([Columns.user_id, "robot"])
        events = pq.read_table(Path(folder) / "events.parquet", columns=columns)
    robots = told.filter(told["robot"])[Columns.user_id]
    return events.filter(pc.invert(pc.is_in(events[Columns.user_id], value_set=robots.combine_chunks())))


def rows(found: LogStatistics) -> dict[str, str]:
    steps, users, gap, visit = found.session_steps, found.user_sessions, found.step_gap_seconds, found.visit_gap_days
    table = {
        "events": f"{found.n_events:,}",
        "users": f"{found.n_users:,}",
        "sessions": f"{found.n_sessions:,}",
        "sessions a user, mean": f"{users['mean']:.2f}",
        "users with one session": f"{users['share_of_one']:.1%}",
        "steps a session, mean": f"{steps['mean']:.2f}",
        "steps a session, median / 90% / 99%": f"{steps['median']:.0f} / {steps['p90']:.0f} / {steps['p99']:.0f}",
        "sessions of one step": f"{steps['share_of_one']:.1%}",
        "seconds between steps, median / 90%": f"{gap['median']:.1f} / {gap['p90']:.1f}",
        "days between visits, median / 90%": f"{visit['median']:.2f} / {visit['p90']:.1f}",
    }
    for name, share in found.funnel.items():
        table[f"sessions with `{name}`"] = f"{share:.2%}"
    for name in ("page_view", "click", "view", "add_to_cart", "remove_from_cart", "search", "purchase"):
        table[f"steps that are `{name}`"] = f"{found.events.get(name, 0):.2%}"
    table["viewed items"] = f"{found.popularity['items']:,.0f}"
    table["views, Gini over items"] = f"{found.popularity['gini']:.3f}"
    table["views on the top 1% / 10% of items"] = (
        f"{found.popularity['top_1_percent']:.1%} / {found.popularity['top_10_percent']:.1%}"
    )
    table["orders"] = f"{found.orders['n']:,.0f}"
    table["lines an order"] = f"{found.orders['lines_per_order']:.2f}"
    table["value of an order, mean / median"] = f"{found.orders['mean_value']:.2f} / {found.orders['median_value']:.2f}"
    return table


def main() -> None:
    if not DATA.exists():
        sys.exit(f"no export at {DATA}: set CARTPATH_DATA")
    ours, theirs = rows(log_statistics(simulated())), rows(log_statistics(read_export()))
    print("# The simulated shop beside a real one\n")
    print(
        f"`simulate --users {USERS} --days {DAYS} --seed {SEED}` without dirt and robots, beside 70 days of the Google "
        "Merchandise Store\n(Google Analytics 360 export, list impressions left out, repeated confirmations dropped). "
        "Made by `python benchmarks/realism/run.py`.\n"
    )
    print("| | simulated | GA export |\n|---|---:|---:|")
    for name, value in ours.items():
        print(f"| {name} | {value} | {theirs[name]} |")
    print((Path(__file__).parent / "notes.md").read_text(), end="")


if __name__ == "__main__":
    main()
