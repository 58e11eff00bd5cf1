"""Churn, spend and repeat purchase of a workspace: fine-tuned, judged, predicted, and asked wrongly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("lightgbm")
pytest.importorskip("sklearn")

from cartpath import config, store, training
from cartpath import shop as shops
from cartpath.cli import app
from cartpath.schema import CartpathError, iso
from cartpath.training.cutoff import boosted
from cartpath.training.cutoff.chosen import chosen_model
from cartpath.training.cutoff.opening import opened
from cartpath.training.intent.job import Options
from tests.training.at_cutoffs import BEGIN, DAY
from tests.training.cutoff_shop import cutoff_shop

LABEL_ROW = {"model", "k", "auc", "auc_ci", "ap", "ap_ci", "log_loss", "ece", "precision", "recall", "f1", "accuracy"}
AMOUNT_ROW = {"model", "k", "rmse", "rmse_ci", "mae", "mae_ci", "r2", "spearman", "coverage", "interval_width"}
PAIR = {"a", "b", "k", "metric", "difference", "ci", "p"}


def run(*words: str) -> Any:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = cutoff_shop(tmp_path_factory.mktemp("cutoffs") / "shop")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boosted, "_MOST_TREES", 40)
        training.finetune(folder, task="churn", method="head", horizon="7d", epochs=1)
        for task, models in {"churn": "rfm,lightgbm", "spend": "base-rate,rfm", "repeat": "base-rate,linear"}.items():
            training.evaluate(folder, task=task, models=models, horizon="7d")
    return folder


def test_evaluate_says_what_was_agreed(shop: Path) -> None:
    told = run("evaluate", shop, "--task", "churn", "--models", "rfm,lightgbm,behaviour-head", "--json")
    found = json.loads(told.stdout)
    assert found["task"] == "churn"
    assert found["asked"]["horizon"] == "7d"
    assert {row["model"] for row in found["results"]} == {"rfm", "lightgbm", "behaviour-head"}
    assert all(row.keys() >= {*LABEL_ROW, "seconds"} and row["k"] is None for row in found["results"])
    assert {(pair["a"], pair["b"]) for pair in found["paired"]} == {
        ("lightgbm", "rfm"),
        ("behaviour-head", "lightgbm"),
        ("behaviour-head", "rfm"),
    }
    assert all(pair.keys() == PAIR for pair in found["paired"])
    with opened(shop, "churn", Options()) as job:
        rows = job.of("test")
        assert (found["n"], found["positives"]) == (len(rows), int(rows.label.sum()))
    shown = run("evaluate", shop, "--task", "churn", "--models", "rfm").stdout
    assert f"churn (horizon 7d): test slice, {len(rows):,} users at cut-offs" in shown


def test_amounts_have_figures_of_their_own_and_tests_on_squared_error(shop: Path) -> None:
    found = json.loads(run("evaluate", shop, "--task", "spend", "--models", "base-rate,rfm", "--json").stdout)
    assert all(row.keys() >= {*AMOUNT_ROW, "coverage_ci", "seconds"} for row in found["results"])
    by_name = {row["model"]: row for row in found["results"]}
    pair = next(pair for pair in found["paired"] if pair["metric"] == "mse")
    assert (pair["a"], pair["b"]) == ("rfm", "base-rate")
    assert pair["difference"] == pytest.approx(by_name["rfm"]["rmse"] ** 2 - by_name["base-rate"]["rmse"] ** 2)
    assert run("evaluate", shop, "--task", "spend", "--models", "base-rate,rfm").exit_code == 0


def test_a_model_that_cannot_be_fitted_is_shown_as_failed(shop: Path) -> None:
    found = training.evaluate(shop, task="churn", models="rfm,bg-nbd,stack")
    failed = {row["model"]: row["error"] for row in found["results"] if "error" in row}
    assert failed.keys() == {"bg-nbd", "stack"}
    assert "churn is asked of visits" in failed["bg-nbd"]
    assert "a blend needs two of" in failed["stack"]


@pytest.mark.parametrize("task", ["churn", "spend", "repeat"])
def test_what_is_evaluated_is_what_is_predicted(shop: Path, tmp_path: Path, task: str) -> None:
    with opened(shop, task, Options()) as job:
        rows, chosen = job.of("test"), chosen_model(shop, task, "rfm" if task != "repeat" else "linear")
        at = int(rows.cutoff[0])
        wanted = chosen.scorer.score(job.log, rows)
        names = job.log.view.user_id.take(pa.array(rows.user)).to_pylist()
        whats = [rows.texts[what] for what in rows.what] if task == "repeat" else [None] * len(rows)  # type: ignore[union-attr]
    told = training.predict(shop, tmp_path / "o.parquet", task=task, at=at, model=chosen.name)
    table = pq.read_table(tmp_path / "o.parquet")
    found = {(row["user_id"], row.get("item_id")): row for row in table.to_pylist()}
    assert told["rows"] == len(table) == len(rows) == len(found)
    assert told["at"] == iso(at)
    assert {key: row["score"] for key, row in found.items()} == dict(
        zip(zip(names, whats, strict=True), wanted.tolist(), strict=True)
    )
    if task == "spend":
        assert all(0 <= row["low"] <= row["high"] for row in table.to_pylist())


def test_users_of_a_file_and_those_who_are_not_asked_about(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text("user_id\nu0\nu2\nnobody\n")
    told = run("predict", shop, "--task", "churn", "--users", tmp_path / "users.csv", "--out", tmp_path / "o.csv")
    assert told.exit_code == 0, told.output
    lines = (tmp_path / "o.csv").read_text().split()
    assert lines[0] == '"user_id","at","score"'
    assert {line.split(",")[0] for line in lines[1:]} == {'"u0"', '"u2"'}
    assert "1 of the users asked for are not in the shop" in told.output
    early = training.predict(shop, tmp_path / "o.csv", task="churn", users=tmp_path / "users.csv", at=BEGIN - DAY)
    assert (early["rows"], early["users_not_asked"], early["users_unknown"]) == (0, 2, 1)


def test_a_moment_at_which_nobody_is_asked_about_is_refused(shop: Path, tmp_path: Path) -> None:
    with pytest.raises(CartpathError, match="nobody is asked about at 2020-01-01"):
        training.predict(shop, tmp_path / "o.csv", task="churn", at="2020-01-01")
    assert not (tmp_path / "o.csv").exists()
    late = training.predict(shop, tmp_path / "o.csv", task="churn", at="2024-06-01")
    assert "everybody looks inactive" in late["warnings"][0]


def test_the_last_question_is_the_one_that_is_kept(tmp_path: Path) -> None:
    shop = cutoff_shop(tmp_path / "shop", users=40)
    training.evaluate(shop, task="churn", models="rfm", horizon="7d")
    first = chosen_model(shop, "churn")
    again = training.evaluate(shop, task="churn", models="rfm", horizon="3d")
    assert (first.task.horizon, chosen_model(shop, "churn").task.horizon) == ("7d", "3d")
    assert training.evaluate(shop, task="churn", models="rfm")["asked"] == again["asked"]
    card = training.finetune(shop, task="churn", method="head", horizon="7d", epochs=1)
    assert card["replaced"]["asked"]["horizon"] == "3d"
    assert card["promoted"] == "behaviour-head"
    assert training.finetune(shop, task="churn", method="head", horizon="7d", epochs=1)["replaced"] is None


def test_all_tasks_that_were_asked_about_are_judged(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(training, "evaluate", lambda path, **options: asked.append(options) or {})
    monkeypatch.setattr("cartpath.recommend.evaluate_recommender", lambda path, **options: {})
    assert set(shops.open(shop).evaluate(at_k=[1])) == {"intent", "churn", "spend", "repeat", "next_item"}
    assert [(one["task"], one.get("at_k")) for one in asked] == [
        ("intent", [1]),
        ("churn", None),
        ("spend", None),
        ("repeat", None),
    ]


def test_figures_are_kept_for_the_report(shop: Path) -> None:
    rows = training.metrics(shop)
    assert {row["task"] for row in rows} >= {"churn", "spend", "repeat"}
    better = {row["metric"]: row["better"] for row in rows}
    assert (better["rmse"], better["mae"], better["auc"]) == ("lower", "lower", "higher")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("evaluate", "--task", "churn", "--models", "oracle"), "no churn model 'oracle'"),
        (("evaluate", "--task", "churn", "--at-k", "1"), "--at-k means nothing to the task churn"),
        (("evaluate", "--task", "intent", "--horizon", "7d"), "--horizon is for churn, spend, repeat"),
        (("evaluate", "--task", "churn", "--horizon", "90d"), "beyond the data"),
        (("evaluate", "--task", "churn", "--horizon", "30d"), "no room for a horizon of 30d"),
        (("evaluate", "--task", "churn", "--event", "bougth", "--horizon", "7d"), "bougth"),
        (("finetune", "--task", "chrun"), "no task 'chrun'"),
        (("finetune", "--task", "spend", "--method", "magic"), "no method 'magic'"),
        (("finetune", "--task", "churn", "--learning-rate", "0.1"), "learning_rate can be set for intent alone"),
        (("finetune", "--task", "churn", "--set", "rank=4"), "behaviour-full has no setting 'rank'"),
        (("finetune", "--task", "churn", "--refit"), "--refit means nothing to the task churn"),
        (
            ("predict", "--task", "churn", "--drivers", "3", "--out", "x.csv"),
            "--drivers means nothing",
        ),
        (("evaluate", "--task", "next_item", "--refit"), "--refit means nothing to the task next_item"),
        (("evaluate", "--task", "next_item", "--at-k", "1"), "--at-k means nothing to the task next_item"),
        (("evaluate", "--task", "intent", "--uplift", "0.2"), "--uplift is of a coupon"),
        (("finetune", "--task", "intent", "--of", "item"), "--of means nothing to the task intent"),
        (("finetune", "--task", "repeat", "--of", "colour"), "cannot ask who buys the same 'colour' again"),
        (("predict", "--task", "intent", "--at", "2024-01-09", "--out", "x.csv"), "--at means nothing"),
        (("predict", "--task", "churn", "--model", "gru", "--out", "x.csv"), "is not fitted yet"),
        (("predict", "--task", "churn", "--on", "x.csv", "--adapter", "generic", "--out", "y.csv"), "--on scores"),
    ],
)
def test_wrong_questions_are_told_as_what_they_are(shop: Path, words: tuple[str, ...], message: str) -> None:
    told = run(words[0], shop, *words[1:])
    assert told.exit_code == 2
    assert message in told.output
    assert "Traceback" not in told.output


def test_a_shop_without_purchases_is_refused(tmp_path: Path) -> None:
    shop = cutoff_shop(tmp_path / "shop", users=10)
    views = tmp_path / "views"
    store.init(views, config.Settings(store=config.StoreSettings(2)))
    when = np.arange(0, 65 * 86_400, 6 * 3600) + BEGIN // 1_000_000
    with store.writer(views) as writer:
        moments = pa.array(when, pa.timestamp("s", tz="UTC")).cast(pa.timestamp("us", tz="UTC"))
        writer.add(pa.table({"user_id": ["u"] * len(when), "ts": moments, "event": ["view"] * len(when)}))
        writer.commit()
    (views / "models").rmdir()
    (shop / "models").rename(views / "models")
    for task, message in {
        "churn": "none of the 5 rows of the train slice stay away",
        "spend": "no event 'purchase'",
        "repeat": "no event 'purchase'",
    }.items():
        with pytest.raises(CartpathError, match=message):
            training.evaluate(views, task=task, horizon="7d")
