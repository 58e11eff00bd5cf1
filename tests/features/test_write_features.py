"""Features of a store: the same rows for any number of buckets, in files that say what they hold."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq
import pytest

import cartpath
from cartpath import config, store
from cartpath.features import (
    feature_columns,
    fit_reference,
    fit_reference_over,
    snapshot_features,
    user_features,
    write_features,
)
from cartpath.features.profile import write
from cartpath.schema import CartpathError
from tests.features.logs import items_table, make_log, random_table

AT = 1_704_585_600_000_000  # 7 January 2024, 0:00
ZONE = "Asia/Tokyo"
USERS = pa.table(
    {
        "user_id": [*(f"u{i}" for i in range(30)), "nobody"],
        "age": [20 + i for i in range(31)],
        "plan": [*(["free", None, "gift"] * 10), "paid"],
        "joined": pa.array([0] * 31, pa.timestamp("us")),
    }
)


def shop_of(folder: Path, buckets: int, table: pa.Table | None = None, users: pa.Table | None = None) -> Path:
    store.init(folder, config.Settings(config.StoreSettings(buckets), shop=config.ShopSettings(ZONE)))
    with store.writer(folder) as writer:
        writer.add(random_table(1, users=40) if table is None else table)
        writer.put_items(items_table())
        if users is not None:
            writer.put_users(users)
        writer.commit(sources=[{"file": "a", "hash": "1", "adapter": "test", "read": 1}], quarantine={})
    return folder


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shop_of(tmp_path_factory.mktemp("many") / "shop", 8, users=USERS)


def sorted_rows(table: pa.Table) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = table.sort_by("user_id").to_pylist()
    return rows


def test_one_bucket_and_many_have_the_same_rows(shop: Path, tmp_path: Path) -> None:
    single = shop_of(tmp_path / "one", 1, users=USERS)
    found = []
    for folder in (shop, single):
        with store.open_snapshot(folder) as snapshot:
            found.append(sorted_rows(snapshot_features(snapshot, AT, ZONE).arrow()))
    assert found[0] == found[1]
    assert len(found[0]) > 10


def test_a_store_and_a_log_in_memory_agree(shop: Path) -> None:
    log = make_log(random_table(1, users=40))
    memory = user_features(log, AT, ZONE, fit_reference(log, AT, USERS))
    with store.open_snapshot(shop) as snapshot:
        stored = snapshot_features(snapshot, AT, ZONE)
    assert sorted_rows(stored.arrow()) == sorted_rows(memory.arrow())


@pytest.mark.parametrize("rows", [1, 20_000])
def test_parquet_says_what_its_columns_are(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    monkeypatch.setattr(write, "_ROWS", rows)
    steps: list[tuple[int, int]] = []
    out = tmp_path / "a.parquet"
    with store.open_snapshot(shop) as snapshot:
        summary = write_features(snapshot, AT, out, ZONE, lambda done, total: steps.append((done, total)))
        whole = snapshot_features(snapshot, AT, ZONE)
        columns = feature_columns(fit_reference_over(snapshot, AT).people)
    found = pq.read_table(out)
    assert found.to_pylist() == whole.arrow().to_pylist()
    assert summary["rows"] == found.num_rows == len(whole)
    assert summary["columns"] == len(columns) == found.num_columns - 1
    assert steps == [(i + 1, 8) for i in range(8)]
    for column in columns:
        assert found.schema.field(column.name).metadata == {
            b"unit": column.unit.encode(),
            b"about": column.about.encode(),
        }
    about = json.loads(found.schema.metadata[b"cartpath"])
    assert about == {"at": "2024-01-07T00:00:00Z", "time_zone": ZONE, "generation": 1}
    assert found.schema.field("visits").type == pa.int64()
    assert set(found["user_plan"].to_pylist()) == {None, "free", "gift"}
    assert not list(tmp_path.glob("*.tmp"))


def test_csv_has_its_columns_described_beside_it(shop: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.csv"
    with store.open_snapshot(shop) as snapshot:
        summary = write_features(snapshot, AT, out, ZONE)
        whole = snapshot_features(snapshot, AT, ZONE)
    found = csv.read_csv(out)
    assert found.column_names == ["user_id", *whole.names]
    assert found["visits"].to_pylist() == whole.arrow()["visits"].to_pylist()
    np.testing.assert_array_equal(found["tenure"].to_numpy(), whole.arrow()["tenure"].to_numpy())
    assert found["days_since_purchase"].null_count == whole.arrow()["days_since_purchase"].null_count > 0
    assert summary["warnings"] == ["no number, text or list of texts, so left out of the table of users: joined"]
    described = json.loads((tmp_path / "a.csv.columns.json").read_text())
    assert [column["name"] for column in described["columns"]] == whole.names
    assert described["at"] == "2024-01-07T00:00:00Z"


def test_later_events_in_the_store_change_nothing(shop: Path, tmp_path: Path) -> None:
    table = random_table(1, users=40)
    past = table.filter(pa.array(table["ts"].cast(pa.int64()).to_numpy() < AT))
    cut = shop_of(tmp_path / "cut", 8, past, USERS)
    found = []
    for folder in (shop, cut):
        with store.open_snapshot(folder) as snapshot:
            found.append(sorted_rows(snapshot_features(snapshot, AT, ZONE).arrow()))
    assert found[0] == found[1]


def test_from_a_notebook(shop: Path, tmp_path: Path) -> None:
    opened = cartpath.open(str(shop))
    found = opened.features("2024-01-07T09:00")  # Tokyo is nine hours ahead
    assert found.frame.equals(opened.features(AT).frame)
    assert opened.write_features(AT, tmp_path / "a.csv")["rows"] == len(found)
    assert [column["name"] for column in opened.feature_columns()] == found.names


def test_orders_and_spend_are_those_of_other_views(shop: Path) -> None:
    opened = cartpath.open(str(shop))
    found = opened.features(AT).frame
    until = "2024-01-07T09:00"
    assert found["orders"].sum() == opened.repurchase(until=until).result.numbers["orders"] > 5
    assert found["orders"].sum() == opened.attribution(of="device", until=until).to_dict()["conversions"]
    assert found["spend"].sum() == pytest.approx(opened.attribution(of="device", until=until).to_dict()["revenue"])
    assert found["events"].sum() == opened.repurchase(until=until).result.basis.events


def test_an_error_midway_leaves_no_file(shop: Path, tmp_path: Path) -> None:
    def fail(done: int, total: int) -> None:
        raise KeyboardInterrupt

    out = tmp_path / "a.parquet"
    out.write_text("before")
    with store.open_snapshot(shop) as snapshot, pytest.raises(KeyboardInterrupt):
        write_features(snapshot, AT, out, ZONE, fail)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.parquet", "before")]


def test_an_empty_store(tmp_path: Path) -> None:
    store.init(tmp_path / "shop")
    with store.open_snapshot(tmp_path / "shop") as snapshot, pytest.raises(CartpathError, match="no events"):
        write_features(snapshot, AT, tmp_path / "a.csv")


@pytest.mark.parametrize("name", ["tfidf", "word2vec", "item2vec"])
def test_text_is_the_same_in_any_store_and_follows_the_profile(shop: Path, tmp_path: Path, name: str) -> None:
    pytest.importorskip("gensim")
    single, out = shop_of(tmp_path / "one", 1, users=USERS), tmp_path / "a.parquet"
    found = []
    for folder in (shop, single):
        with store.open_snapshot(folder) as snapshot:
            found.append(sorted_rows(snapshot_features(snapshot, AT, ZONE, text=[name]).arrow()))
    assert found[0] == found[1]
    opened = cartpath.open(str(shop))
    steps: list[str] = []
    told = opened.write_features(AT, out, lambda done, total, *words: steps.extend(words), [name])
    table = pq.read_table(out)
    assert sorted_rows(table) == found[0]
    assert table.column_names[1:] == [column["name"] for column in opened.feature_columns([name])]
    assert table.column_names[-3:] == [f"{name}_{last}" for last in ("events", "last_to_mean", "spread")]
    assert told["text"] == json.loads(table.schema.metadata[b"cartpath"])["text"] == [name]
    assert "reading texts" in steps
    assert table.drop(table.column_names[-35:]).to_pylist() == opened.features(AT).arrow().to_pylist()
