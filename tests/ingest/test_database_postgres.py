"""A query as a source, on a real PostgreSQL: types, times, rows that cannot be used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from cartpath import ingest, store
from cartpath.config import Settings, StoreSettings
from cartpath.schema import CartpathError, Columns, event_schema
from cartpath.simulate import simulate
from tests.ingest.postgres import Schema, quarantine

ALL = "select * from log"
SECRET = "s3cr3t/hunter"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    store.init(tmp_path / "shop", Settings(StoreSettings(buckets=2)))
    return tmp_path / "shop"


def _events(shop: Path) -> list[dict[str, Any]]:
    parts = sorted((shop / "store" / "events").rglob("*.parquet"))
    rows = [row for part in parts for row in pq.read_table(part).to_pylist()]
    return sorted(rows, key=lambda row: (row[Columns.user_id], row[Columns.ts]))


def test_every_type_finds_its_column(shop: Path, postgres: Schema) -> None:
    postgres.execute("create type mood as enum ('view', 'purchase')")
    query = """
        select 12345678901234567890::numeric(20, 0) as user_id, timestamptz '2020-01-01 00:00:00.123456+02' as ts,
        'purchase'::mood as event, 7::bigint as item_id, '6f1d2c3e-0000-4000-8000-000000000001'::uuid as session_id,
        12.50::numeric(10, 2) as price, 3::smallint as quantity, 'o1'::varchar(9) as order_id,
        'NaN'::float8 as order_value, 'p '::char(4) as page, null::text as query, 5 as event_id,
        '{"b": [1, 2], "a": null}'::jsonb as props, true as channel, inet '10.0.0.1' as source,
        date '2020-01-02' as medium, 1.5::real as campaign, true as is_direct, 2::numeric as visit_number,
        '\\x00'::bytea as left_alone
    """
    done = ingest.ingest(
        shop, [], database=postgres.url, query=query, options={"decimal": ",", "time_format": "%d.%m.%Y"}
    )
    assert (done.read, done.stored, done.quarantined, done.blanked) == (1, 1, 0, 1)  # blanked: the NaN
    assert done.first == "2019-12-31T22:00:00.123456Z"
    (event,) = _events(shop)
    found = {name: value for name, value in event.items() if name in event_schema().names and value is not None}
    assert {name: value for name, value in found.items() if name != Columns.ts} == {
        "user_id": "12345678901234567890", "event": "purchase", "item_id": "7",
        "session_id": "6f1d2c3e-0000-4000-8000-000000000001", "price": 12.5, "quantity": 3, "order_id": "o1",
        "page": "p   ", "event_id": "5", "props": '{"a": null, "b": [1, 2]}', "channel": "true", "source": "10.0.0.1",
        "medium": "2020-01-02", "campaign": "1.5", "is_direct": True, "visit_number": 2,
    }  # fmt: skip


def test_times_in_several_zones(shop: Path, postgres: Schema) -> None:
    postgres.execute(
        "create table log (user_id text, aware timestamptz, naive timestamp, day date, words text, epoch numeric)"
    )
    postgres.execute("set time zone 'Asia/Kolkata'")
    postgres.execute(
        "insert into log values ('u', '2020-07-01 12:00:00+00', '2020-07-01 12:00:00', '2020-07-01',"
        " '2020-07-01 12:00:00+05:30', 1593604800.25), ('u', '2020-01-01 12:00:00 America/New_York',"
        " '2020-01-01 12:00:00', '2020-01-01', '2020-01-01T12:00:00-08:00', 1577880000.5)"
    )

    def times(column: str, zone: str) -> list[str]:
        target = shop.with_name(f"{column}-{zone.replace('/', '-')}")
        store.init(target, Settings(StoreSettings(buckets=1)))
        query, options = (
            f"select user_id, {column} as ts, 'view' as event from log",
            {"time_zone": zone} if zone else {},
        )
        ingest.ingest(target, [], database=postgres.url, query=query, options=options)
        return [f"{event[Columns.ts]:%m-%d %H:%M:%S.%f}"[:-4] for event in _events(target)]

    assert times("aware", "Europe/Berlin") == ["01-01 17:00:00.00", "07-01 12:00:00.00"]
    assert times("naive", "") == ["01-01 12:00:00.00", "07-01 12:00:00.00"]
    assert times("naive", "Europe/Berlin") == ["01-01 11:00:00.00", "07-01 10:00:00.00"]
    assert times("day", "Europe/Berlin") == ["12-31 23:00:00.00", "06-30 22:00:00.00"]
    assert times("words", "Europe/Berlin") == ["01-01 20:00:00.00", "07-01 06:30:00.00"]
    assert times("epoch", "") == ["01-01 12:00:00.50", "07-01 12:00:00.25"]


def test_arrays_and_objects_become_json(shop: Path, postgres: Schema) -> None:
    query = "select 'u' as user_id, now() as ts, 'view' as event, array[array[1, null], array[2, 3]] as props"
    ingest.ingest(shop, [], database=postgres.url, query=query)
    assert [event["props"] for event in _events(shop)] == ["[[1, null], [2, 3]]"]


@pytest.mark.parametrize(
    ("column", "message", "hint"),
    [("array['a'] as page", r"'page' is of type text\[\], which cannot be 'page'", "array_to_string"),
     ("'{}'::jsonb as item_id", "'item_id' is of type jsonb", "item_id->>'name'"),
     ("'12'::money as price", "'price' is of type money", "::numeric"),
     ("true as quantity", "'quantity' is of type boolean", "cast it"),
     ("interval '1 day' as page", "'page' is of type interval", "page::text"),
     ("row(1, 2) as props", "'props' is of type record", "props::text"),
     ("'\\x00'::bytea as props", "'props' is of type bytea", "props::text")],
)  # fmt: skip
def test_a_type_that_cannot_be_used_is_named(
    shop: Path, postgres: Schema, column: str, message: str, hint: str
) -> None:
    query = f"select 'u' as user_id, now() as ts, 'view' as event, {column}"
    with pytest.raises(CartpathError, match=message) as caught:
        ingest.ingest(shop, [], database=postgres.url, query=query)
    assert hint in caught.value.hint


def test_bad_rows_have_the_results_row_numbers(shop: Path, postgres: Schema, small: None) -> None:
    postgres.log(250)
    postgres.execute("update log set user_id = null where id = 130")
    postgres.execute("update log set ts = 'infinity' where id = 7")
    postgres.execute("update log set ts = '0044-03-15 00:00:00 BC' where id = 8")
    postgres.execute("update log set price = -1 where id = 250")
    query = "select * from log order by id"
    done = ingest.ingest(shop, [], database=postgres.url, query=query)
    assert (done.read, done.stored, done.quarantined) == (250, 246, 4)
    rows = quarantine(shop)
    assert [(row["row"], row["reason"]) for row in rows] == [
        (7, "time_before_1995"), (8, "unreadable_time"), (130, "missing_user"), (250, "negative_price")
    ]  # fmt: skip
    assert json.loads(rows[0]["raw"])["ts"] == "infinity"
    assert json.loads(rows[3]["raw"]) == {
        "user_id": "u0", "ts": "2020-01-01 00:04:10+00", "event": "view", "price": -1.0
    }  # fmt: skip


def test_a_table_becomes_what_its_file_becomes(shop: Path, postgres: Schema, tmp_path: Path) -> None:
    simulate(tmp_path / "log", users=150, days=20, seed=3)
    table = pq.read_table(tmp_path / "log" / "events.parquet")
    types = {"double": "double precision", "int64": "bigint", "int32": "integer", "bool": "boolean", "string": "text",
             "timestamp[us, tz=UTC]": "timestamptz"}  # fmt: skip
    columns = ", ".join(f'"{field.name}" {types[str(field.type)]}' for field in table.schema)
    postgres.execute(f"create table log (n serial, {columns})")
    names = ", ".join(f'"{name}"' for name in table.column_names)
    with postgres.connection.cursor().copy(f"copy log ({names}) from stdin") as copy:
        for row in zip(*(column.to_pylist() for column in table.columns), strict=True):
            copy.write_row(row)
    other = tmp_path / "other"
    store.init(other, Settings(StoreSettings(buckets=2)))
    one = ingest.ingest(shop, [str(tmp_path / "log" / "events.parquet")], adapter="cartpath").to_dict()
    two = ingest.ingest(
        other, [], adapter="cartpath", database=postgres.url, query="select * from log order by n"
    ).to_dict()
    assert one["read"] == len(table) > 3000
    apart = ("seconds", "quarantine_file")
    assert {n: v for n, v in one.items() if n not in apart} == {n: v for n, v in two.items() if n not in apart}
    assert one["quarantined"] > 0
    assert [(r["row"], r["reason"]) for r in quarantine(shop)] == [(r["row"], r["reason"]) for r in quarantine(other)]
    with store.open_snapshot(shop) as a, store.open_snapshot(other) as b:
        for bucket in range(2):
            left, right = a.bucket(bucket), b.bucket(bucket)
            assert left.user_id.to_pylist() == right.user_id.to_pylist()
            for name in ("ts", "price", "order", "quantity"):
                np.testing.assert_array_equal(getattr(left, name), getattr(right, name))
            for name in ("event", "item", "page", "query"):
                words, others = [*a.codes(name), None], [*b.codes(name), None]  # -1 is None
                assert [words[c] for c in getattr(left, name)] == [others[c] for c in getattr(right, name)]
