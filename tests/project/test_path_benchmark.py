"""The benchmark of path views answers on a tiny log, and all that are installed here answer the same."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from benchmarks.paths import answers, logs, tables
from cartpath import store
from cartpath.ingest.run import ingest
from cartpath.simulate import simulate

HERE = Path(tables.__file__).parent


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("log")
    simulate(folder, users=300, days=30, seed=3)
    store.init(folder / "shop")
    ingest(folder / "shop", [str(folder / "events.parquet")], adapter="cartpath")
    logs.write_log(folder / "shop", folder / "log.parquet")
    if find_spec("duckdb"):
        logs.with_raw(folder)
    return folder


def said(folder: Path, name: str, question: str) -> dict[str, Any]:
    command = [sys.executable, str(HERE / "contenders.py"), name, question, str(folder), "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert not done.returncode, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("question", tables.ALL)
def test_all_answer_the_same(folder: Path, question: str) -> None:
    found = {
        name: said(folder, name, question)["answer"]
        for name, (_, questions) in tables.CONTENDERS.items()
        if question in questions
        and find_spec(name.partition(":")[0])
        and (not name.endswith(":raw") or (folder / "raw.parquet").exists())
    }
    assert found["cartpath"]
    for name, answer in found.items():
        assert answers.agree(question, found["cartpath"], answer) is None, name


def test_other_counts_are_told_apart() -> None:
    edges = [["a", "b", 2, 1, 1, 5e5]]
    assert answers.agree("flow", edges, [["a", "b", 2, None, None, 500001.0]]) is None
    assert answers.agree("flow", edges, [["a", "b", 3, 1, 1, None]])
    assert answers.agree("flow", edges, [["a", "c", 2, 1, 1, None]])
    top = [[["a", str(n)], 99 - n] for n in range(19)]
    assert answers.agree("variants", [*top, [["b"], 1]], [*top, [["c"], 1]]) is None  # which comes last is open
    assert answers.agree("variants", [[["b"], 1]], [[["c"], 1]])
    assert answers.agree("variants", [[["a"], 3]], [[["b"], 3], [["a"], 3]])
    assert answers.agree("steps", [[1, "a", 3]], [[1, "a", 4]])
    assert answers.agree("steps", [[1, "a", 3], [2, "a", 1], [2, "(left)", 2]], [[1, "a", 3], [2, "a", 1]]) is None
    assert answers.agree("variants", [[["purchase"], 3, 2]], [[["purchase"], 3]])
    assert answers.agree("funnel", [3, 2], [3, 1])


def test_copies_have_ids_of_their_own(folder: Path, tmp_path: Path) -> None:
    store.init(tmp_path / "shop")
    logs.copied(folder / "shop", tmp_path / "shop", copies=2)
    with store.open_snapshot(folder / "shop") as once, store.open_snapshot(tmp_path / "shop") as twice:
        assert twice.totals.events == 2 * once.totals.events
        assert twice.totals.users == 2 * once.totals.users
        assert twice.totals.sessions == 2 * once.totals.sessions
