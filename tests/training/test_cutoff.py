"""Models of users at cut-offs: blind to what comes later, chosen and calibrated as they say, kept and found again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("lightgbm")
pytest.importorskip("sklearn")

from cartpath.evaluation import log_loss
from cartpath.models import sigmoid
from cartpath.models.cutoff import LabelScorer, SpendScorer, load_cutoff, target_of
from cartpath.schema import CartpathError
from cartpath.tasks import ChurnTask, RepeatRows, RepeatTask, SpendTask, TimeSplit
from cartpath.training import kept
from cartpath.training.cutoff import boosted
from cartpath.training.cutoff import job as jobs
from cartpath.training.cutoff.job import CutoffJob, Fitted
from cartpath.training.cutoff.judge import judged
from cartpath.training.cutoff.keep import apart, ensure, fit_model, fresh, promote
from cartpath.training.cutoff.question import Asked, read_question, words_of, write_question
from cartpath.training.cutoff.registry import RECIPES, named, names_for
from cartpath.training.data import silent
from tests.training.at_cutoffs import SPLIT, job_of, log_of_rows, shop_rows

ROWS = shop_rows(users=80, days=65)
ORDER = ("base-rate", "rfm", "linear", "lightgbm", "average", "stack")


@pytest.fixture(autouse=True)
def few_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boosted, "_MOST_TREES", 60)


def job(home: Path, task: str, rows: list[tuple[Any, ...]] = ROWS) -> CutoffJob:
    found = job_of(log_of_rows(rows), home, task)
    return replace(found, card={**found.card, "cuts": list(SPLIT.cuts)})


def altered(rows: list[tuple[Any, ...]], day: float) -> list[tuple[Any, ...]]:
    """The same until a day, and from then on other purchases of the same users and of new ones."""
    rng = np.random.default_rng(5)
    later = [
        (
            f"u{rng.integers(0, 120)}",
            day + float(rng.uniform(0, 9)),
            "purchase",
            f"i{rng.integers(0, 9)}",
            f"n{n}",
            99.0,
        )
        for n in range(300)
    ]
    return [*(row for row in rows if row[1] < day), *later]


def keys(found: CutoffJob, rows: Any) -> list[tuple[Any, ...]]:
    ids = found.log.view.user_id.take(rows.user).to_pylist()
    more = [rows.texts[what] for what in rows.what] if isinstance(rows, RepeatRows) else [None] * len(rows)
    return list(zip(ids, rows.cutoff.tolist(), more, strict=True))


@pytest.mark.parametrize("task", ["churn", "spend", "item"])
def test_what_comes_after_calibration_changes_no_fit_and_no_score(tmp_path: Path, task: str) -> None:
    one, other = job(tmp_path / "a", task), job(tmp_path / "b", task, altered(ROWS, 56))
    assert len(other.log.view.user_id) > len(one.log.view.user_id)
    for name in ORDER:
        cards = [fit_model(each, name, silent) for each in (one, other)]
        assert cards[0]["chosen_by"] == cards[1]["chosen_by"]
        for part in ("train", "validation", "calibration"):
            said = [
                dict(zip(keys(each, rows), each.done[name].predicted(each.log, rows).tolist(), strict=True))
                for each in (one, other)
                for rows in [each.of(part)]
            ]
            assert said[0] == said[1], (name, part)
        files = [kept.home_of(each.workspace, each.name, name) / "calibration.json" for each in (one, other)]
        assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize("task", ["churn", "item"])
def test_there_is_something_to_learn_and_trees_learn_it(tmp_path: Path, task: str) -> None:
    found = job(tmp_path, task)
    losses = {name: fit_model(found, name, silent)["chosen_by"] for name in ("base-rate", "rfm", "lightgbm")}
    assert losses["lightgbm"] < losses["base-rate"]
    assert losses["rfm"] < losses["base-rate"]
    assert promote(found, {}) == min(losses, key=lambda name: losses[name])


def test_who_spends_is_told_from_who_does_not(tmp_path: Path) -> None:
    found = job(tmp_path, "spend")
    losses = {name: fit_model(found, name, silent)["chosen_by"] for name in ("base-rate", "rfm", "bg-nbd", "lightgbm")}
    rows = found.of("calibration")
    wanted = float(np.mean((target_of(found.of("train")).mean() - target_of(rows)) ** 2))
    assert losses["base-rate"] == pytest.approx(wanted)
    assert max(losses["rfm"], losses["lightgbm"], losses["bg-nbd"]) < losses["base-rate"]


def test_probabilities_of_the_calibration_slice_come_from_other_users(tmp_path: Path) -> None:
    found = job(tmp_path, "churn")
    card = fit_model(found, "rfm", silent)
    rows, model = found.of("calibration"), found.done["rfm"]
    predicted, said = model.predicted(found.log, rows), np.zeros(len(rows))
    parts = apart(found, Fitted(model), None, predicted, rows)
    users = [set(rows.user[mine].tolist()) for mine, _ in parts]
    assert sum(len(part) for part in users) == len(set.union(*users))
    for mine, scorer in parts:
        assert isinstance(scorer, LabelScorer)
        said[mine] = scorer.of(predicted[mine])
    assert card["chosen_by"] == log_loss(target_of(rows).astype(np.int8), said)
    whole = judged(found, *_loaded(found, "rfm"), "calibration", 0)
    assert whole.said.tolist() == said.tolist()


def test_intervals_of_spend_hold_about_as_often_as_they_say(tmp_path: Path) -> None:
    found = job(tmp_path, "spend")
    for name in ("base-rate", "rfm", "lightgbm"):
        fit_model(found, name, silent)
        scorer, card = _loaded(found, name)
        assert isinstance(scorer, SpendScorer)
        rows = found.of("calibration")
        misses = scorer.band.misses(scorer.model.predicted(found.log, rows), target_of(rows))
        assert np.mean(misses <= scorer.band.margin) >= 0.9
        assert judged(found, scorer, card, "test", 0).figures.to_dict()["coverage"] > 0.75


def test_a_model_is_fitted_once_for_a_question(tmp_path: Path) -> None:
    found = job(tmp_path, "churn")
    scorer, card = ensure(found, "rfm", silent)
    again, same = ensure(found, "rfm", silent)
    assert same["made"] == card["made"]
    rows = found.of("test")
    assert again.score(found.log, rows).tolist() == scorer.score(found.log, rows).tolist()
    assert not fresh(replace(found, task=ChurnTask("7d", event="purchase")), "rfm")
    assert not fresh(replace(found, split=TimeSplit((1, 2, 3))), "rfm")
    assert not fresh(replace(found, card={"made": "later"}), "rfm")


def test_a_blend_is_made_of_what_is_fitted(tmp_path: Path) -> None:
    found = job(tmp_path, "churn")
    with pytest.raises(CartpathError, match=r"a blend needs two of .*; fitted: none"):
        ensure(found, "average", silent)
    ensure(found, "linear", silent)
    ensure(found, "lightgbm", silent)
    _, card = ensure(replace(found, done={}), "stack", silent)
    assert set(card["weights"]) == {"linear", "lightgbm"}
    assert all(weight >= 0 for weight in card["weights"].values())
    rows, said = found.chosen_by, {name: found.done[name].predicted(found.log, found.chosen_by) for name in found.done}
    alone = [log_loss(target_of(rows).astype(np.int8), sigmoid(one)) for one in said.values()]
    assert card["validation_loss"] <= min(alone) + 1e-9


def test_one_answer_in_validation_chooses_nothing_and_says_so(tmp_path: Path) -> None:
    found = job(tmp_path, "churn")
    # Everybody of the week of validation comes back.
    rows = replace(found.rows, label=np.where(found.rows.slice == 1, 0, found.rows.label).astype(np.int8))
    blind = replace(found, rows=rows)
    for name in ("rfm", "linear", "lightgbm", "average"):
        card = fit_model(blind, name, silent)
        assert card["validation_loss"] is None
        assert "every answer of the validation slice is the same" in card["not_chosen"]
    with pytest.raises(CartpathError, match="every answer of the validation slice is the same"):
        fit_model(blind, "stack", silent)


def test_without_a_calibration_slice_validation_names_the_best(tmp_path: Path) -> None:
    found = job(tmp_path, "churn")
    empty = replace(found, rows=found.rows.take(np.flatnonzero(found.rows.slice != 2)))
    cards = {name: fit_model(empty, name, silent) for name in ("base-rate", "rfm")}
    assert cards["rfm"]["chosen_by"] == cards["rfm"]["validation_loss"]
    assert promote(empty, cards) == "rfm"


def test_of_many_rows_those_of_some_users_are_learned_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "MOST_ROWS", 100)
    one, other = job(tmp_path / "a", "churn"), job(tmp_path / "b", "churn", altered(ROWS, 56))
    some = [set(keys(each, each.learned_from)) for each in (one, other)]
    assert some[0] == some[1]
    every = keys(one, one.of("train"))
    users = {user for user, *_ in some[0]}
    assert some[0] == {key for key in every if key[0] in users}
    assert 30 < len(some[0]) < 200 < len(every)


def test_names_of_models() -> None:
    assert "bg-nbd" in names_for("churn")
    assert "bg-nbd" not in names_for("repeat")
    assert list(RECIPES)[-2:] == ["average", "stack"]
    assert named("spend", None, ["behaviour-full"]) == ["base-rate", "rfm", "lightgbm", "behaviour-full"]
    assert named("repeat", "all", []) == names_for("repeat")
    with pytest.raises(CartpathError, match="no repeat model 'bg-nbd'"):
        named("repeat", "bg-nbd", [])


def test_questions_are_kept(tmp_path: Path) -> None:
    assert read_question(tmp_path, "spend") is None
    for name, task in {
        "churn": ChurnTask("7d", "30d", "purchase"),
        "spend": SpendTask("7d", among=None),
        "repeat": RepeatTask("30d", "brand", "90d"),
    }.items():
        write_question(tmp_path, SPLIT, name, task)
        assert read_question(tmp_path, name) == (SPLIT, task)
        assert words_of(name, task)["asked"]["horizon"] == task.horizon


def test_options_that_mean_nothing_are_refused() -> None:
    with pytest.raises(CartpathError, match="no task 'chrun'"):
        Asked().task("chrun")
    with pytest.raises(CartpathError, match="--of says what is bought again"):
        Asked(of="item").task("churn")
    with pytest.raises(CartpathError, match="--event means nothing"):
        Asked(event="view").task("repeat")
    with pytest.raises(CartpathError, match="cannot ask who buys the same 'colour' again"):
        Asked(of="colour").task("repeat")
    with pytest.raises(CartpathError, match="not a duration: '30'"):
        Asked(horizon="30").task("churn")
    assert not Asked()
    assert Asked(horizon="7d")


def _loaded(found: CutoffJob, name: str) -> tuple[Any, Any]:
    home = kept.home_of(found.workspace, found.name, name)
    return load_cutoff(home), kept.card_of(found.workspace, found.name, name)
