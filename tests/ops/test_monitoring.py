"""Alerts and the dashboard ask for what there is; promtool runs the alerts' own tests."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from cartpath.serving.metrics import Metrics

ROOT = Path(__file__).resolve().parents[2]
OPS = ROOT / "ops"
NAME = re.compile(r"\b(?:cartpath|process)_[a-z_]+")
#: What Prometheus itself has.
OWN = {"up", "ALERTS"}


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((OPS / "alerts.yaml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def board() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((OPS / "grafana" / "dashboard.json").read_text())
    return found


def questions() -> list[str]:
    """Return the queries of the dashboard."""
    return [target["expr"] for panel in board()["panels"] for target in panel.get("targets", ())]


@pytest.fixture(scope="module")
def names() -> set[str]:
    return Metrics().names


def test_every_metric_that_is_asked_for_exists(names: set[str]) -> None:
    asked = {name for text in [*questions(), *(rule["expr"] for rule in rules())] for name in NAME.findall(text)}
    assert len(asked) > 20
    assert asked - names == set()


def test_every_label_that_is_asked_for_exists() -> None:
    metrics = Metrics()
    labels = {
        name: set(family._labelnames) | {"le", "job", "instance"}
        for family, own in metrics.registry._collector_to_names.items()
        for name in own
        if hasattr(family, "_labelnames")
    }
    for text in [*questions(), *(rule["expr"] for rule in rules())]:
        for name, inside in re.findall(r"(cartpath_[a-z_]+)\{([^}]*)\}", text):
            found = set(re.findall(r"(\w+)\s*(?:=~|!=|!~|=)", inside))
            assert found <= labels[name], f"{text}: {name} has {sorted(labels[name])}"


def test_every_metric_is_shown_or_alerted_on_and_documented(names: set[str]) -> None:
    used = "\n".join([*questions(), *(rule["expr"] for rule in rules())])
    page = (ROOT / "docs" / "operate.md").read_text()
    families = {family.name: family.type for family in Metrics().registry.collect()}
    for name, kind in families.items():
        if name.startswith("cartpath_"):
            assert name in used, f"neither shown nor alerted on: {name}"
            assert f"`{name}{'_total' if kind == 'counter' else ''}`" in page, f"not in docs/operate.md: {name}"


def test_alerts_say_what_to_do() -> None:
    page = (ROOT / "docs" / "operate.md").read_text()
    for rule in rules():
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert set(rule["annotations"]) == {"summary", "runbook"}
        assert rule["annotations"]["runbook"] == f"docs/operate.md#{rule['alert'].lower()}"
        assert f"### {rule['alert']}\n" in page


def test_every_alert_is_tested_to_fire_and_not_to() -> None:
    tests = yaml.safe_load((OPS / "alerts_test.yaml").read_text())["tests"]
    fires = {(case["alertname"], bool(case["exp_alerts"])) for test in tests for case in test["alert_rule_test"]}
    assert fires == {(rule["alert"], fired) for rule in rules() for fired in (True, False)}


def test_the_dashboard_is_whole() -> None:
    found = board()
    panels = found["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len({panel["title"] for panel in panels}) == len(panels)
    cells = [
        (panel["gridPos"]["x"] + dx, panel["gridPos"]["y"] + dy)
        for panel in panels
        for dx in range(panel["gridPos"]["w"])
        for dy in range(panel["gridPos"]["h"])
    ]
    assert len(set(cells)) == len(cells), "panels lie over each other"
    assert max(x for x, _ in cells) < 24
    assert {target["datasource"]["uid"] for panel in panels for target in panel.get("targets", ())} == {"${datasource}"}


def promtool(*arguments: str) -> None:
    found = subprocess.run(["promtool", *arguments], cwd=OPS, capture_output=True, text=True, timeout=120, check=False)
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.promtool
def test_promtool_finds_the_rules_valid_and_their_tests_pass() -> None:
    promtool("check", "rules", "alerts.yaml")
    promtool("test", "rules", "alerts_test.yaml")
    promtool("check", "config", "--syntax-only", "prometheus.yaml")


@pytest.mark.promtool
def test_promtool_finds_the_queries_of_the_dashboard_valid(tmp_path: Path) -> None:
    queries = [text.replace("$__rate_interval", "1m") for text in questions()]
    recorded = [{"record": f"q:{n}", "expr": text} for n, text in enumerate(queries)]
    (tmp_path / "queries.yaml").write_text(json.dumps({"groups": [{"name": "dashboard", "rules": recorded}]}))
    promtool("check", "rules", str(tmp_path / "queries.yaml"))


@pytest.mark.promtool
def test_promtool_finds_the_page_of_metrics_well_made() -> None:
    metrics = Metrics()
    metrics.request("/v1/events", "POST", 202, 0.004)
    metrics.drift("feature", "channel", 0.1)
    found = subprocess.run(
        ["promtool", "check", "metrics"], input=metrics.text(), capture_output=True, timeout=60, check=False
    )
    assert found.returncode == 0, found.stdout.decode() + found.stderr.decode()
