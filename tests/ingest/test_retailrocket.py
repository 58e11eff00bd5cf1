"""Retailrocket: events, the latest item properties, category paths; and CoTRec's sessions, on the real files too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartpath import ingest, store
from cartpath.config import Settings, StoreSettings
from cartpath.ingest import Context
from cartpath.ingest.adapters.retailrocket_items import catalogue, category_paths, latest
from cartpath.ingest.readers import parquet_reader
from cartpath.schema import CartpathError
from tests.ingest.sets import NOON, ZONES, put, read_set

EVENTS = """timestamp,visitorid,event,itemid,transactionid
1433221332117,257597,view,355908,
1433221342117,257597,addtocart,355908,
1433221352117,257597,transaction,355908,4000
"""
PART_1 = """timestamp,itemid,property,value
1435460400000,355908,categoryid,1338
1441508400000,355908,888,1116713 960601 n277.200
1439089200000,355908,available,0
"""
PART_2 = """timestamp,itemid,property,value
1442113200000,355908,available,1
1431226800000,355908,categoryid,7
1431226800000,59481,790,n15360.000
1431226800000,11,categoryid,99
"""
TREE = "categoryid,parentid\n1338,213\n213,140\n140,\n7,\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    parts = {"item_properties_part1_csv": PART_1, "item_properties_part2_csv": PART_2}
    return put(tmp_path / "rr", events_csv=EVENTS, category_tree_csv=TREE, **parts)


def test_the_events(folder: Path) -> None:
    done = read_set(folder, "retailrocket")
    assert done.column("event") == ["view", "add_to_cart", "purchase"]
    assert done.column("ts")[0] == "2015-06-02T05:02:12.117000+00:00"
    assert done.column("order_id") == [None, None, "4000"]
    assert set(done.column("user_id")) == {"257597"}
    assert set(done.column("item_id")) == {"355908"}


def test_the_catalogue_has_the_latest_values(folder: Path) -> None:
    done = read_set(folder, "retailrocket")
    assert done.items["355908"]["category"] == "140 > 213 > 1338"
    assert json.loads(done.items["355908"]["attributes"]) == {"available": "1"}
    assert done.items["11"]["category"] == "99", "a category that is not in the tree is its own path"
    assert done.tables["item properties"]["rows"] == 7
    assert done.tables["item properties"]["left_out"] == {
        "older_value": 2,
        "property_not_kept": 2,
    }


def test_further_properties_are_kept_by_choice(folder: Path) -> None:
    done = read_set(folder, "retailrocket", properties="790, 888")
    assert json.loads(done.items["355908"]["attributes"])["888"] == "1116713 960601 n277.200"
    assert json.loads(done.items["59481"]["attributes"]) == {"790": "n15360.000"}


def test_without_the_tree_a_category_is_its_id(folder: Path) -> None:
    (folder / "category_tree.csv").unlink()
    assert read_set(folder, "retailrocket").items["355908"]["category"] == "1338"


def test_a_tree_in_a_circle_ends() -> None:
    tree = pa.table({"categoryid": ["1", "2", "3", None], "parentid": ["2", "1", "3", "1"]})
    assert category_paths(tree) == {"1": "2 > 1", "2": "1 > 2", "3": "3"}


ROWS = st.tuples(st.integers(1, 4), st.sampled_from(["1", "2"]), st.sampled_from(["categoryid", "available", "888"]))


@given(st.lists(ROWS, max_size=30), st.integers(1, 5))
def test_reading_in_pieces_keeps_what_is_latest(rows: list[tuple[int, str, str]], size: int) -> None:
    context = Context(Path("a"), {"properties": ""})
    names = ["timestamp", "itemid", "property", "value"]
    whole = [(str(time), item, name, str(at)) for at, (time, item, name) in enumerate(rows)]
    schema = pa.schema([(name, pa.string()) for name in names])
    tables = [pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in whole[at : at + size]], schema)
              for at in range(0, len(whole), size)]  # fmt: skip
    held = schema.empty_table()
    for table in tables:
        held = latest(pa.concat_tables([held, latest(table, context)]), context)
    expected: dict[tuple[str, str], tuple[int, str]] = {}
    for time, item, name, value in whole:
        if name != "888" and int(time) >= expected.get((item, name), (0, ""))[0]:
            expected[item, name] = (int(time), value)
    found = {(row["itemid"], row["property"]): row["value"] for row in held.to_pylist()}
    assert found == {key: value for key, (_, value) in expected.items()}
    assert sum(context.left_out.values()) == len(rows) - len(expected)
    assert set(catalogue(held, context)["item_id"].to_pylist()) == {item for item, _ in expected}


def test_times_that_are_absurd_are_quarantined(tmp_path: Path) -> None:
    rows = "".join(f"{time},u,view,i,\n" for time in (*ZONES, -1, 32503680000000, "", "1433221332117"))
    done = read_set(
        put(tmp_path / "rr", events_csv="timestamp,visitorid,event,itemid,transactionid\n" + rows), "retailrocket"
    )
    assert done.column("ts")[:3] == [NOON] * 3
    assert len(done.events) == 4
    assert done.reasons == {"unreadable_time": 3, "time_before_1995": 1, "time_in_future": 1}


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"events_csv": "ts,visitorid,event,itemid\n1,1,view,1\n"}, "lacks timestamp, transactionid; columns expected"),
        ({"events_csv": ""}, "events.csv is empty"),
        ({"category_tree_csv": TREE}, "nothing to read"),
        ({"item_properties_part1_csv": "timestamp,itemid,value\n1,1,1\n"}, "named as item properties.*lacks property"),
    ],
)
def test_files_that_do_not_fit(tmp_path: Path, files: dict[str, str], message: str) -> None:
    with pytest.raises(CartpathError, match=message):
        read_set(put(tmp_path / "rr", **files), "retailrocket")


def test_a_line_that_is_cut_is_quarantined(tmp_path: Path) -> None:
    done = read_set(put(tmp_path / "rr", events_csv=EVENTS[:-20]), "retailrocket")
    assert (len(done.events), done.reasons) == (2, {"wrong_number_of_fields": 1})


def _sessions(path: Path, **columns: list[Any]) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def test_sessions_are_in_order_and_the_target_is_last(tmp_path: Path) -> None:
    _sessions(tmp_path / "cotrec_test.parquet", seq=[[5, 6], [], None, [7]], target=[5, 8, None, None])
    done = read_set(tmp_path, "retailrocket")
    found = [(e["user_id"], e["item_id"], e["ts"][17:19]) for e in done.events]
    assert found == [("cotrec_test:1", "5", "00"), ("cotrec_test:1", "6", "01"), ("cotrec_test:1", "5", "02"),
                     ("cotrec_test:2", "8", "00"), ("cotrec_test:4", "7", "00")]  # fmt: skip
    assert done.reasons == {"missing_user": 1}
    assert set(done.column("event")) == {"view"}


@pytest.mark.parametrize("size", [1, 2, 100])
def test_rows_that_begin_the_row_before_can_be_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(parquet_reader, "NESTED_ROWS", size)
    _sessions(tmp_path / "test.parquet", seq=[[1, 2, 3], [1, 2], [1], [1, 2]], target=[4, 3, 2, 9])
    done = read_set(tmp_path, "retailrocket", prefixes="drop")
    assert list(dict.fromkeys(done.column("user_id"))) == ["test:1", "test:4"]
    assert done.not_requested == 3 + 2
    assert len(read_set(tmp_path, "retailrocket").events) == 4 + 3 + 2 + 3


def _stored(tmp_path: Path, source: Path, **options: str) -> ingest.IngestSummary:
    store.init(tmp_path / "shop", Settings(StoreSettings(buckets=4)))
    return ingest.ingest(tmp_path / "shop", [str(source)], adapter="retailrocket", options=options)


def _control(data_dir: Path) -> tuple[list[list[int]], list[list[int]]]:
    """Every session of the real files, worked out without the adapter."""
    train, test = (pq.read_table(data_dir / "retailrocket" / f"cotrec_{name}.parquet").to_pydict()
                   for name in ("all_train_seq", "test"))  # fmt: skip
    return train["seq"], [[*seq, target] for seq, target in zip(test["seq"], test["target"], strict=True)]


def test_the_real_sessions(tmp_path: Path, data_dir: Path) -> None:
    train, test = _control(data_dir)
    whole = train + test
    done = _stored(tmp_path, data_dir / "retailrocket")
    assert (done.users, done.sessions, done.source_rows) == (len(whole), len(whole), len(whole)) == (141_300,) * 3
    assert done.read == done.stored == sum(map(len, whole)) == 814_257
    assert done.items == len({item for session in whole for item in session}) == 36_968


def test_the_real_test_sessions_without_those_that_begin_another(tmp_path: Path, data_dir: Path) -> None:
    _, test = _control(data_dir)
    kept = [s for s, before in zip(test, [None, *test], strict=False) if before is None or s != before[:-1]]
    done = _stored(tmp_path, data_dir / "retailrocket" / "cotrec_test.parquet", prefixes="drop")
    assert (done.users, done.stored) == (len(kept), sum(map(len, kept)))
    assert (done.users, done.stored + done.not_requested) == (4_735, 128_273)


def test_a_set_that_was_read_is_left_alone(tmp_path: Path, folder: Path) -> None:
    first = _stored(tmp_path, folder)
    assert (first.stored, first.files, [t["kind"] for t in first.tables]) == (
        3,
        3,
        ["category tree", "item properties"],
    )
    again = ingest.ingest(tmp_path / "shop", [str(folder)], adapter="retailrocket")
    assert (again.read, again.unchanged_files) == (0, 3)
