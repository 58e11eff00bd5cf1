"""The benchmark: a process a model, rows that are kept, results that are taken again only where they are the same."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cartpath import ingest, store
from cartpath.config import Settings, StoreSettings
from cartpath.evaluation import mean_interval, ndcg_at
from cartpath.schema import CartpathError, WorkspaceBusyError
from cartpath.training.next_item import fit_model, judge, runner
from cartpath.training.next_item.code_version import code_version
from cartpath.training.next_item.results import Results, read_ranks
from cartpath.training.next_item.runner import Request
from cartpath.training.next_item.source import open_source, split_source
from cartpath.training.next_item.table import benchmark
from tests.features.logs import shop_table
from tests.ingest.reading import write

BOTH = ("popularity", "recent-popularity")
Row = dict[str, Any]


def lines(users: int = 30, seed: int = 0) -> bytes:
    rng = np.random.default_rng(seed)
    paths = ([str(item) for item in rng.integers(0, 12, rng.integers(3, 9))] for _ in range(users))
    return "\n".join(f"u{user} {' '.join(path)}" for user, path in enumerate(paths)).encode()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "a.txt", lines())


@pytest.fixture
def run(file: Path, tmp_path: Path) -> Callable[..., Row]:
    def run_it(**asked: Any) -> Row:
        asked = {"protocol": "leave-one-out", "models": BOTH, **asked}
        return benchmark(open_source(file), Request(**asked), tmp_path / "out")

    return run_it


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of results that holds those of both models on such a file."""
    folder = tmp_path_factory.mktemp("finished")
    benchmark(open_source(write(folder / "a.txt", lines())), Request("leave-one-out", BOTH), folder / "out")
    return folder / "out"


@pytest.fixture
def run_on(run: Callable[..., Row], finished: Path, tmp_path: Path) -> Callable[..., Row]:
    """``run`` where both models have been run."""
    shutil.copytree(finished, tmp_path / "out")
    return run


def by_model(result: Row) -> dict[str, Row]:
    return {row["model"]: row for row in result["results"]}


def test_the_table_is_what_fitting_and_judging_here_gives(file: Path, run: Callable[..., Row]) -> None:
    result = run(filter_seen=True)
    assert [result[name] for name in ("protocol", "users", "items", "questions")] == ["leave-one-out", 30, 12, 30]
    split = split_source(open_source(file), "leave-one-out", True)
    values = {}
    for name, row in by_model(result).items():
        ranks = judge(fit_model(name, split).model, split, split.test)
        values[name] = ndcg_at(ranks, 10)
        interval = mean_interval(values[name], split.test.user)
        assert row["NDCG@10"] == pytest.approx(values[name].mean(), abs=1e-12)
        assert row["HR@10"] == pytest.approx((ranks <= 10).mean())
        assert row["MRR@20"] == pytest.approx((1 / ranks[ranks <= 20]).sum() / 30)
        assert row["ci"] == pytest.approx([interval.low, interval.high], abs=0.02)
        assert (row["n"], row["status"], row["epochs"], row["reused"]) == (30, "done", None, False)
        assert row["seconds"] >= 0
        assert 20 < row["peak_mb_before_fit"] <= row["peak_mb"] < 3000
    compared = result["paired"][0]
    assert {compared["a"], compared["b"]} == set(BOTH)
    difference = values[compared["a"]].mean() - values[compared["b"]].mean()
    assert compared["difference"] == pytest.approx(difference, abs=1e-12)
    assert compared["difference"] >= 0
    assert compared["ci"][0] <= compared["difference"] <= compared["ci"][1]
    assert 0 < compared["p"] <= 1


def test_a_second_run_takes_what_is_finished(run: Callable[..., Row], tmp_path: Path) -> None:
    first = run(models=("popularity",))
    again = run()
    assert {name: row["reused"] for name, row in by_model(again).items()} == {BOTH[0]: True, BOTH[1]: False}
    assert by_model(first)["popularity"]["when"] == by_model(again)["popularity"]["when"]
    assert len(Results(tmp_path / "out").rows()) == 2
    fresh = run(fresh=True)
    assert not any(row["reused"] for row in fresh["results"])
    assert len(Results(tmp_path / "out").rows()) == 4
    assert not list((tmp_path / "out" / "work").iterdir())


@pytest.mark.parametrize("change", [{"filter_seen": True}, {"seed": 1}, {"settings": {"recent-popularity": {"x": 1}}}])
def test_another_question_is_another_run(run_on: Callable[..., Row], change: Row) -> None:
    assert run_on(models=("recent-popularity",))["results"][0]["reused"]
    assert not run_on(models=("recent-popularity",), **change)["results"][0]["reused"]


def test_validation_is_learned_from_in_the_end_where_files_set_the_test_apart(tmp_path: Path) -> None:
    folder, rng = tmp_path / "sessions", np.random.default_rng(0)
    folder.mkdir()
    for name in ("train", "test"):
        pq.write_table(pa.table({"seq": rng.integers(0, 30, (100, 4)).tolist()}), folder / f"{name}.parquet")
    source = open_source(folder)
    results = [
        benchmark(source, Request("session-last", ("popularity",), refit=refit), tmp_path / "out")
        for refit in (None, False, True)
    ]
    assert [result["refit"] for result in results] == [True, False, True]
    rows = [result["results"][0] for result in results]
    assert [row["reused"] for row in rows] == [False, False, True]
    assert rows[0]["valid_NDCG@10"] == rows[1]["valid_NDCG@10"]
    split = split_source(source, "session-last")
    ranks = judge(fit_model("popularity", split.whole()).model, split, split.test)
    assert rows[0]["NDCG@10"] == pytest.approx(ndcg_at(ranks, 10).mean(), abs=1e-12) != rows[1]["NDCG@10"]


def test_other_data_is_another_run(run_on: Callable[..., Row], file: Path) -> None:
    write(file, lines().replace(b"u3 ", b"u3 7 "))
    assert not run_on(models=("popularity",))["results"][0]["reused"]
    write(file, b"\n" + lines() + b"\n")  # the same events, other bytes
    assert run_on(models=("popularity",))["results"][0]["reused"]


def test_size_and_budget_say_nothing_to_what_is_not_trained(run_on: Callable[..., Row]) -> None:
    assert run_on(models=("popularity",), preset="tiny", budget_seconds=5)["results"][0]["reused"]


def test_ranks_are_kept_by_user(run_on: Callable[..., Row], tmp_path: Path) -> None:
    row = run_on(models=("popularity",))["results"][0]
    ranks = read_ranks(Results(tmp_path / "out").ranks_file(row["key"]))
    assert len(set(ranks["user_id"].to_pylist())) == 30
    assert (ranks["rank"].to_numpy() >= 1).all()


def test_ranks_of_a_shop_name_no_user(file: Path, tmp_path: Path) -> None:
    source = replace(open_source(file), layout="a shop")
    row = benchmark(source, Request("leave-one-out", ("popularity",)), tmp_path / "out")["results"][0]
    ranks = read_ranks(Results(tmp_path / "out").ranks_file(row["key"]))
    assert ranks.column_names == ["question", "user", "rank"]
    assert not list((tmp_path / "out").glob("split*"))


def test_what_a_kill_left_is_cleared(run_on: Callable[..., Row], tmp_path: Path) -> None:
    write(tmp_path / "out" / "split.pickle", b"users")
    write(tmp_path / "out" / "split.pickle.1-ab.tmp", b"users")
    run_on(models=("popularity",))
    assert not list((tmp_path / "out").glob("split*"))


def test_paths_that_later_events_shaped_are_refused(tmp_path: Path) -> None:
    table = write(
        tmp_path / "a.csv", b"user,item,time\n" + b"".join(b"u,%d,2020-01-%02d\n" % (n, n) for n in range(1, 31))
    )
    source = open_source(table)
    assert len(split_source(source, "time-split").test) == 1
    shaped = replace(source, log=replace(source.log, shaped_until=2**62))
    with pytest.raises(CartpathError, match="were cleaned or joined by what is known from later events"):
        split_source(shaped, "time-split")


def test_modules_of_the_current_folder_are_not_taken(
    run: Callable[..., Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "numpy.py", b"raise SystemExit('not this one')")
    monkeypatch.chdir(tmp_path)
    assert run(models=("popularity",))["results"][0]["status"] == "done"


def test_results_need_a_folder(tmp_path: Path) -> None:
    with pytest.raises(CartpathError, match="results need a folder"):
        Results(write(tmp_path / "file", b""))


def test_a_failed_model_is_told_and_run_again(run: Callable[..., Row], tmp_path: Path) -> None:
    result = run(settings={"recent-popularity": {"half_life": "soon"}})
    failed = by_model(result)["recent-popularity"]
    assert (failed["status"], failed["NDCG@10"], failed["is_input"]) == ("failed", None, False)
    assert "could not convert string to float" in failed["reason"]
    assert by_model(result)["popularity"]["status"] == "done"
    assert result["paired"] == []
    again = run(settings={"recent-popularity": {"half_life": "soon"}})
    assert by_model(again)["popularity"]["reused"]
    statuses = [row["status"] for row in Results(tmp_path / "out").rows()]
    assert statuses == ["done", "failed", "failed"]


@pytest.mark.parametrize(("seed", "reason"), [(0, "code 7: no memory left on the moon"), (1, "SIGKILL")])
def test_a_process_that_dies_is_a_failure(
    run: Callable[..., Row], monkeypatch: pytest.MonkeyPatch, seed: int, reason: str
) -> None:
    monkeypatch.setattr(runner, "_WORKER", "tests.training.dying")
    settings = {"popularity": {"how": "killed"}} if seed else {}
    assert reason in run(models=("popularity",), settings=settings)["results"][0]["reason"]


def test_a_line_that_a_crash_cut_is_no_row_and_harms_no_other(tmp_path: Path) -> None:
    results = Results(tmp_path)
    results.append({"key": "a", "status": "done"})
    with open(tmp_path / "results.jsonl", "ab") as torn:
        torn.write(b'{"key": "b", "sta')
    results.append({"key": "c", "status": "done", "x": float("nan")})
    assert [row["key"] for row in results.rows()] == ["a", "c"]
    assert results.rows()[1]["x"] is None
    assert results.finished("a") is None  # its ranks are not there


def test_two_benchmarks_do_not_write_to_one_folder(run: Callable[..., Row], tmp_path: Path) -> None:
    with Results(tmp_path / "out").writing(), pytest.raises(WorkspaceBusyError, match="another benchmark"):
        run()


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ({"protocol": "leave one out"}, "did you mean 'leave-one-out'"),
        ({"models": ("populrity",)}, "did you mean 'popularity'"),
        ({"preset": "smal"}, "did you mean 'small'"),
        ({"preset": "gigantic"}, "known: tiny"),
    ],
)
def test_unknown_names_are_refused_before_anything_runs(run: Callable[..., Row], asked: Row, hint: str) -> None:
    with pytest.raises(CartpathError) as caught:
        run(**asked)
    assert hint in caught.value.hint


def test_code_versions_follow_what_is_imported() -> None:
    here = "cartpath.training.next_item"
    assert code_version(f"{here}.popularity") == code_version(f"{here}.popularity")
    assert len({code_version(f"{here}.{name}") for name in ("popularity", "judge", "table")}) == 3


def test_a_shop_is_a_source(tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    pq.write_table(shop_table(60), tmp_path / "events.parquet")
    store.init(shop, Settings(StoreSettings(buckets=3)))
    ingest.ingest(shop, [str(tmp_path / "events.parquet")], adapter="cartpath")
    source = open_source(shop)
    assert (source.users, source.layout, source.log.timed) == (60, "a shop", True)
    result = benchmark(source, Request("time-split", BOTH, events=("view",)), tmp_path / "out")
    assert all(row["status"] == "done" for row in result["results"])
    with pytest.raises(CartpathError, match="no event 'veiw'"):
        benchmark(source, Request("time-split", BOTH, events=("veiw",)), tmp_path / "out")


def test_the_hash_is_of_everything_a_model_reads(tmp_path: Path) -> None:
    file = write(tmp_path / "a.txt", lines())
    titles = write(tmp_path / "t.csv", b"item,title\n1,One\n2,Two\n")
    other = write(tmp_path / "o.csv", b"item,title\n1,One\n2,Zwei\n")
    hashes = [open_source(file, items).content_hash() for items in ([], [titles], [other], [titles])]
    assert len(set(hashes)) == 3
    assert hashes[1] == hashes[3]
