"""``cartpath features``."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from cartpath import store
from cartpath.cli import app
from cartpath.features import PROFILE_COLUMNS
from tests.features.test_write_features import USERS, shop_of
from tests.features.text.encoders import tiny_bert


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["features", *words])


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(shop_of(tmp_path_factory.mktemp("features") / "shop", 2, users=USERS))


def test_json_says_what_was_written(shop: str, tmp_path: Path) -> None:
    out = str(tmp_path / "a.parquet")
    done = run(shop, "--at", "2024-01-07", "--out", out, "--json")
    found = json.loads(done.stdout)
    # Midnight in Tokyo.
    assert (found["at"], found["time_zone"], found["generation"]) == ("2024-01-06T15:00:00Z", "Asia/Tokyo", 1)
    table = pq.read_table(out)
    assert (found["rows"], found["columns"], found["out"]) == (table.num_rows, table.num_columns - 1, out)
    assert found["rows"] > 0


def test_a_person_reads_a_record(shop: str, tmp_path: Path) -> None:
    done = run(shop, "--at", "2024-01-07", "--out", str(tmp_path / "a.csv"))
    assert done.exit_code == 0
    assert "rows " in done.stdout
    assert "--columns" in done.stderr


def test_columns_are_described_and_nothing_is_written(shop: str, tmp_path: Path) -> None:
    before = sorted(Path(shop).rglob("*"))
    found = json.loads(run(shop, "--columns", "--json").stdout)["columns"]
    names = [column.name for column in PROFILE_COLUMNS]
    assert [column["name"] for column in found] == [*names, "user_age", "user_plan"]
    assert all(set(column) == {"name", "unit", "about"} for column in found)
    table = run(shop, "--columns").stdout
    assert all(f"\n{name} " in table for name in names)
    assert sorted(Path(shop).rglob("*")) == before


def test_text_is_added_when_it_is_asked_for(shop: str, tmp_path: Path) -> None:
    out = tmp_path / "a.parquet"
    done = run(shop, "--at", "2024-01-07", "--out", str(out), "--text", " tfidf ,")
    assert done.exit_code == 0
    assert "--text tfidf --columns" in done.stderr
    described = json.loads(run(shop, "--columns", "--text", "tfidf", "--json").stdout)["columns"]
    assert [column["name"] for column in described] == pq.read_table(out).column_names[1:]
    assert described[-35]["name"] == "tfidf_1"


def test_sentences_by_an_encoder_of_a_folder(shop: str, tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    out, bert = tmp_path / "a.parquet", tiny_bert(tmp_path / "bert")
    done = run(shop, "--at", "2024-01-07", "--out", str(out), "--text", "sentences", "--encoder", str(bert), "--json")
    assert json.loads(done.stdout)["text"] == ["sentences"]
    assert pq.read_table(out)["sentences_1"].null_count < pq.read_table(out).num_rows
    missing = run(shop, "--at", "2024-01-07", "--out", str(out), "--text", "sentences", "--encoder", str(tmp_path))
    assert (missing.exit_code, "no encoder that can be loaded" in missing.stderr) == (2, True)


def test_a_date_before_everything_is_explained(shop: str, tmp_path: Path) -> None:
    out = tmp_path / "a.parquet"
    done = run(shop, "--at", "1999-01-01", "--out", str(out))
    assert done.exit_code == 0
    assert "no user has an event before 1998-12-31T15:00:00Z: the first event is at 2024-01" in done.stderr
    assert pq.read_table(out).num_rows == 0


def test_a_date_long_after_everything_is_remarked_on(shop: str, tmp_path: Path) -> None:
    assert "everybody looks inactive" in run(shop, "--at", "2034-01-01", "--out", str(tmp_path / "a.csv")).stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--at", "2024-01-07", "--out", "a.xlsx"), "end the name with .parquet or .csv"),
        (("--at", "2024-01-07", "--out", "no/a.csv"), "mkdir -p no"),
        (("--at", "2024-01-07", "--out", "."), "is a folder"),
        (("--at", "soon", "--out", "a.csv"), "not a date: 'soon'"),
        (("--at", "2024-01-07"), "features need a moment and a file"),
        (("--out", "a.csv"), "features need a moment and a file"),
        (("--at", "2024-01-07", "--out", "a.csv", "--text", "tfidf,bm25"), "no text features 'bm25'"),
        (("--at", "2024-01-07", "--out", "a.csv", "--encoder", "any"), "add sentences to --text"),
        (("--at", "1999-01-07", "--out", "a.csv", "--text", "tfidf"), "TF-IDF needs titles"),
        (("--columns", "--text", "bm25"), "known: tfidf, word2vec, item2vec, sentences"),
    ],
)
def test_bad_input(
    shop: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run(shop, *words)
    assert (done.exit_code, message in done.stderr) == (2, True)
    assert not list(tmp_path.iterdir())


def test_an_empty_store_says_what_to_do(tmp_path: Path) -> None:
    store.init(tmp_path / "shop")
    done = run(str(tmp_path / "shop"), "--at", "2024-01-07", "--out", str(tmp_path / "a.csv"))
    assert (done.exit_code, "cartpath ingest" in done.stderr) == (2, True)
    assert not (tmp_path / "a.csv").exists()
