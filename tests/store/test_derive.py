"""Paths that readers see can be derived from those ingested: kept up to date by commits, given up without a trace."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartpath import store
from cartpath.schema import CartpathError
from cartpath.store.derivation import Derivation, Derived, Pending
from cartpath.store.rebuild import rebuild
from cartpath.store.run import Run, select
from tests.store.twin import GAP, Row, assert_same_store, dump_all, expected, put, rows, workspace

LOG = [Row("u", 1, "view", page="/1"), Row("v", 2, "buy"), Row("w", 3, "view"), Row("v", 4, "view")]


@dataclass(frozen=True)
class Without:
    """Takes out one user."""

    user: str

    def __call__(self, run: Run) -> Derived:
        ids = run.user_id.to_pylist()
        others = np.array([row for row, name in enumerate(ids) if name != self.user], np.int64)
        if len(others) == len(ids):
            return Derived(run)
        gone = len(run) - len(left := select(run, others, GAP))
        removed = pa.table({"user_id": [self.user] * gone, "reason": ["unwanted"] * gone})
        return Derived(left, removed, {"removed": gone})


def without(user: str, version: int = 1) -> Derivation:
    return Derivation({"without": user, "version": version}, transform=Without(user))


def others(log: list[Row], user: str) -> list[Row]:
    return [row for row in log if row.user_id != user]


@given(rows(), rows(), st.integers(1, 4))
def test_each_commit_derives_what_it_adds(first: list[Row], second: list[Row], buckets: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        shop = workspace(Path(folder) / "shop", buckets)
        for log in (first, second):
            put(shop, log, derived=lambda _: without("u"))
        with store.open_snapshot(shop) as snap:
            assert dump_all(snap) == expected(others([*first, *second], "u"))
            assert snap.totals.events == sum(snap.bucket(b).n_events for b in range(buckets))
            raw = sum(len(snap.raw_run(b)) for b in range(buckets))
            counts = snap.derivation["counts"]  # type: ignore[index]
            assert raw - snap.totals.events == counts.get("removed", 0)
        put(shop, [], derived=lambda _: None)
        with store.open_snapshot(shop) as snap:
            assert dump_all(snap) == expected([*first, *second])
            assert snap.derivation is None


def test_giving_it_up_leaves_the_store_as_if_it_had_never_been(tmp_path: Path) -> None:
    plain, shop = workspace(tmp_path / "plain"), workspace(tmp_path / "shop")
    put(plain, LOG)
    put(shop, LOG, derived=lambda _: without("v"))
    assert list((shop / "store/derived").rglob("*.arrow"))
    put(shop, [], derived=lambda _: None)
    assert_same_store(plain, shop)
    assert store.leftovers(shop) == []
    assert not list((shop / "store/derived").rglob("*.arrow"))
    assert not list((shop / "store/removed").rglob("*.parquet"))


def test_another_record_derives_everything_anew_and_the_same_only_what_is_new(tmp_path: Path) -> None:
    shop = workspace(tmp_path / "shop", 2)
    put(shop, LOG, derived=lambda _: without("v"))
    files = set((shop / "store/derived").rglob("*.arrow"))
    put(shop, [], derived=lambda _: without("v"))
    assert set((shop / "store/derived").rglob("*.arrow")) == files
    put(shop, [], derived=lambda _: without("w"))
    assert not set((shop / "store/derived").rglob("*.arrow")) & files
    with store.open_snapshot(shop) as snap:
        assert dump_all(snap) == expected(others(LOG, "w"))


def test_what_was_taken_out_is_listed(tmp_path: Path) -> None:
    shop = workspace(tmp_path / "shop", 1)
    put(shop, LOG, derived=lambda _: without("v"))
    with store.open_snapshot(shop) as snap:
        assert snap.removed(0).to_pylist() == [{"user_id": "v", "reason": "unwanted"}] * 2
        assert snap.derivation == {
            "record": {"without": "v", "version": 1}, "counts": {"removed": 2}, "generation": 1,
        }  # fmt: skip


def test_a_bucket_of_which_nothing_is_left_is_empty(tmp_path: Path) -> None:
    shop = workspace(tmp_path / "shop", 1)
    put(shop, [Row("v", 1, "view")], derived=lambda _: without("v"))
    with store.open_snapshot(shop) as snap:
        assert (snap.totals.events, snap.totals.users, snap.bucket(0).n_events) == (0, 0, 0)


def test_the_pending_write_shows_what_it_adds(tmp_path: Path) -> None:
    shop = workspace(tmp_path / "shop", 2)
    seen: list[tuple[bool, int, object]] = []

    def look(pending: Pending) -> None:
        raw = pending.raw_runs()
        seen.append((pending.was_empty, sum(len(raw[b] or ()) for b in range(len(raw))), pending.record))

    put(shop, LOG[:2], derived=look)
    put(shop, LOG[2:], derived=look)
    assert seen == [(True, 2, None), (False, 4, None)]


def test_events_are_not_added_under_derived_paths_without_deriving(tmp_path: Path) -> None:
    shop = workspace(tmp_path / "shop", 2)
    put(shop, LOG, derived=lambda _: without("v"))
    with pytest.raises(CartpathError, match="cleaned or stitched"):
        put(shop, [Row("x", 9, "view")])
    with pytest.raises(CartpathError, match="cleaned or stitched"):
        rebuild(shop, 3)
    with store.open_snapshot(shop) as snap:
        assert snap.totals.events == 2


def test_a_rebuild_derives_anew(tmp_path: Path) -> None:
    shop = workspace(tmp_path / "shop", 2)
    put(shop, LOG, derived=lambda _: without("v"))
    rebuild(shop, 3, derived=lambda _: without("v"))
    with store.open_snapshot(shop) as snap:
        assert snap.n_buckets == 3
        assert dump_all(snap) == expected(others(LOG, "v"))
        assert snap.totals.events == 2


def test_what_shaped_the_paths_is_known(tmp_path: Path) -> None:
    shop = workspace(tmp_path / "shop", 2)
    put(shop, LOG)
    with store.open_snapshot(shop) as snap:
        assert snap.shaped_until == store.NEVER_SHAPED
    put(shop, [], derived=lambda _: Derivation({"shaped_until": 12}))
    with store.open_snapshot(shop) as snap:
        assert snap.shaped_until == 12
        assert dump_all(snap) == expected(LOG)
