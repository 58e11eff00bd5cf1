"""``cartpath absorb``: live events become part of the store."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from cartpath import store
from cartpath.cli import app
from cartpath.config import Settings
from cartpath.config.serve import ServeSettings
from cartpath.serving.state import open_state


def test_live_events_are_put_into_the_store(tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    store.init(shop)
    state = open_state(shop)
    state.append([{"user_id": "u", "event": "view"}, {"user_id": "v", "event": "view"}])
    state.close()
    done = CliRunner().invoke(app, ["absorb", str(shop), "--json"])
    expected = {"stored": 2, "duplicates": 0, "quarantined": 0, "parts": 1, "generation": 1}
    assert (done.exit_code, json.loads(done.stdout)) == (0, expected)
    with store.open_snapshot(shop) as snapshot:
        assert snapshot.totals.events == 2
    again = CliRunner().invoke(app, ["absorb", str(shop)])
    assert again.exit_code == 0
    assert "stored" in again.stdout


def test_forgetting_does_not_need_the_redis(tmp_path: Path) -> None:
    store.init(tmp_path / "shop", Settings(serve=ServeSettings(state="redis://127.0.0.1:1/0")))
    done = CliRunner().invoke(app, ["forget", str(tmp_path / "shop"), "--user", "u", "--json"])
    assert done.exit_code == 0
    assert json.loads(done.stdout)["events"] == 0
    assert "does not answer" in done.stderr


def test_a_redis_that_is_away_is_told(tmp_path: Path) -> None:
    store.init(tmp_path / "shop", Settings(serve=ServeSettings(state="redis://127.0.0.1:1/0")))
    done = CliRunner().invoke(app, ["absorb", str(tmp_path / "shop")])
    assert done.exit_code == 2
    assert "does not answer" in done.stderr
