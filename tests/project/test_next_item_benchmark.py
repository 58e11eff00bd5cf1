"""The committed tables of next-item models: what is asked exists, and a table is what the runner found."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from benchmarks.next_item import run as script
from cartpath.tasks import PROTOCOLS
from cartpath.training.next_item import MODELS
from tests.ingest.reading import write
from tests.training.test_next_item_runner import lines

README = Path(script.__file__).with_name("README.md").read_text(encoding="utf-8")
OPTIONS = argparse.Namespace(models="popularity,recent-popularity", preset="small", budget_seconds=None, seed=3)


@pytest.mark.parametrize("asked", script.tables(), ids=lambda asked: asked["name"])
def test_tables_have_a_place_and_ask_what_there_is(asked: script.Row) -> None:
    assert README.count(f"<!-- {asked['name']} -->") == README.count(f"<!-- end {asked['name']} -->") == 1
    assert asked["protocol"] in PROTOCOLS
    assert isinstance(asked["filter_seen"], bool)
    assert set(asked.get("settings", {})) <= set(MODELS)


@pytest.mark.data
@pytest.mark.parametrize("asked", script.tables(), ids=lambda asked: asked["name"])
def test_files_of_tables_are_there(data_dir: Path, asked: script.Row) -> None:
    for name in [asked["file"], *asked.get("items", [])]:
        assert (data_dir / name).exists()


def test_a_table_says_what_was_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(script, "FILES", tmp_path)
    monkeypatch.setattr(script, "DATA", tmp_path / "bench")
    monkeypatch.setattr(script, "HERE", tmp_path)
    write(tmp_path / "a.txt", lines())
    asked = {"name": "a", "title": "A", "file": "a.txt", "protocol": "session-last", "filter_seen": False}
    result = script.run(asked, OPTIONS)
    text = script.section(asked, result)
    best = max(result["results"], key=lambda row: row["NDCG@10"])
    assert f"| {best['model']} | {best['NDCG@10']:.4f} | {best['HR@10']:.4f} | {best['Recall@20']:.4f}" in text
    assert text.index(best["model"]) == min(text.index(name) for name in ("popularity", "recent-popularity"))
    assert "30 users, 12 items" in text
    assert "Seed 3" in text
    script.keep(asked, result)
    kept = json.loads((tmp_path / "results" / "a.json").read_text())
    assert (kept["asked"], kept["seed"], kept["results"][0]["model"]) == (asked, 3, "popularity")
    assert str(tmp_path) not in json.dumps(kept)


def test_networks_are_run_when_asked_for() -> None:
    assert not any(MODELS[name].is_network for name in script.models_of("quick"))
    assert script.models_of("all") == tuple(MODELS)
    assert script.models_of("ease, als") == ("ease", "als")
