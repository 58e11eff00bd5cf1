"""The engine: a scan a bucket, partials in bucket order, errors as they are."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartpath import engine, store
from cartpath.store import PathView, Snapshot
from tests.store.twin import Row, put, workspace

LOG = [Row(f"u{i % 23}", i * 10**6, "view" if i % 3 else "buy", page=f"/{i % 5}") for i in range(200)]


@pytest.fixture(scope="module")
def snap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snapshot]:
    shop = workspace(tmp_path_factory.mktemp("engine") / "shop", 8)
    put(shop, LOG[:190])
    put(shop, LOG[190:])
    with store.open_snapshot(shop) as snapshot:
        yield snapshot


@pytest.mark.parametrize("threads", [None, 1, 3, 20])
def test_partials_come_in_bucket_order(snap: Snapshot, threads: int | None) -> None:
    got = engine.run(snap, lambda view: view.user_id.to_pylist(), list, threads=threads)
    assert got == [snap.bucket(bucket).user_id.to_pylist() for bucket in range(8)]


def test_a_sum_over_buckets_is_the_total(snap: Snapshot) -> None:
    assert engine.run(snap, lambda view: view.n_events, sum) == snap.totals.events == len(LOG)


@given(st.lists(st.sets(st.integers(0, 7)), max_size=3))
@settings(max_examples=10)
def test_any_split_of_the_merge_gives_the_same(snap: Snapshot, groups: list[set[int]]) -> None:
    """A partial is plain data: merging some first changes nothing, as a cluster would."""
    partials = engine.run(snap, lambda view: view.n_users, list)
    left, merged = set(range(8)), []
    for group in groups:
        merged.append(sum(partials[b] for b in group & left))
        left -= group
    assert sum(merged) + sum(partials[b] for b in left) == snap.totals.users


def test_progress_counts_buckets(snap: Snapshot) -> None:
    seen: list[tuple[int, int]] = []
    engine.run(snap, lambda view: 0, sum, progress=lambda done, of: seen.append((done, of)))
    assert seen == [(i, 8) for i in range(1, 9)]


def test_scans_run_on_threads(snap: Snapshot) -> None:
    """Two scans wait for each other: on one thread this would never end."""
    meet = threading.Barrier(2, timeout=30)

    def scan(view: PathView) -> int:
        return meet.wait() * 0

    assert engine.run(snap, scan, sum, threads=2) == 0


def test_an_error_in_a_scan_is_raised_and_the_rest_is_dropped(snap: Snapshot) -> None:
    calls: list[int] = []

    def scan(view: PathView) -> int:
        calls.append(1)
        time.sleep(0.05)  # so that the first error is seen before the last scan has begun
        raise ZeroDivisionError("in a scan")

    with pytest.raises(ZeroDivisionError, match="in a scan"):
        engine.run(snap, scan, sum, threads=1)
    assert len(calls) < 8


def test_an_error_in_merge_or_progress_is_raised(snap: Snapshot) -> None:
    def fail(*given: object) -> int:
        raise KeyError("merge")

    with pytest.raises(KeyError, match="merge"):
        engine.run(snap, lambda view: 0, fail)
    with pytest.raises(KeyError):
        engine.run(snap, lambda view: 0, sum, progress=fail)
