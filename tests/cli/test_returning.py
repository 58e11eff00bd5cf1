"""Commands of retention, lifecycle, stickiness, repurchase and time to purchase."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import cartpath
from cartpath import config, store
from cartpath.cli import app
from cartpath.config import Settings, ShopSettings
from tests.paths.twin import Row, table_of

pytest.importorskip("lifelines")

Run = Callable[..., Result]
DAY = 86400
COMMANDS = ("retention", "lifecycle", "stickiness", "repurchase", "time-to-purchase")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("returning") / "shop"
    store.init(folder, Settings(shop=ShopSettings("America/Los_Angeles")))
    rows = [
        Row(user, 1_477_900_000 + (user + 6 * k) * DAY, "view" if k % 2 == 0 else "purchase", k, order=10 * user + k)
        for user in range(1, 30)
        for k in range(8)
    ]
    with store.writer(folder) as writer:
        writer.add(table_of(rows))
        writer.commit(sources=[{"file": "a", "hash": "1", "adapter": "test", "read": len(rows)}], quarantine={})
    return str(folder)


@pytest.fixture
def run() -> Run:
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


@pytest.mark.parametrize("command", COMMANDS)
def test_a_table_with_its_denominator(run: Run, shop: str, command: str) -> None:
    result = run(command, shop)
    assert result.exit_code == 0, result.output
    assert "all events" in result.stdout
    assert "29" in result.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_json_csv_and_figure(run: Run, shop: str, command: str, tmp_path: Path) -> None:
    csv, figure = tmp_path / "a.csv", tmp_path / "a.html"
    result = run(command, shop, "--json", "--csv", str(csv), "--figure", str(figure))
    found = json.loads(result.stdout)
    assert (found["count"], found["units"], found["time_zone"]) == ("users", 29, "America/Los_Angeles")
    assert {"period", "filter", "ties", "warnings", "generation", "observed_until"} <= set(found)
    assert len(csv.read_text(encoding="utf-8").splitlines()) > 1
    assert "plotly" in figure.read_text(encoding="utf-8")


@pytest.mark.parametrize("command", COMMANDS)
def test_an_empty_period_is_explained(run: Run, shop: str, command: str) -> None:
    result = run(command, shop, "--since", "2030-01-01")
    assert result.exit_code == 0, result.output
    assert "no event counts" in result.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_an_empty_store_is_explained(run: Run, command: str, tmp_path: Path) -> None:
    store.init(tmp_path / "shop")
    result = run(command, str(tmp_path / "shop"), "--figure", str(tmp_path / "a.json"))
    assert result.exit_code == 0, result.output
    assert "no event counts" in result.stderr
    assert "nothing to draw" in (tmp_path / "a.json").read_text(encoding="utf-8")


def test_groups(run: Run, shop: str) -> None:
    by = run("retention", shop, "--by", "event", "--cohort", "day").stdout
    assert "view" in by
    found = run("time-to-purchase", shop, "--by", "weekday", "--top", "3").stdout
    assert "Log-rank test of 3 groups" in found
    assert "(other)" in found


def test_a_time_zone_for_once(run: Run, shop: str) -> None:
    found = json.loads(run("lifecycle", shop, "--time-zone", "Asia/Kolkata", "--period", "day", "--json").stdout)
    assert found["time_zone"] == "Asia/Kolkata"
    assert run("lifecycle", shop, "--time-zone", "Mars").exit_code == 2


def test_without_the_extra_it_is_named(run: Run, shop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lifelines", None)
    result = run("time-to-purchase", shop, "--start", "view|purchase")  # not asked before: kept answers need no extra
    assert result.exit_code == 2
    assert "cartpath[survival]" in result.stderr
    assert run("repurchase", shop).exit_code == 0


def test_the_facade_is_what_the_commands_print(shop: str) -> None:
    opened = cartpath.open(shop)
    assert opened.settings.shop == config.ShopSettings("America/Los_Angeles")
    with opened.snapshot() as snap:
        found = opened.retention(cohort="day", start="purchase", where="weekday!=Sunday", snap=snap)
    assert found.to_dict()["start"] == "purchase"
    assert found.frame["users"].max() > 0
    for analysis in (opened.lifecycle(), opened.stickiness("view", "week"), opened.repurchase(), found):
        assert analysis.figure.data
    assert opened.time_to_purchase(by="hour", count="sessions").result.curve.n == 232
