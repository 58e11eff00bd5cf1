"""Settings of intent models: searched on validation alone, taken by later fits, given by hand."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("optuna")

from cartpath import training
from cartpath.cli import app
from cartpath.models import current_version, folder_of
from cartpath.models.adaptation import METHODS
from cartpath.models.intent import load_intent
from cartpath.schema import CartpathError, microseconds_of
from cartpath.training.card import read_card
from cartpath.training.intent.keep import artefact
from cartpath.training.intent.registry import BLENDS, RECIPES
from cartpath.training.intent.settings import known_settings, method_settings
from tests.features.logs import shop_table
from tests.training.test_training import altered_after, make_shop

DATES = {"train_until": "2024-01-19", "valid_until": "2024-01-22", "calibrate_until": "2024-01-25"}
HEAD = {"model": "behaviour-head", "epochs": 2, **DATES}
PAGE = Path(__file__).resolve().parents[2] / "docs" / "search.md"


class Killed(BaseException):
    """The machine lost its power."""


def pretrained(folder: Path, table: Any) -> Path:
    shop: Path = make_shop(folder, table)
    training.pretrain(shop, epochs=1, train_until=DATES["train_until"], settings={"hidden": 16, "layers": 1})
    return shop


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pretrained(tmp_path_factory.mktemp("shop") / "s", shop_table(150))


@pytest.fixture
def shop(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "copied"))


def tried(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "seconds"} for row in found["history"]]


def killed_at(words: str, time: int) -> Callable[[str, float], None]:
    """Kill when words are told so many times."""
    heard = []

    def told(message: str, done: float) -> None:
        heard.extend([message] if words in message else [])
        if len(heard) == time:
            raise Killed

    return told


def test_a_search_that_was_killed_goes_on_and_later_fits_take_its_best(shop: Path, tmp_path: Path) -> None:
    twin = Path(shutil.copytree(shop, tmp_path / "twin"))
    whole = training.search(twin, trials=3, **HEAD)
    with pytest.raises(Killed):
        training.search(shop, trials=3, save_every=0.0, progress=killed_at("trial 2 of 3: loss", 2), **HEAD)
    left = folder_of(shop, "intent") / "search" / "behaviour-head" / "checkpoints"
    assert list(left.glob("checkpoint-*"))
    found = training.search(shop, trials=3, **HEAD)
    assert tried(found) == tried(whole)
    assert not left.exists()
    assert [row["steps"] for row in found["history"]] == [2, 2, 2]
    assert found["best"] == min(
        ({"loss": row["loss"], "trial": row["trial"]} for row in found["history"]), key=lambda row: row["loss"]
    ) | {"settings": found["best"]["settings"]}

    card = training.finetune(shop, method="head", **DATES)
    assert min(card["validation_losses"]) == found["best"]["loss"]
    assert found["best"]["settings"].items() <= card["settings"].items()
    assert (card["searched"]["trials"], card["searched"]["taken"]) == (3, sorted(found["best"]["settings"]))
    mine = training.finetune(shop, method="head", settings={"learning_rate": 1e-3}, **DATES)
    assert mine["settings"]["learning_rate"] == 1e-3
    assert mine["settings"]["weight_decay"] == found["best"]["settings"]["weight_decay"]
    assert "learning_rate" not in mine["searched"]["taken"]
    usual = training.finetune(shop, method="head", searched=False, epochs=1, **DATES)
    assert usual["settings"]["learning_rate"] == known_settings("behaviour-head")["learning_rate"].usual
    assert usual["searched"]["taken"] == []


def test_validation_alone_is_read(shop: Path, tmp_path: Path) -> None:
    later = microseconds_of(DATES["valid_until"])
    other = pretrained(tmp_path / "other", altered_after(shop_table(150), later))
    for options in (HEAD, {"model": "logistic", **DATES}):
        ours, theirs = training.search(shop, trials=2, **options), training.search(other, trials=2, **options)
        assert tried(ours) == tried(theirs)
    # What is before it counts.
    earlier = pretrained(tmp_path / "earlier", altered_after(shop_table(150), later - 86_400_000_000))
    assert tried(training.search(earlier, trials=2, **HEAD)) != tried(training.search(shop, trials=2, **HEAD))


def test_trees_are_ended_early_by_the_loss_after_some_of_them(shop: Path) -> None:
    space = {"trees": 30, "learning_rate": 0.1, "num_leaves": 4, "feature_fraction": 0.1}
    found = training.search(shop, model="lightgbm", trials=8, sampler="random", settings=space, **DATES)
    assert {row["steps"] for row in found["history"] if row["state"] == "complete"} == {10}
    assert found["pruned"] == sum(2 <= row["steps"] < 10 for row in found["history"]) > 0
    assert found["best"]["settings"].items() >= space.items()
    assert set(found["history"][0]["settings"]) == {"min_data_in_leaf", "lambda_l2", "bagging_fraction", "cat_smooth"}


def test_models_are_fitted_again_when_a_search_found_better(shop: Path) -> None:
    training.evaluate(shop, models="logistic", at_k=[2])
    before = read_card(current_version(shop, artefact("logistic"), ""))
    found = training.search(shop, model="logistic", trials=3)
    training.evaluate(shop, models="logistic", at_k=[2])
    after = read_card(current_version(shop, artefact("logistic"), ""))
    assert before["searched"] is None
    assert after["settings"] == found["best"]["settings"]
    assert after["validation_loss"] == found["best"]["loss"]
    # A later search that finds nothing better leaves everything as it is.
    worse = training.search(shop, model="logistic", trials=1, sampler="grid", settings={"positive_weight": 50})
    assert not worse["kept"]
    training.evaluate(shop, models="logistic", at_k=[2])
    assert read_card(current_version(shop, artefact("logistic"), "")) == after
    # Another question has no search.
    assert training.finetune(shop, method="head", epochs=1, horizon="24h", **DATES)["searched"] is None


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [*map(str, words)])


def test_the_commands(shop: Path) -> None:
    dates = [word for name, date in DATES.items() for word in (f"--{name.replace('_', '-')}", date)]
    asked = ["search", shop, "--task", "intent", "--model", "logistic", "--trials", 2, "--sampler", "grid", *dates]
    done = run(*asked, "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    fields_of = {"task", "model", "sampler", "trials", "pruned", "failed", "best", "seconds", "history"}
    assert fields_of <= set(told)
    assert (told["task"], told["model"], told["sampler"]) == ("intent", "logistic", "grid")
    assert (told["trials"], told["pruned"], told["failed"]) == (2, 0, 0)
    assert {"loss", "settings"} <= set(told["best"])
    plain = run(*asked)
    assert "2 trials, 0 ended early, 0 failed. Best: trial" in plain.stdout
    assert "finetune and evaluate take its settings" in plain.stdout
    options = ["--learning-rate", "3e-3", "--layer-decay", "0.9", "--warm-up", "0.2", "--dropout", "0.4"]
    options += [
        "--weight-decay",
        "0.1",
        "--patience",
        "1",
        "--positive-weight",
        "2",
        "--set",
        "rank=2",
        "--epochs",
        "1",
    ]
    done = run("finetune", shop, "--method", "lora", *options, *dates, "--json")
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)["settings"]
    expected = {"learning_rate": 3e-3, "layer_decay": 0.9, "warm_up": 0.2, "dropout": 0.4, "weight_decay": 0.1}
    assert (expected | {"patience": 1, "positive_weight": 2, "rank": 2}).items() <= said.items()
    scorer: Any = load_intent(current_version(shop, artefact("behaviour-lora"), ""))
    network = scorer.model.pretrained.model
    assert network.config.adaptation["settings"]["rank"] == 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["finetune", "--set", "rank=8"], "behaviour-full has no setting 'rank'"),
        (["finetune", "--method", "lora", "--set", "rank=0"], "rank must be a whole number from 1 to 1024, not 0"),
        (["finetune", "--dropout", "1.5"], "dropout must be from 0 to 0.9, not 1.5"),
        (["finetune", "--set", "rank"], "'rank' is no setting"),
        (["finetune", "--positive-weight", "0"], "positive_weight must be from 0.001"),
        (["search", "--model", "base-rate"], "base-rate has no settings to search"),
        (["search", "--model", "oracle"], "there is no intent model 'oracle'"),
        (["search", "--sampler", "luck"], "there is no sampler 'luck'"),
        (["search", "--over", "leaves"], "behaviour-full has no setting 'leaves' to search"),
        (["search", "--model", "logistic", "--set", "C=1"], "every setting is given"),
        (["search", "--model", "logistic", "--epochs", "2"], "logistic has no setting 'epochs'"),
        (["search", "--model", "logistic", "--valid-until", "2024-01-19"], "nothing to choose settings by"),
    ],
)
def test_what_cannot_be_is_refused(made: Path, words: list[str], told: str) -> None:
    done = run(words[0], made, *words[1:])
    assert (done.exit_code, told in done.stderr) == (2, True), done.stderr
    assert "hint:" in done.stderr


def test_all_trials_failed(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> None:
        raise CartpathError("the glass is broken")

    monkeypatch.setitem(RECIPES, "logistic", RECIPES["logistic"].__class__("broken", fails))  # type: ignore[misc]
    with pytest.raises(CartpathError, match="all 2 trials failed: the glass is broken"):
        training.search(shop, model="logistic", trials=2, **DATES)


def test_every_setting_is_known_and_documented() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for model in RECIPES:
        for name, setting in known_settings(model).items():
            assert f"`{name}`" in page, f"docs/search.md does not name {name} of {model}"
            assert setting.usual is None or setting.read(name, setting.usual) == setting.usual
            for value in setting.tried:
                assert setting.read(name, value) == value
    assert [model for model in RECIPES if not known_settings(model)] == ["base-rate", *BLENDS]
    for method, way in METHODS.items():
        known = known_settings(f"behaviour-{method}")
        own = method_settings(method, {name: setting.usual for name, setting in known.items()})
        assert own == {field.name: field.default for field in fields(way)}
