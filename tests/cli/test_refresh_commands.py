"""feedback, refresh, versions and rollback by the command line."""

import json

import pytest
from typer.testing import CliRunner

pytest.importorskip("torch")
pytest.importorskip("transformers")

from cartpath import training
from cartpath.cli import app
from cartpath.models import current_version
from cartpath.recommend.slates import SlateLog
from tests.features.logs import shop_table
from tests.recommend.test_slates import slate
from tests.training.test_training import make_shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = make_shop(tmp_path_factory.mktemp("cli") / "s", shop_table(150, seed=3))
    training.pretrain(folder, epochs=2, train_until="2024-01-16")
    return folder


def run(*args, code=0):
    result = CliRunner().invoke(app, [str(arg) for arg in args])
    assert result.exit_code == code, result.output
    return result


def test_refresh_versions_and_rollback(shop):
    first = current_version(shop, "behaviour", "").name
    result = json.loads(run("refresh", shop, "--epochs", 1, "--margin", 1, "--json").stdout)
    assert (result["outcome"], result["running"]) == ("promoted", first)
    listed = json.loads(run("versions", shop, "--json").stdout)["versions"]
    assert [(row["version"], row["current"]) for row in listed] == [(result["version"], True), (first, False)]
    assert "current" in run("versions", shop, "--of", "behaviour").stdout
    back = json.loads(run("rollback", shop, "behaviour", "--json").stdout)
    assert (back["before"], back["current"]) == (result["version"], first)
    assert current_version(shop, "behaviour", "").name == first
    assert result["version"] in run("rollback", shop, "behaviour", "--to", result["version"]).stdout
    assert "has no version 'v-9'" in run("rollback", shop, "behaviour", "--to", "v-9", code=2).output
    assert "no model 'other'" in run("rollback", shop, "other", code=2).output
    assert current_version(shop, "behaviour", "").name == result["version"]
    told = run("refresh", shop).stdout
    assert "nothing_new" in told


def test_feedback_is_taken_from_a_file_and_counted(shop, tmp_path):
    log = SlateLog.open(shop)
    for n in range(4):
        log.record(f"r{n}", "u1", n, f"p{n % 2}", "v", slate("i1", "i2"))
    log.close()
    lines = [
        {"request_id": "r0", "item_id": "i1", "kind": "click", "ts": "2024-01-31T12:00:00"},
        {"request_id": "r0", "item_id": "i1", "kind": "purchase", "ts": 1_700_000_000_000_000},
        {"request_id": "r0", "item_id": "i1", "kind": "click", "ts": "2024-01-31T12:00:00"},
        {"request_id": "r7", "item_id": "i1", "kind": "click", "ts": 0},
    ]
    source = tmp_path / "given.jsonl"
    source.write_text("\n".join(map(json.dumps, lines)) + "\n")
    found = json.loads(run("feedback", shop, "--in", source, "--json").stdout)
    assert found["outcomes"] == {"joined": 2, "unknown_request": 1, "unknown_item": 0, "duplicate": 1}
    assert [(row["policy"], row["slates"], row["clicked"]) for row in found["policies"]] == [("p0", 2, 1), ("p1", 2, 0)]
    assert "4 slates of 8 items; 4 pieces of feedback" in run("feedback", shop).stdout
    source.write_text(json.dumps({**lines[0], "kind": "like"}))
    assert "line 1 of" in run("feedback", shop, "--in", source, code=2).output
    assert "cannot be read" in run("feedback", shop, "--in", tmp_path / "none", code=2).output
