"""YooChoose: clicks and buys without headers, clicks as Parquet; the session is the user."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cartpath import ingest, store
from cartpath.config import Settings, StoreSettings
from cartpath.paths import status
from cartpath.schema import CartpathError, iso
from tests.ingest.sets import NOON, ZONES, put, read_set

CLICKS = """1,2014-04-07T10:51:09.277Z,214536502,0
1,2014-04-07T10:54:09.868Z,214536500,S
2,2014-04-07T13:56:37.614Z,214662742,7
2,2014-04-07T13:57:19.373Z,214662742,2089046723
"""
BUYS = """1,2014-04-07T11:00:00.000Z,214536500,12462,2
2,2014-04-07T14:00:00.000Z,214662742,0,0
2,2014-04-07T14:00:00.000Z,214662743,1046,1
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return put(tmp_path / "yc", **{"yoochoose-clicks_dat": CLICKS, "yoochoose-buys_dat": BUYS})


def test_clicks_and_buys(folder: Path) -> None:
    done = read_set(folder, "yoochoose")
    assert done.column("event") == ["purchase"] * 3 + ["view"] * 4
    assert done.column("user_id") == done.column("session_id") == ["1", "2", "2", "1", "1", "2", "2"]
    assert done.column("order_id") == ["1", "2", "2"] + [None] * 4
    assert done.column("ts")[3] == "2014-04-07T10:51:09.277000+00:00"
    assert done.column("props")[3:] == [None, '{"special_offer": true}', None, None]


def test_a_price_of_nothing_is_unknown(folder: Path) -> None:
    done = read_set(folder, "yoochoose")
    assert done.column("price")[:3] == [12462.0, None, 1046.0]
    assert done.column("quantity")[:3] == [2, None, 1]


def test_the_category_of_a_click_is_a_shelf_or_a_brand(folder: Path) -> None:
    store.init(folder / "shop", Settings(StoreSettings(buckets=2)))
    ingest.ingest(folder / "shop", [str(folder / "yoochoose-clicks.dat")], adapter="yoochoose")
    with store.open_snapshot(folder / "shop") as snapshot:
        items = {row["item_id"]: (row["category"], row["brand"]) for row in snapshot.items.to_pylist()}
    assert items == {"214536502": (None, None), "214536500": (None, None), "214662742": ("7", "2089046723")}


def test_orders_are_sessions_that_bought(folder: Path) -> None:
    store.init(folder / "shop", Settings(StoreSettings(buckets=2)))
    done = ingest.ingest(folder / "shop", [str(folder / "yoochoose-buys.dat")], adapter="yoochoose")
    with store.open_snapshot(folder / "shop") as snapshot:
        found = status(snapshot)
    assert (done.stored, found.orders, found.revenue) == (3, 2, 12462 * 2 + 1046)


def test_the_event_can_be_named_and_buys_stay(folder: Path) -> None:
    assert set(read_set(folder, "yoochoose", event="click").column("event")) == {"click", "purchase"}


def test_headers_and_the_challenges_other_files(tmp_path: Path) -> None:
    files = {
        "yoochoose-test_dat": "Session ID,Timestamp,Item ID,Category\n" + CLICKS,
        "yoochoose-solution_dat": "1;2,3\n",
        "dataset-README_txt": "about",
    }
    done = read_set(put(tmp_path / "yc", **files), "yoochoose")
    assert len(done.events) == 4
    assert [Path(entry["file"]).name for entry in done.found.ignored] == [
        "dataset-README.txt",
        "yoochoose-solution.dat",
    ]


def test_zones_agree_and_absurd_ones_are_quarantined(tmp_path: Path) -> None:
    rows = "".join(f"1,{time},7,0\n" for time in (*ZONES, "1970-01-01T00:00:00Z", "2999-01-01T00:00:00Z"))
    done = read_set(put(tmp_path / "yc", clicks_dat=rows), "yoochoose")
    assert done.column("ts") == [NOON] * 3
    assert done.reasons == {"unreadable_time": 2, "time_before_1995": 1, "time_in_future": 1}


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"clicks_dat": ""}, "clicks.dat is empty"),
        ({"clicks_dat": BUYS}, "has 5 columns and no header; expected 4: Session ID, Timestamp, Item ID, Category"),
        ({"buys_dat": CLICKS}, "has 4 columns and no header; expected 5"),
        (
            {"buys_csv": "session,when,item,price,quantity\n" + BUYS},
            "named as buys of yoochoose but lacks Session ID or",
        ),
        ({"other_dat": CLICKS}, "no file that adapter yoochoose knows"),
    ],
)
def test_files_that_do_not_fit(tmp_path: Path, files: dict[str, str], message: str) -> None:
    with pytest.raises(CartpathError, match=message):
        read_set(put(tmp_path / "yc", **files), "yoochoose")


def test_a_line_that_is_cut_or_no_number_is_quarantined(tmp_path: Path) -> None:
    done = read_set(put(tmp_path / "yc", buys_dat=BUYS + "3,2014-04-07T14:00:00Z,1,cheap,1\n3,2014-04-0"), "yoochoose")
    assert (len(done.events), done.reasons) == (3, {"wrong_type": 1, "wrong_number_of_fields": 1})


def test_a_parquet_file_that_is_cut_is_told(tmp_path: Path) -> None:
    pq.write_table(pa.table({"SessionId": [1], "ItemId": [2], "Time": [1396437466.94]}), tmp_path / "clicks.parquet")
    whole = (tmp_path / "clicks.parquet").read_bytes()
    assert read_set(tmp_path, "yoochoose").column("ts") == ["2014-04-02T11:17:46.940000+00:00"]
    (tmp_path / "clicks.parquet").write_bytes(whole[:-30])
    with pytest.raises(CartpathError, match="cannot be read as Parquet"):
        read_set(tmp_path, "yoochoose")


@pytest.mark.parametrize("adapter", ["yoochoose", "generic"])
def test_the_real_clicks(tmp_path: Path, data_dir: Path, adapter: str) -> None:
    control = pq.read_table(data_dir / "yoochoose" / "yoochoose_clicks_100k.parquet").to_pydict()
    store.init(tmp_path / "shop", Settings(StoreSettings(buckets=4)))
    generic = {"user_id": "SessionId", "session_id": "SessionId", "item_id": "ItemId", "ts": "Time", "event": "=view"}
    mapping = generic if adapter == "generic" else {}
    done = ingest.ingest(tmp_path / "shop", [str(data_dir / "yoochoose")], adapter=adapter, mapping=mapping)
    sessions, items = len(set(control["SessionId"])), len(set(control["ItemId"]))
    assert (done.stored, done.users, done.sessions, done.items) == (83_845, sessions, sessions, items)
    assert (sessions, items, done.quarantined, done.duplicates) == (21_210, 2_933, 0, 0)
    first, last = (datetime.fromtimestamp(round(at, 3), UTC) for at in (min(control["Time"]), max(control["Time"])))
    assert (done.first, done.last) == (iso(round(first.timestamp() * 1e6)), iso(round(last.timestamp() * 1e6)))
