"""Runs stay mapped between questions, and never longer than their file."""

import os
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from cartpath import store
from cartpath.schema import CorruptStoreError
from cartpath.store import mapped
from cartpath.store.erase import erase

START = 1_704_326_400_000_000


def events(users: list[str], minute: int = 0) -> pa.Table:
    ts = pa.array([START + minute * 60_000_000] * len(users), pa.timestamp("us", tz="UTC"))
    return pa.table({"user_id": users, "ts": ts, "event": ["view"] * len(users)})


def write(shop: Path, table: pa.Table) -> None:
    with store.writer(shop) as writer:
        writer.add(table)
        writer.commit()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "shop"
    store.init(folder)
    write(folder, events([f"u{i}" for i in range(50)]))
    yield folder
    mapped.let_go(folder / "store")


def counted(shop: Path) -> int:
    with store.open_snapshot(shop) as snap:
        return sum(snap.bucket(b).n_events for b in range(snap.n_buckets))


def held(shop: Path) -> set[str]:
    return set(mapped._held.get(shop / "store", {}))


def test_a_second_question_maps_nothing(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert counted(shop) == 50
    monkeypatch.setattr(mapped, "load_run", lambda path: pytest.fail(f"{path} was mapped again"))
    assert counted(shop) == 50


def test_runs_of_an_earlier_generation_are_let_go(shop: Path) -> None:
    counted(shop)
    before = held(shop)
    write(shop, events([f"u{i}" for i in range(50)], minute=1))
    assert counted(shop) == 100
    with store.open_snapshot(shop) as snap:
        assert held(shop) <= snap.manifest.files()
    assert held(shop) != before


def test_a_forgotten_user_stays_in_no_mapping(shop: Path) -> None:
    counted(shop)
    erase(shop, "u7")
    assert held(shop) == set()
    assert counted(shop) == 49


def test_a_file_that_was_put_in_its_place_is_read(shop: Path) -> None:
    counted(shop)
    name = next(iter(held(shop)))
    path = shop / "store" / name
    copy = path.with_suffix(".copy")
    copy.write_bytes(b"damaged")
    os.replace(copy, path)
    with pytest.raises(CorruptStoreError):
        counted(shop)
    path.unlink()
    with pytest.raises(CorruptStoreError):
        counted(shop)


def test_what_stays_is_bounded(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapped, "MOST_FILES", 3)
    assert counted(shop) == counted(shop) == 50
    assert len(held(shop)) == 3
    mapped.let_go(shop / "store")
    monkeypatch.setattr(mapped, "MOST_BYTES", 0)
    assert counted(shop) == 50
    assert held(shop) == set()


def test_no_file_stays_open(shop: Path) -> None:
    counted(shop)
    before = len(os.listdir("/proc/self/fd"))
    mapped.let_go(shop / "store")
    counted(shop)
    assert len(os.listdir("/proc/self/fd")) == before
