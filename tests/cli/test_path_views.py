"""The flow graph and the step view on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cartpath.cli import app
from tests.web.shops import make


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(make(tmp_path_factory.mktemp("flow") / "shop").path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_flow_json_has_the_contracts_fields(shop: str) -> None:
    found = json.loads(run("flow", shop, "--json", "--across-sessions", "--top-edges", "2").stdout)
    assert {"count", "nodes", "edges", "coverage", "hidden", "warnings", "filter", "generation"} <= found.keys()
    assert {"source", "target", "n", "users", "share", "median_gap_seconds"} <= found["edges"][0].keys()
    assert (found["count"], len(found["edges"])) == ("users", 2)
    assert found["coverage"] == pytest.approx(sum(edge["share"] for edge in found["edges"]))


def test_flow_says_what_is_hidden(shop: str) -> None:
    shown = run("flow", shop, "--min-share", "0.1", "--where", "event!=cart").stdout
    assert "are hidden" in shown
    assert "where event is not cart" in shown
    assert "median seconds" in shown


def test_step_view_json_has_the_contracts_fields(shop: str) -> None:
    found = json.loads(run("step-view", shop, "--end", "purchase", "--steps", "2", "--json").stdout)
    assert {"direction", "anchor", "paths", "left_out", "columns", "links", "count", "period"} <= found.keys()
    assert (found["direction"], found["anchor"], len(found["columns"])) == ("backwards", "purchase", 3)
    for column in found["columns"]:
        assert sum(value["share"] for value in column["values"]) == pytest.approx(1)


@pytest.mark.parametrize("chart", ["sankey", "matrix"])
def test_step_view_writes_files(shop: str, chart: str, tmp_path: Path) -> None:
    csv, figure = tmp_path / "steps.csv", tmp_path / "steps.json"
    result = run("step-view", shop, "--csv", str(csv), "--figure", str(figure), "--chart", chart)
    assert result.exit_code == 0
    assert csv.read_text().splitlines()[0] == "step,event,n,share,interval_low,interval_high"
    assert json.loads(figure.read_text())["data"]
    assert "anchor" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("flow", "--node", "evnt"), "did you mean 'event'"),
        (("flow", "--min-share", "2"), "not a share"),
        (("flow", "--nodes", "0"), "cannot show 0 nodes"),
        (("step-view", "--start", "view", "--end", "purchase"), "looks from one event"),
        (("step-view", "--chart", "pie"), "no chart 'pie'"),
        (("step-view", "--steps", "99"), "cannot show 99 steps"),
    ],
)
def test_bad_input_is_a_message_and_code_2(shop: str, arguments: tuple[str, ...], message: str) -> None:
    result = run(arguments[0], shop, *arguments[1:])
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_an_event_never_seen_is_explained(shop: str) -> None:
    result = run("step-view", shop, "--start", "purchse")
    assert result.exit_code == 0
    assert "did you mean 'purchase'?" in result.stderr
    assert result.stdout.startswith("0 sessions with purchse")


def test_step_view_heads_its_table_with_what_it_shows(shop: str) -> None:
    shown = run("step-view", shop, "--node", "item_id", "--steps", "2").stdout.splitlines()
    assert shown[1].split()[0] == "item_id"
    assert run("step-view", shop, "--steps", "2").stdout.splitlines()[1].split()[0] == "event"


def test_no_bar_of_buttons_lies_over_a_figure(shop: str, tmp_path: Path) -> None:
    assert run("flow", shop, "--figure", str(tmp_path / "flow.html")).exit_code == 0
    assert '"displayModeBar": false' in (tmp_path / "flow.html").read_text()
