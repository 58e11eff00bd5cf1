"""The files: types, the same bytes from the same seed however the work is cut, atomic replacement."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cartpath.schema import CartpathError, event_schema
from cartpath.simulate import Dirt, run, simulate

from .conftest import DAYS, SEED, USERS, Simulated

FILES = ("events.parquet", "items.parquet", "users.parquet", "truth.json", "truth_users.parquet", "truth_dirt.parquet")


def digests(folder: Path) -> dict[str, str]:
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in FILES}


def test_same_seed_same_bytes_however_the_work_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dirty: Simulated
) -> None:
    monkeypatch.setattr(run, "_BLOCK_ROWS", 5_000)  # many blocks of users, many slices of time
    monkeypatch.setattr(run, "_SLICE_ROWS", 10_000)
    simulate(tmp_path, USERS, DAYS, SEED, dirt=Dirt().scaled(5))
    assert digests(tmp_path) == digests(dirty.folder)


def test_a_buffer_too_small_for_one_user_grows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    simulate(tmp_path / "a", 40, 60, 3)
    monkeypatch.setattr(run, "_BLOCK_ROWS", 64)
    simulate(tmp_path / "b", 40, 60, 3)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")


def test_another_seed_gives_another_log(tmp_path: Path) -> None:
    simulate(tmp_path / "a", 50, 5, 1)
    simulate(tmp_path / "b", 50, 5, 2)
    assert digests(tmp_path / "a")["events.parquet"] != digests(tmp_path / "b")["events.parquet"]


def test_events_have_the_canonical_columns_and_types(dirty: Simulated) -> None:
    schema = pq.read_schema(dirty.folder / "events.parquet")
    assert schema.names == event_schema().names
    wide = {"quantity": pa.int64()}
    for field in event_schema():
        assert schema.field(field.name).type == wide.get(field.name, field.type), field.name
    assert schema.metadata is None


def test_row_groups_are_of_equal_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "ROW_GROUP", 1000)
    simulate(tmp_path, 300, 20, 5)
    metadata = pq.read_metadata(tmp_path / "events.parquet")
    sizes = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
    assert set(sizes[:-1]) == {1000}
    assert 0 < sizes[-1] <= 1000


def test_rows_stand_in_order_of_time_but_for_late_ones(clean: Simulated, dirty: Simulated) -> None:
    assert clean.events["ts"].is_monotonic_increasing
    out_of_place = (dirty.events["ts"].diff() < pd.Timedelta(0)).mean()
    assert 0.005 < out_of_place < 0.06


def test_sessions_are_those_an_inactivity_gap_of_30_minutes_gives(clean: Simulated) -> None:
    events = clean.events.sort_values(["user_id", "ts"], kind="stable")
    same_user = events["user_id"].eq(events["user_id"].shift())
    pause = events["ts"].diff().dt.total_seconds() > 1800
    derived = (~same_user | pause).sum()
    assert derived == events["session_id"].nunique() == clean.truth["totals"]["clean"]["sessions"]


def test_items_and_users_are_complete(clean: Simulated) -> None:
    items = pq.read_table(clean.folder / "items.parquet").to_pandas()
    users = pq.read_table(clean.folder / "users.parquet").to_pandas()
    assert len(items) == clean.summary.items
    assert items["item_id"].is_unique
    assert items["category"].str.count(" > ").eq(2).all()
    assert items[["title", "description", "brand"]].notna().all().all()
    assert items["price"].gt(0).all()
    assert len(users) == USERS
    assert users["age"].dropna().between(18, 90).all()
    assert set(clean.events["item_id"].dropna()) <= set(items["item_id"])
    assert set(clean.events["user_id"]) == set(users["user_id"])


def test_a_failure_leaves_the_old_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    simulate(tmp_path, 30, 5, 1)
    before = digests(tmp_path)

    def fail(*args: object) -> None:
        raise RuntimeError("no more disk")

    monkeypatch.setattr(run.truth, "document", fail)
    with pytest.raises(RuntimeError, match="no more disk"):
        simulate(tmp_path, 30, 5, 2)
    assert digests(tmp_path) == before
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(FILES)


@pytest.mark.parametrize(("users", "days", "seed"), [(0, 1, 1), (1, 0, 1), (1, 1, -1), (10**9, 1, 1)])
def test_numbers_out_of_range_are_refused(tmp_path: Path, users: int, days: int, seed: int) -> None:
    with pytest.raises(CartpathError, match="must be from"):
        simulate(tmp_path, users, days, seed)


def test_a_file_in_the_way_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(CartpathError, match="cannot write"):
        simulate(tmp_path / "taken", 1, 1, 1)


def test_rates_of_dirt_are_checked() -> None:
    with pytest.raises(CartpathError, match="rates of dirt"):
        Dirt(missing_user=-0.1)
    with pytest.raises(CartpathError, match="rates of dirt"):
        Dirt().scaled(1000)


def test_progress_rises_to_one(tmp_path: Path) -> None:
    seen: list[float] = []
    summary = simulate(tmp_path, 1, 1, 1, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert json.loads(json.dumps(summary.to_dict()))["users"] == 1
