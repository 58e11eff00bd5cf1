"""Sizes and values at the edge: nothing, one, everything null, huge, odd."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from cartpath import store
from cartpath.schema import event_schema
from cartpath.store.files import load_arrays, save_arrays
from cartpath.store.rebuild import rebuild
from tests.store.twin import SECOND, Row, assert_same_store, dump, dump_all, expected, put, table_of, workspace


@pytest.mark.parametrize("buckets", [1, 64])
def test_an_empty_store(tmp_path: Path, buckets: int) -> None:
    shop = workspace(tmp_path / "shop", buckets)
    with store.open_snapshot(shop) as snap:
        assert snap.totals == store.Totals(0, 0, 0, 0, None, None, {})
        for bucket in (0, buckets - 1):
            view = snap.bucket(bucket)
            assert (view.n_users, view.n_events, len(view.sessions), list(view)) == (0, 0, 0, [])
        assert snap.codes("event") == []
        assert (snap.code_of("event", "view"), snap.sources, snap.commits) == (-1, [], [])
        with pytest.raises(KeyError, match="no dictionary"):
            snap.codes("price")


def test_an_empty_table_in_memory() -> None:
    view, codes = store.view_from_table(event_schema().empty_table())
    assert (view.n_users, view.n_events, len(view.sessions)) == (0, 0, 0)
    assert codes.text("event") == []


@pytest.mark.parametrize("log", [[Row("u", 0, "view")], [Row(f"u{i}", i, "view") for i in range(200)]])
def test_users_with_one_event(tmp_path: Path, log: list[Row]) -> None:
    shop = workspace(tmp_path / "shop", 8)
    put(shop, log)
    with store.open_snapshot(shop) as snap:
        assert dump_all(snap) == expected(log)
        assert snap.totals.users == snap.totals.sessions == len(log)


def test_nulls_in_all_optional_columns(tmp_path: Path) -> None:
    shop = workspace(tmp_path / "shop", 1)
    n = 5
    required = {"user_id": ["u"] * n, "ts": pa.array(range(n), pa.timestamp("us", "UTC")), "event": ["view"] * n}
    nulls = {f.name: pa.nulls(n, f.type) for f in event_schema() if f.name not in required}
    internal = {
        "_hit": pa.nulls(n, pa.string()),
        "_once": pa.nulls(n, pa.string()),
        "_blanked": pa.nulls(n, pa.bool_()),
    }
    with store.writer(shop) as writer:
        writer.add(pa.table({**required, **nulls, **internal}))
        assert writer.commit().stored == n
    with store.writer(shop) as writer:  # absent and null are the same
        writer.add(pa.table(required))
        assert writer.commit().duplicates == n
    with store.open_snapshot(shop) as snap:
        assert dump_all(snap) == expected([Row("u", t, "view") for t in range(n)])


LIMITS = (-(2**31) + 1, -1, 0, 1, 2**31 - 1)
ODD = ["", " ", "Ünïcödé ☃ \U0001f6d2", "e\u0301", "é", "a\x00b", "line\nbreak", "'; --", "x" * 5_000_000]


def test_quantities_at_the_bounds_of_32_bits(tmp_path: Path) -> None:
    shop, log = workspace(tmp_path / "shop"), [Row("u", i, "buy", quantity=q) for i, q in enumerate(LIMITS)]
    put(shop, log)
    rebuild(shop, 1)
    with store.open_snapshot(shop) as snap:
        assert snap.bucket(0).quantity.tolist() == list(LIMITS)


def test_odd_and_huge_texts_in_every_column(tmp_path: Path) -> None:
    shop, again = workspace(tmp_path / "shop", 2), workspace(tmp_path / "again", 3)
    log = [
        Row(t, i * SECOND, t or "e", t, t, 1.0, 1, t, 1.0, t, t, t, t, t, t, None, None, t, None)
        for i, t in enumerate(ODD)
    ]
    put(shop, log)
    put(again, log[:4])
    put(again, log[4:])
    with store.open_snapshot(shop) as snap:
        assert dump_all(snap) == expected(log)
        assert [snap.code_of("page", text) for text in ODD] == list(range(len(ODD)))
    rebuild(shop, 3)
    assert_same_store(shop, again)


def test_numbers_at_the_edge() -> None:
    prices = [0.0, -0.0, 1e308, 5e-324, float("inf"), None]
    log = [Row("u", i, "buy", price=p, order_value=p) for i, p in enumerate(prices)]
    view, codes = store.view_from_table(table_of(log))
    assert dump(view, codes.text) == expected(log)
    nan = [Row("u", 0, "buy", price=float("nan")), Row("u", 0, "buy", price=None)]
    view, _ = store.view_from_table(table_of(nan))
    assert view.n_events == 1, "not a number is no price"


def test_times_before_1970_and_far_ahead(tmp_path: Path) -> None:
    log = [Row("u", t, "view", device="d", visit_number=i) for i, t in enumerate((-(10**17), -1, 0, 10**17))]
    shop = workspace(tmp_path / "shop", 1)
    for row in log[::-1]:
        put(shop, [row])
    with store.open_snapshot(shop) as snap:
        assert dump_all(snap) == expected(log)
        assert (snap.totals.first_ts, snap.totals.last_ts) == (-(10**17), 10**17)


def test_a_negative_visit_number_is_none(tmp_path: Path) -> None:
    shop = workspace(tmp_path / "shop", 1)
    put(shop, [Row("u", 1, "view", device="d", visit_number=-5)])
    put(shop, [Row("u", 2, "view")])
    with store.open_snapshot(shop) as snap:
        assert dump_all(snap)["u"]["sessions"][0]["context"] == {"device": "d"}


def test_columns_may_differ_between_chunks(tmp_path: Path) -> None:
    log = [
        Row("u", 1, "view"),
        Row("u", 2, "buy", "i", "s", 1.0, 2, "o", 3.0, "/p", "q", "e", "{}", "d", "r", True, 4, "h", None, True),
        Row("u", 3, "view", page="/p"),
        Row("u", 4, "buy", is_direct=False, event_id="f", hit="2"),
    ]
    shop, whole = workspace(tmp_path / "shop", 1), workspace(tmp_path / "whole", 1)
    with store.writer(shop) as writer:
        for row in log:
            writer.add(table_of([row]))
        writer.commit()
    put(whole, log)
    assert_same_store(shop, whole)
    rebuild(shop)
    assert_same_store(shop, whole)


def test_as_many_buckets_as_there_may_be(tmp_path: Path) -> None:
    shop = workspace(tmp_path / "shop", 4096)
    log = [Row(f"u{i}", i, "view") for i in range(40)]
    put(shop, log)
    with store.open_snapshot(shop) as snap:
        assert snap.totals.users == 40
        assert dump_all(snap) == expected(log)


def test_more_buckets_than_files_a_process_may_open(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = max(int(name) for name in os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(used + 60, hard), hard))
    try:
        done = put(workspace(tmp_path / "shop", 128), [Row(f"u{i}", i, "view") for i in range(400)])
        assert done.stored == 400
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_arrays_of_any_length_are_kept_in_one_file(tmp_path: Path) -> None:
    path = tmp_path / "a.arrow"
    columns = {"none": pa.array([], pa.int64()), "text": pa.array(["a", None, "b"]).slice(1), "n": pa.array([1.5])}
    save_arrays(path, columns)
    back = load_arrays(path)
    assert {name: values.to_pylist() for name, values in back.items()} == {"none": [], "text": [None, "b"], "n": [1.5]}
    assert list(tmp_path.iterdir()) == [path]


def test_a_view_stays_whole_after_its_snapshot_is_closed(tmp_path: Path) -> None:
    shop = workspace(tmp_path / "shop", 1)
    put(shop, [Row("u", t, "view") for t in range(9)])
    with store.open_snapshot(shop) as snap:
        view = snap.bucket(0)
    put(shop, [Row("u", 100 + t, "view") for t in range(9)])
    np.testing.assert_array_equal(view.ts, np.arange(9))
