"""The Google Analytics adapter on the real export; expected figures are those of ../shared/data/README.md."""

from __future__ import annotations

import datetime
import gzip
import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json
import pyarrow.parquet as pq
import pytest

from cartpath import store
from cartpath.ingest.adapters.ga360 import ADAPTER, unnest_ga360
from cartpath.ingest.run import ingest
from cartpath.schema import Columns
from tests.ingest import ga360_twin as twin
from tests.ingest.test_ga360 import COMPARED, as_json_export

#: The first day; one with a coupon column; the one whose transactions are NULL-typed; one without any site search.
DAYS = ("20160801", "20160909", "20160803", "20160928")


def read(data_dir: Path, day: str) -> pa.Table:
    file = data_dir / "ga360_merch" / f"ga_sessions_{day}.parquet"
    return pq.ParquetFile(file).read(columns=list(ADAPTER.read_columns or ()))


def every(visits: pa.Table, n: int) -> pa.Table:
    """Return each n-th visit: the files are ordered, the short visits first."""
    return visits.take(pa.array(range(0, len(visits), n)))


@pytest.mark.parametrize("day", DAYS)
def test_a_day_agrees_with_the_slow_twin(data_dir: Path, day: str) -> None:
    visits = every(read(data_dir, day), 4)
    found = unnest_ga360(visits, impressions=True)
    assert found.events.select(COMPARED).to_pylist() == list(twin.events(visits.to_pylist(), impressions=True))


def test_a_day_as_json_lines_is_the_day_as_parquet(data_dir: Path) -> None:
    visits = every(read(data_dir, DAYS[0]), 4)
    lines = "\n".join(json.dumps(as_json_export(visit)) for visit in visits.to_pylist())
    text = pyarrow.json.read_json(io.BytesIO(lines.encode()), read_options=pyarrow.json.ReadOptions(block_size=1 << 26))
    from_text, from_parquet = unnest_ga360(text, impressions=True), unnest_ga360(visits, impressions=True)
    assert from_text.events.num_rows > 20_000
    assert from_text.events.equals(from_parquet.events)
    assert from_text.items == from_parquet.items


def test_every_visitor_of_a_day_has_an_event(data_dir: Path) -> None:
    visits = read(data_dir, DAYS[0])
    found = unnest_ga360(visits).events
    visitors = visits["fullVisitorId"].cast(pa.string()).unique()
    assert set(found[Columns.user_id].unique().to_pylist()) == set(visitors.to_pylist())
    local = datetime.datetime(2016, 8, 1, 7, tzinfo=datetime.UTC)  # midnight in Mountain View
    bounds = pc.min_max(found[Columns.ts]).as_py()
    assert local <= bounds["min"] < bounds["max"] < local + datetime.timedelta(days=1, hours=5)


def test_both_forms_make_the_same_store(data_dir: Path, tmp_path: Path) -> None:
    visits = every(read(data_dir, DAYS[0]), 5)
    pq.write_table(visits, tmp_path / "day.parquet")
    with gzip.open(tmp_path / "day.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(as_json_export(visit)) + "\n" for visit in visits.to_pylist())
    told = []
    for name in ("day.parquet", "day.jsonl.gz"):
        shop = tmp_path / f"shop of {name}"
        store.init(shop)
        summary = ingest(shop, [str(tmp_path / name)], adapter="ga360")
        assert summary.read == summary.stored + summary.duplicates > 1000
        with store.open_snapshot(shop) as snapshot:
            told.append((snapshot.totals, snapshot.items, [snapshot.bucket(b).ts.tolist() for b in range(64)]))
    assert told[0] == told[1]


def kept(purchases: pa.Table) -> pa.Table:
    """Apply the rule of ``Columns.once``: the first hit with a transaction id keeps all its lines."""
    firsts: dict[str, tuple[Any, ...]] = {}
    keys = ("_once", "ts", "session_id", "_hit")
    rows = list(zip(*(purchases[name].to_pylist() for name in keys), strict=True))
    for once, ts, session, number in rows:
        firsts[once] = min(firsts.get(once, (ts, session, number)), (ts, session, number))
    return purchases.filter(pa.array([firsts[once] == (ts, session, number) for once, ts, session, number in rows]))


@pytest.mark.slow
def test_the_control_figures_of_the_seventy_days(data_dir: Path) -> None:
    events: Counter[str] = Counter()
    rows = impressions = 0
    purchases, users, ids, items = [], set(), [], set()
    for file in sorted((data_dir / "ga360_merch").glob("*.parquet")):
        day = file.stem.removeprefix("ga_sessions_")
        found = unnest_ga360(read(data_dir, day))
        events.update({r["values"]: r["counts"] for r in pc.value_counts(found.events["event"]).to_pylist()})
        rows, impressions = rows + found.source_rows, impressions + found.not_requested
        users.update(found.events["user_id"].unique().to_pylist())
        ids.append(found.events["event_id"])
        purchases.append(found.events.filter(pc.equal(found.events["event"], "purchase")))
        items.update(found.items["item_id"].to_pylist() if found.items is not None else [])
    assert (rows, len(users), impressions) == (169_866, 137_619, 6_503_046)
    assert events == {
        "page_view": 658_978,
        "click": 130_631,
        "view": 107_283,
        "checkout": 61_776,
        "add_to_cart": 29_667,
        "promotion_click": 27_114,
        "purchase": 15_734,
        "event": 6_302,
        "remove_from_cart": 3_749,
        "Contact Us/Onsite Click": 1_290,
    }
    distinct = pa.chunked_array([chunk for column in ids for chunk in column.chunks])
    assert pc.count_distinct(distinct).as_py() == len(distinct) == sum(events.values())
    bought = kept(pa.concat_tables(purchases))
    assert bought.num_rows == 7_412
    orders = bought.group_by(Columns.order_id).aggregate([(Columns.order_value, "max")])
    assert len(orders) == 2_266
    assert pc.sum(orders["order_value_max"]).as_py() == pytest.approx(326_663.27, abs=0.005)
    # Transactions that the export's own session totals count without revenue.
    assert pc.sum(pc.equal(orders["order_value_max"], 0.0)).as_py() == 37
