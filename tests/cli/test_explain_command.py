"""The commands that say why a score is what it is, and to whom a model is worth what: what they print and refuse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

pytest.importorskip("torch")
pytest.importorskip("transformers")

from cartpath import store, training
from cartpath.cli import app
from cartpath.features import log_from_table
from cartpath.tasks import IntentRows
from cartpath.training.intent.by_groups import group_tables
from cartpath.training.intent.profits import Worth, profit_tables
from tests.features.logs import path_of

TOLD = {
    "task": "intent", "model": "stack", "target": "purchase", "user_id": "u1", "ts": "2024-01-01T00:00:00Z",
    "event": "view", "step": 3, "score": 0.125, "log_odds": -1.5, "baseline": -2.0, "others": 0.125, "error": 0.0,
    "method": "by hand",
    "drivers": [
        {"kind": "feature", "name": "open_cart_value", "value": 145.5, "unit": "money", "contribution": 0.5},
        {"kind": "feature", "name": "last_query", "value": None, "unit": "id", "contribution": -0.25},
        {"kind": "event", "name": "add_to_cart", "contribution": 0.125, "ts": "2023-12-31T00:00:00Z", "item_id": "hat",
         "sessions_ago": 2},
    ],
}  # fmt: skip


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    store.init(tmp_path / "shop")
    return tmp_path / "shop"


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_a_score_and_what_it_is_made_of(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def explain_user(workspace: Path, user_id: str, **more: Any) -> dict[str, Any]:
        asked.update({"user": user_id, **more})
        return TOLD

    monkeypatch.setattr(training, "explain_user", explain_user)
    done = run("explain", shop, "--user", "u1", "--model", "stack", "--at", "2024-01-02", "--top", "3")
    assert done.exit_code == 0
    assert asked == {"user": "u1", "task": "intent", "model": "stack", "at": "2024-01-02", "top": 3}
    for words in (
        "12.50%",
        "145.5 money",
        "unknown",
        "2023-12-31T00:00:00Z, 2 sessions ago",
        "hat",
        "-0.250",
        "-2.000",
    ):
        assert words in done.stdout
    assert json.loads(run("explain", shop, "--user", "u1", "--json").stdout) == TOLD


def test_where_no_model_is_asked(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bought = {name: TOLD[name] for name in ("score", "target", "event", "ts", "step", "model")}
    answer = {**bought, "method": "the session has bought", "drivers": []}
    monkeypatch.setattr(training, "explain_user", lambda *_, **__: answer)
    assert "No model is asked: the session has bought." in run("explain", shop, "--user", "u1").stdout


def test_without_a_model_it_says_what_to_do(shop: Path) -> None:
    done = run("explain", shop, "--user", "u1")
    assert done.exit_code == 2
    assert "cartpath finetune" in done.stderr


def judged() -> dict[str, Any]:
    n = 40
    log = log_from_table(path_of([float(at) for at in range(n)], ["view"] * n))
    label = (np.arange(n) % 4 == 0).astype(np.int8)
    at = np.zeros(n, np.int64)
    rows = IntentRows(at, np.arange(n), at + 5, np.arange(n) + 1, label, at)
    said = {"lightgbm": np.where(label == 1, 0.6, 0.1), "base-rate": np.full(n, 0.25)}
    groups = group_tables(log, rows, {name: (p, p) for name, p in said.items()}, ["returning"], 5, 0)
    profit = profit_tables(Worth(10, 1, 0.5), rows, said, ("calibration", rows, said), "test", 5, 0)
    about = {"model": "lightgbm", "k": 5, "n": n, "positives": 10, "auc": 1.0, "auc_ci": [1.0, 1.0], "ap": 1.0}
    return {
        "target": "purchase",
        "slice": "test",
        "n": n,
        "positives": 10,
        "best": "lightgbm",
        "k": 5,
        "results": [{**about, "ap_ci": [1.0, 1.0]}, {"model": "gru", "k": 5, "error": "no power"}],
        "calibration": [{"model": "lightgbm", "predicted": 0.1, "observed": 0.1, "low": 0.0, "high": 0.2, "n": 30}],
        "groups": groups,
        "profit": profit,
    }


def test_groups_profit_and_figures(shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def evaluate(workspace: Path, **more: Any) -> dict[str, Any]:
        asked.update(more)
        return judged()

    monkeypatch.setattr(training, "evaluate", evaluate)
    monkeypatch.setattr(training, "metrics", lambda workspace: [])
    given = ["--by", "returning, device", "--value", "10", "--cost", "1", "--uplift", "0.5"]
    done = run("evaluate", shop, "--task", "intent", *given, "--figures", tmp_path / "figures")
    assert done.exit_code == 0, done.output
    assert (asked["by"], asked["value"], asked["cost"], asked["uplift"]) == (("returning", "device"), 10.0, 1.0, 0.5)
    # The ten buyers get a coupon of 1 that brings 10 x 0.5 each; everybody: 10 x 5 - 40.
    for words in ("By group, at step 5", "a purchase brings 10 x 0.5", "gru failed: no power"):
        assert words in done.stdout + done.stderr
    row = next(line.split() for line in done.stdout.splitlines() if line.startswith("lightgbm "))
    assert [row[1], row[2], row[3], row[4], row[-1]] == ["0.6000", "10", "10", "40", "10"]
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == [
        "ap_by_step.html", "auc_by_step.html", "profit.html", "reliability.html",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--task", "next_item", "--by", "device"], "--by means nothing to the task next_item"),
        (["--task", "intent", "--by", "colour"], "cannot be judged by 'colour'"),
        (["--task", "intent", "--value", "3"], "needs both"),
        (["--task", "intent", "--value", "3", "--cost", "1", "--uplift", "2"], "is no share"),
    ],
)
def test_what_is_refused(shop: Path, words: list[str], told: str) -> None:
    done = run("evaluate", shop, *words)
    assert done.exit_code == 2
    assert told in done.stderr
