"""The command that scores: what it prints, warns of and refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

pytest.importorskip("torch")
pytest.importorskip("transformers")

from cartpath.cli import app
from cartpath.training.intent import predict as of_users
from cartpath.training.intent import predict_on as of_events
from tests.training.spy import spied
from tests.training.test_predict_on import NEW, make_shop


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    spied(monkeypatch, of_users, of_events)
    pq.write_table(NEW, tmp_path / "new.parquet")
    return make_shop(tmp_path / "shop")


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["predict", *map(str, words)])


def test_json_has_what_the_contract_names(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "users").write_text("u1\nnobody\n")
    out = tmp_path / "o.parquet"
    done = run(shop, "--task", "intent", "--users", tmp_path / "users", "--out", out, "--json")
    assert done.exit_code == 0
    told = json.loads(done.stdout)
    assert {"task", "model", "rows", "users_unknown", "out", "generation", "seconds"} <= set(told)
    assert (told["rows"], told["users_unknown"], told["out"]) == (1, 1, str(out))
    assert "1 of the users asked for are not in the shop" in done.stderr


def test_new_files(shop: Path, tmp_path: Path) -> None:
    out = tmp_path / "o.parquet"
    source = ["--on", tmp_path / "new.parquet", "--adapter", "generic"]
    done = run(shop, *source, "--every-event", "--out", out, "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["rows"] == len(pq.read_table(out)) == len(NEW)
    assert done.stderr == ""
    plain = run(shop, *source, "--map", "page=event", "--out", out)
    assert f"source_read           {len(NEW)}" in plain.stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--on", "new.parquet"], "no adapter named"),
        (["--on", "new.parquet", "--adapter", "generic", "--users", "all"], "--on scores the users of its files"),
        (["--every-event"], "--every-event is for new files"),
        (["--adapter", "generic"], "--adapter is for new files"),
        (["--task", "churning"], "there is no task 'churning'"),
        (["--users", "no-such-file"], "no file of users"),
        (["--users", ""], "--users is empty"),
        (["--on", "no-such-file", "--adapter", "generic"], "no-such-file"),
    ],
)
def test_what_does_not_go_together_is_refused(shop: Path, tmp_path: Path, words: list[str], told: str) -> None:
    done = run(shop, *words, "--out", tmp_path / "o.csv")
    assert done.exit_code == 2
    assert told in done.stderr
    assert not (tmp_path / "o.csv").exists()


@pytest.mark.parametrize(("out", "told"), [("o.xlsx", "end the name with"), ("no/o.csv", "mkdir -p")])
def test_files_that_cannot_be_written_are_refused(shop: Path, tmp_path: Path, out: str, told: str) -> None:
    done = run(shop, "--out", tmp_path / out)
    assert done.exit_code == 2
    assert told in done.stderr


def test_an_erasure_does_not_know_of_files_in_the_workspace(shop: Path) -> None:
    done = run(shop, "--out", shop / "reports" / "o.csv")
    assert done.exit_code == 0
    assert "an erasure (cartpath forget) does not know of it" in done.stderr


def test_a_folder_that_is_no_workspace(tmp_path: Path) -> None:
    done = run(tmp_path, "--out", tmp_path / "o.csv")
    assert done.exit_code == 2
    assert "is not a Cartpath workspace" in done.stderr
