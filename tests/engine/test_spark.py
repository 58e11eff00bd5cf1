"""Spark runs the same functions and gives the same numbers; its errors are those of the functions."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cartpath import engine, store
from cartpath.schema import CartpathError, CorruptStoreError, MissingExtraError
from cartpath.simulate import simulate
from cartpath.store import PathView, Snapshot
from tests.engine.same import answers, fresh, put
from tests.store.twin import Row, workspace
from tests.store.twin import put as put_rows

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated shop in a base and a delta, as an append leaves it."""
    folder = tmp_path_factory.mktemp("spark")
    simulate(folder / "log", users=400, days=30, seed=5)
    simulate(folder / "more", users=20, days=30, seed=6)
    made = fresh(folder / "shop")
    put(made, "threads", [folder / "log" / "events.parquet"], "cartpath", items=folder / "log" / "items.parquet")
    put(made, "threads", [folder / "more" / "events.parquet"], "cartpath")
    return made


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snapshot]:
    """Two users in sixteen buckets: most are empty."""
    made = workspace(tmp_path_factory.mktemp("few") / "shop", 16)
    put_rows(made, [Row("u", 1, "view"), Row("v", 2, "view"), Row("v", 3, "buy")])
    with store.open_snapshot(made) as snapshot:
        yield snapshot


def test_every_analysis_gives_the_same(shop: Path, spark: str) -> None:
    with store.open_snapshot(shop) as snap:
        assert any(entry["delta"] for entry in snap.manifest.data["buckets"])
    on_threads = answers(shop, "threads")
    assert answers(shop, spark) == on_threads
    assert on_threads["status"]["orders"] > 0
    assert on_threads["doctor"]["events"] == on_threads["status"]["events"] > 5000


def test_partials_come_in_bucket_order_and_empty_buckets_count(few: Snapshot, spark: str) -> None:
    seen: list[tuple[int, int]] = []
    with engine.using(spark):
        assert engine.current().remote
        got = engine.run(few, lambda view: view.user_id.to_pylist(), list, progress=lambda *at: seen.append(at))
    assert got == [few.bucket(bucket).user_id.to_pylist() for bucket in range(16)]
    assert sum(not users for users in got) >= 14
    assert seen[-1] == (16, 16)
    assert seen == sorted(seen)


def test_nothing_to_do(spark: str) -> None:
    with engine.using(spark):
        assert engine.map(len, []) == []


def test_tasks_run_in_other_processes(spark: str) -> None:
    with engine.using(spark):
        assert os.getpid() not in engine.map(lambda _: os.getpid(), [1, 2])


@pytest.mark.parametrize(
    "error",
    [
        CartpathError("no ts in a.csv", "map it"),
        CorruptStoreError("a file is missing", "ingest again"),
        MissingExtraError("this", "models"),
    ],
)
def test_an_error_of_the_user_comes_back_as_it_is(error: CartpathError, spark: str) -> None:
    def fail(item: int) -> int:
        if item == 1:
            raise error
        return item

    with engine.using(spark), pytest.raises(type(error)) as caught:
        engine.map(fail, [0, 1, 2])
    assert (caught.value.message, caught.value.hint, str(caught.value)) == (error.message, error.hint, str(error))
    assert caught.value.exit_code == error.exit_code


def test_a_bug_comes_back_with_where_it_was(spark: str) -> None:
    def divide(item: int) -> float:
        return 1 / item

    with engine.using(spark), pytest.raises(ZeroDivisionError) as caught:
        engine.map(divide, [0])
    assert "in divide" in caught.value.__notes__[0]


def test_an_error_that_cannot_be_sent_is_told(spark: str) -> None:
    def fail(item: int) -> int:
        class Local(Exception):
            pass

        raise Local("of this place")

    with engine.using(spark), pytest.raises(RuntimeError, match="Local: of this place"):
        engine.map(fail, [0])


def test_a_task_whose_process_dies_is_told_in_a_line(spark: str) -> None:
    def die(item: int) -> None:
        os._exit(9)

    with engine.using(spark), pytest.raises(CartpathError, match="a task on Spark did not end") as caught:
        engine.map(die, [0])
    assert "\tat " not in str(caught.value)
    with engine.using(spark):
        assert engine.map(lambda item: item + 1, [1]) == [2]


def test_a_damaged_bucket_is_a_damaged_store(tmp_path: Path, spark: str) -> None:
    shop = workspace(tmp_path / "shop", 2)
    put_rows(shop, [Row(f"u{i}", i, "view") for i in range(9)])
    with store.open_snapshot(shop) as snapshot:
        base = snapshot.manifest.data["buckets"][1]["base"]
        (shop / "store" / base).unlink()
        with engine.using(spark), pytest.raises(CorruptStoreError, match="missing or damaged"):
            engine.run(snapshot, _events, sum)


def test_a_generation_is_read_while_a_newer_one_is_written(tmp_path: Path, spark: str) -> None:
    shop = workspace(tmp_path / "shop", 2)
    put_rows(shop, [Row("u", 1, "view")])
    with store.open_snapshot(shop) as snapshot:
        put_rows(shop, [Row("v", 2, "view")])
        with engine.using(spark):
            assert engine.run(snapshot, _events, sum) == 1
    with store.open_snapshot(shop) as snapshot, engine.using(spark):
        assert engine.run(snapshot, _events, sum) == 2


def test_another_master_than_that_of_the_session_is_refused(spark: str) -> None:
    with engine.using(spark):
        engine.map(str, [1])
    with engine.using("local[1]"), pytest.raises(CartpathError, match=r"has a Spark session with local\[2\]"):
        engine.map(str, [1])
    with engine.using("spark"):  # whatever there is
        assert engine.map(str, [1]) == ["1"]


def _events(view: PathView) -> int:
    return view.n_events
