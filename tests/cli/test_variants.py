from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import cartpath
from cartpath.cli import app
from tests.web.shops import make


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(make(tmp_path_factory.mktemp("variants") / "shop").path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_json_is_what_the_facade_gives(shop: str) -> None:
    found = json.loads(run("variants", shop, "--collapse", "--top", "3", "--unit", "event", "--json").stdout)
    assert found == json.loads(json.dumps(cartpath.open(shop).variants(collapse=True, top=3, unit="event").to_dict()))
    assert {"path", "n", "share", "conversion"} <= found["variants"][0].keys()
    assert sum(v["n"] for v in found["variants"]) + found["other"]["n"] == found["sessions"]


def test_the_table_has_the_paths_and_the_others(shop: str) -> None:
    shown = run("variants", shop, "--top", "2", "--max-length", "2").stdout
    assert "of" in shown.splitlines()[0]
    assert "cut after 2" in shown
    assert "(other)" in shown
    assert " > " in shown


def test_files(shop: str, tmp_path: Path) -> None:
    csv, figure = tmp_path / "v.csv", tmp_path / "v.html"
    result = run("variants", shop, "--top", "2", "--csv", str(csv), "--figure", str(figure))
    assert result.exit_code == 0, result.output
    assert csv.read_text().startswith("path,length,n,share,")
    assert "plotly" in figure.read_text()


def test_options_of_the_rule(shop: str) -> None:
    empty = json.loads(run("variants", shop, "--since", "2090-01-01", "--json").stdout)
    assert (empty["sessions"], empty["variants"]) == (0, [])
    some = json.loads(run("variants", shop, "--where", "event=view", "--json", "--collapse").stdout)
    assert [v["path"] for v in some["variants"]] == [["view"]]
    assert run("variants", shop, "--unit", "hit").exit_code != 0
