"""Building the path table anew: another bucket count or gap, or damaged path files."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartpath import config, store
from cartpath.schema import CartpathError, CorruptStoreError, WorkspaceBusyError
from cartpath.store.rebuild import rebuild
from tests.store.twin import Row, assert_same_store, dump_all, expected, put, rows, workspace

MINUTE = 60_000_000
LOG = [Row(f"u{i % 7}", i * MINUTE, "view", item_id=f"i{i % 3}", page=f"/{i}", hit=str(i // 2)) for i in range(60)]


@given(log=rows(once=True), cut=st.integers(0, 25), buckets=st.sampled_from([1, 2, 7]))
@settings(max_examples=15)
def test_a_rebuilt_store_equals_one_made_so(log: list[Row], cut: int, buckets: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        where, fresh = workspace(Path(folder) / "shop", 3), workspace(Path(folder) / "fresh", buckets)
        for shop in (where, fresh):
            put(shop, log[:cut])
            put(shop, log[cut:])
        rebuild(where, buckets)
        assert_same_store(where, fresh)
        assert store.leftovers(where) == []
        assert put(where, log).stored == 0, "fingerprints are the same"
        rebuild(where)
        assert_same_store(where, fresh)


def test_another_gap_changes_only_derived_sessions(tmp_path: Path) -> None:
    shop = workspace(tmp_path / "shop", 2)
    log = [Row("u", t * MINUTE, "view", device=f"d{t}", session_id=s) for t, s in ((0, None), (20, None), (90, "s"))]
    put(shop, log)
    toml = shop / config.FILE_NAME
    toml.write_text(toml.read_text().replace("30m", "10m"))
    assert rebuild(shop) == 2
    with store.open_snapshot(shop) as snap:
        assert dump_all(snap) == expected(log, 600)
        assert (snap.gap_seconds, snap.totals.sessions) == (600, 3)
    put(shop, [Row("v", 1, "view")])


@pytest.mark.parametrize("damage", ["missing", "garbage"])
def test_damaged_paths_are_made_anew_from_the_events(tmp_path: Path, damage: str) -> None:
    shop, twin = workspace(tmp_path / "shop"), workspace(tmp_path / "twin")
    put(shop, LOG)
    put(twin, LOG)
    for path in (shop / "store/paths").rglob("*.arrow"):
        path.write_bytes(b"garbage") if damage == "garbage" else path.unlink()
    with store.open_snapshot(shop) as snap, pytest.raises(CorruptStoreError, match="paths"):
        dump_all(snap)
    rebuild(shop)
    assert_same_store(shop, twin)


@pytest.mark.parametrize("damage", ["missing", "half"])
def test_damaged_events_are_told(tmp_path: Path, damage: str) -> None:
    shop = workspace(tmp_path / "shop", 1)
    put(shop, LOG)
    (part,) = (shop / "store/events").rglob("*.parquet")
    part.write_bytes(part.read_bytes()[:100]) if damage == "half" else part.unlink()
    with pytest.raises(CorruptStoreError, match=part.name):
        rebuild(shop, 2)
    with store.open_snapshot(shop) as snap:  # and nothing changed
        assert dump_all(snap) == expected(LOG)
        assert snap.generation == 1


def test_the_bucket_count_is_written_to_the_settings(tmp_path: Path) -> None:
    shop = workspace(tmp_path / "shop", 4)
    toml = shop / config.FILE_NAME
    toml.write_text("# mine\n" + toml.read_text())
    put(shop, LOG)
    seen: list[tuple[int, int]] = []
    rebuild(shop, 2, lambda done, of: seen.append((done, of)))
    assert seen == [(1, 2), (2, 2)]
    assert config.load(shop).store.buckets == 2
    assert toml.read_text().startswith("# mine\n")
    for text in ("[store]\n", ""):
        toml.write_text(text)
        rebuild(shop, 3)
        assert config.load(shop).store.buckets == 3
    with pytest.raises(CartpathError, match="from 1 to 4096"):
        rebuild(shop, 5000)


def test_nobody_else_may_write_meanwhile(tmp_path: Path) -> None:
    shop = workspace(tmp_path / "shop")
    with store.writer(shop), pytest.raises(WorkspaceBusyError):
        rebuild(shop, 2)


def test_an_empty_store_can_be_rebuilt(tmp_path: Path) -> None:
    shop = workspace(tmp_path / "shop", 4)
    rebuild(shop, 2)
    with store.open_snapshot(shop) as snap:
        assert (snap.n_buckets, snap.totals.events) == (2, 0)


def test_the_catalogue_users_sources_and_commits_stay(tmp_path: Path) -> None:
    shop = workspace(tmp_path / "shop", 4)
    put(shop, LOG, sources=[{"file": "a", "signature": "s"}], quarantine={"wrong_type": 1})
    with store.open_snapshot(shop) as before:
        rebuild(shop, 1)
        with store.open_snapshot(shop) as after:
            assert after.commits == before.commits
            assert after.sources == before.sources
            assert after.totals == before.totals
