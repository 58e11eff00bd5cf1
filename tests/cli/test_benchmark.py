"""``cartpath benchmark next-item`` as a user meets it: output, exit codes, a kill in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner

from cartpath.cli import app
from tests.ingest.reading import write
from tests.training.test_next_item_runner import lines

MODELS = ["--models", "popularity,recent-popularity"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "a.txt", lines())


def invoke(*args: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["benchmark", "next-item", *map(str, args)])
    return done.exit_code, done.stdout, done.stderr


def test_json_alone_on_standard_output(file: Path, tmp_path: Path) -> None:
    code, out, err = invoke(file, "--filter-seen", "--json", "--out", tmp_path / "o", *MODELS)
    result = json.loads(out)
    assert code == 0
    assert {"protocol", "users", "items", "results", "paired"} <= set(result)
    assert {"model", "HR@10", "NDCG@10", "ci", "seconds", "peak_mb", "epochs"} <= set(result["results"][0])
    assert set(result["paired"][0]) == {"a", "b", "metric", "difference", "ci", "p"}
    assert f"results are kept in {tmp_path / 'o'}" in err


def test_a_table_with_the_best_first(file: Path, tmp_path: Path) -> None:
    code, out, _ = invoke(file, "--protocol", "session-last", "--out", tmp_path / "o", *MODELS)
    assert code == 0
    assert "30 users, 12 items" in out
    assert "Recall@20" in out
    assert "paired, over users" in out


def test_a_failed_model_is_in_the_exit_code(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cartpath.training.next_item.runner._WORKER", "tests.training.dying")
    code, out, err = invoke(file, "--out", tmp_path / "o", "--json", "--models", "popularity")
    assert code == 1
    assert json.loads(out)["results"][0]["status"] == "failed"
    assert "popularity failed: its process ended with code 7" in err


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--protocol", "leaveoneout"], "did you mean 'leave-one-out'"),
        (["--models", "popularit"], "did you mean 'popularity'"),
        (["--preset", "bas"], "did you mean 'base'"),
        (["--models", ""], "--models is empty"),
        (["--protocol", "time-split"], "the file has the order of events alone"),
        (["--event", "purchase"], "no event 'purchase'"),
        (["--items", "nowhere.csv"], "no such file"),
    ],
)
def test_bad_usage_says_what_to_do(file: Path, tmp_path: Path, args: list[str], message: str) -> None:
    code, out, err = invoke(file, "--out", tmp_path / "o", *args)
    assert (code, out) == (2, "")
    assert message in err


def test_the_cache_is_where_results_go(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert invoke(file, "--models", "popularity")[0] == 0
    assert (tmp_path / "cache" / "cartpath" / "next-item" / "results.jsonl").exists()


def test_a_kill_leaves_no_process_and_a_second_run_goes_on(tmp_path: Path, cartpath_command: list[str]) -> None:
    file, out = write(tmp_path / "a.txt", lines(2000)), tmp_path / "o"
    command = [*cartpath_command, "benchmark", "next-item", str(file), "--out", str(out), "--json", *MODELS]
    started = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 120
    while not (out / "results.jsonl").exists() and time.monotonic() < until:
        time.sleep(0.02)
    children = psutil.Process(started.pid).children(recursive=True)
    os.kill(started.pid, signal.SIGKILL)
    started.wait()
    _, alive = psutil.wait_procs(children, timeout=30)
    assert not alive
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    rows = {row["model"]: row for row in json.loads(done.stdout)["results"]}
    assert rows["popularity"]["reused"]
    assert rows["recent-popularity"]["status"] == "done"
    written = [json.loads(line)["model"] for line in (out / "results.jsonl").read_text().splitlines()]
    assert written.count("popularity") == 1
