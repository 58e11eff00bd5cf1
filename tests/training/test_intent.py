"""Intent on a simulated shop: fine-tuned, compared, kept, found again."""

import json
import shutil

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("lightgbm")

from cartpath import store, training  # noqa: E402
from cartpath.evaluation import average_precision, log_loss, roc_auc  # noqa: E402
from cartpath.features import read_log  # noqa: E402
from cartpath.models import Pretrained, current_version, folder_of, load_intent  # noqa: E402
from cartpath.schema import CartpathError, microseconds_of  # noqa: E402
from cartpath.tasks import IntentTask, TimeSplit, intent_rows  # noqa: E402
from cartpath.training.card import read_card, split_of, trained_until  # noqa: E402
from cartpath.training.checkpoint import CHECKPOINTS  # noqa: E402
from cartpath.training.intent.keep import artefact, promoted  # noqa: E402
from cartpath.training.intent.registry import RECIPES, named  # noqa: E402
from tests.features.logs import shop_table  # noqa: E402
from tests.training.test_training import Stopped, make_shop, same, stop_at, weights_of  # noqa: E402

STEPS = (1, 2, 3)
TUNED, TREES, RATE = "behaviour-full", "lightgbm", "base-rate"


def parted(folder):
    """The slices that give each part enough to say something."""
    days = ("2024-01-19", "2024-01-22", "2024-01-25")
    return dict(zip(("train_until", "valid_until", "calibrate_until"), days, strict=True))


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = make_shop(tmp_path_factory.mktemp("shop") / "s", shop_table(900))
    training.pretrain(folder, epochs=2, train_until="2024-01-19")
    training.finetune(folder, epochs=3, **parted(folder))
    return folder


@pytest.fixture(scope="module")
def judged(shop):
    return training.evaluate(shop, at_k=STEPS)


def result(judged, model, k):
    return next(row for row in judged["results"] if (row["model"], row["k"]) == (model, k))


def test_ours_is_ahead_of_the_base_rate(judged):
    ours, rate = result(judged, TUNED, 3), result(judged, RATE, 3)
    assert ours["log_loss"] < rate["log_loss"]
    assert ours["auc"] > 0.6
    assert ours["auc_ci"][0] < ours["auc"] < ours["auc_ci"][1]
    assert rate["auc"] == 0.5


def test_every_result_has_what_the_contract_names(judged):
    fields = {"model", "k", "auc", "auc_ci", "ap", "ap_ci", "log_loss", "ece", "precision", "recall", "f1", "accuracy"}
    assert {"task", "n", "positives", "results", "paired"} <= set(judged)
    assert [(row["model"], row["k"]) for row in judged["results"]] == [
        (model, k) for k in STEPS for model in (RATE, TREES, TUNED)
    ]
    assert all(fields | {"seconds"} <= set(row) for row in judged["results"])
    assert sum(result(judged, TUNED, k)["n"] for k in STEPS) == judged["n"]
    assert sum(result(judged, TUNED, k)["positives"] for k in STEPS) == judged["positives"]
    assert all({"a", "b", "metric", "difference", "ci", "p"} <= set(row) for row in judged["paired"])


def test_paired_differences_are_of_the_results(judged):
    assert {(row["a"], row["b"]) for row in judged["paired"]} == {(TUNED, TREES), (TUNED, RATE), (TREES, RATE)}
    for row in judged["paired"]:
        ours, theirs = result(judged, row["a"], row["k"]), result(judged, row["b"], row["k"])
        assert row["difference"] == pytest.approx(ours[row["metric"]] - theirs[row["metric"]])
        assert row["ci"][0] <= row["difference"] <= row["ci"][1]
        assert 0 < row["p"] <= 1


def test_what_is_evaluated_is_what_is_loaded_and_scored(shop, judged):
    home = current_version(shop, artefact(TUNED), "")
    with store.open_snapshot(shop) as snapshot:
        log = read_log(snapshot)
    rows = intent_rows(log, split_of(read_card(home)), steps=[2]).of("test")
    scores = load_intent(home).score(log, rows.ends)
    found = result(judged, TUNED, 2)
    assert (found["n"], found["positives"]) == (len(rows), int(rows.label.sum()))
    assert found["log_loss"] == pytest.approx(log_loss(rows.label, scores))
    assert found["auc"] == pytest.approx(roc_auc(rows.label, scores))
    assert found["ap"] == pytest.approx(average_precision(rows.label, scores))


def test_a_threshold_comes_from_validation(shop, judged):
    home = current_version(shop, artefact(TREES), "")
    with store.open_snapshot(shop) as snapshot:
        log = read_log(snapshot)
    rows = intent_rows(log, split_of(read_card(home)), steps=[3])
    scorer, found = load_intent(home), result(judged, TREES, 3)
    valid, test = rows.of("validation"), rows.of("test")
    p = scorer.score(log, valid.ends)
    best = max(np.unique(p), key=lambda at: 2 * valid.label[p >= at].sum() / ((p >= at).sum() + valid.label.sum()))
    assert found["threshold"] == pytest.approx(best)
    called = scorer.score(log, test.ends) >= found["threshold"]
    assert found["precision"] == pytest.approx(test.label[called].mean())
    assert found["accuracy"] == pytest.approx((called == (test.label == 1)).mean())


def test_the_leaderboard_is_of_the_middle_step(shop, judged):
    rows = [row for row in judged["leaderboard"] if row["task"] == "intent"]
    assert training.metrics(shop) == judged["leaderboard"]
    assert {(row["k"], row["n"]) for row in rows} == {(2, result(judged, TUNED, 2)["n"])}
    losses = [row["value"] for row in rows if row["metric"] == "log_loss"]
    assert losses == sorted(losses)
    assert {row["model"] for row in judged["leaderboard"]} == {TUNED, TREES, RATE, "markov", "frequencies", "behaviour"}
    bins = [row for row in training.calibration(shop) if row["model"] == TUNED]
    assert sum(row["n"] for row in bins) == result(judged, TUNED, 2)["n"]
    assert json.loads((shop / "models" / "intent" / "metrics.json").read_text()) == json.loads(json.dumps(judged))


def test_training_and_judging_are_on_different_times(shop):
    card = read_card(current_version(shop, artefact(TUNED), ""))
    assert card["cuts"] == sorted(card["cuts"])
    pretrained = current_version(shop, "behaviour", "")
    held_back = microseconds_of(read_card(pretrained)["validation_from"])
    assert Pretrained.load(pretrained).encoder.until == held_back < card["cuts"][0] == trained_until(card)
    assert card["n_train"] > card["n_validation"] > 0


def test_the_best_model_is_chosen_before_the_test(shop, judged):
    cards = {name: read_card(current_version(shop, artefact(name), "")) for name in (TUNED, TREES, RATE)}
    assert judged["best"] == promoted(shop) == min(cards, key=lambda name: cards[name]["chosen_by"])


def test_models_are_fitted_once(shop, judged):
    made = read_card(current_version(shop, artefact(TREES), ""))["made"]
    again = training.evaluate(shop, at_k=STEPS)
    assert read_card(current_version(shop, artefact(TREES), ""))["made"] == made
    assert again["results"] == judged["results"]


@pytest.fixture
def copied(shop, judged, tmp_path):
    return shutil.copytree(shop, tmp_path / "copied")


def change_card(workspace, name, **changed):
    path = current_version(workspace, name, "") / "card.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))


@pytest.mark.parametrize(
    "changed", [{"cuts": [1, 2, 3]}, {"target": "signup"}, {"pretrained": "earlier"}, {"task": None}]
)
def test_a_model_of_another_question_is_fitted_again(copied, changed):
    change_card(copied, artefact(RATE), **changed)
    training.evaluate(copied, models=RATE, at_k=[1])
    card = read_card(current_version(copied, artefact(RATE), ""))
    assert all(card[name] != value for name, value in changed.items())


def test_without_a_test_slice_the_calibration_slice_is_judged_with_other_users_calibration(copied):
    training.finetune(copied, epochs=1, method="head", train_until="2024-01-19", valid_until="2024-01-24")
    found = training.evaluate(copied, models="behaviour-head", at_k=[2])
    assert found["slice"] == "calibration"
    home = current_version(copied, artefact("behaviour-head"), "")
    with store.open_snapshot(copied) as snapshot:
        log = read_log(snapshot)
    rows = intent_rows(log, split_of(read_card(home)), steps=[2]).of("calibration")
    in_sample = load_intent(home).score(log, rows.ends)
    assert found["n"] == len(rows)
    assert found["results"][0]["log_loss"] != pytest.approx(log_loss(rows.label, in_sample))
    # Calibrations of several users' folds are in no one order: ranked is by one.
    assert found["results"][0]["auc"] == pytest.approx(roc_auc(rows.label, in_sample))


def test_all_is_every_model_and_a_failed_one_is_shown(copied, monkeypatch):
    def fails(job, told):
        raise CartpathError("the glass is broken", "buy another")

    quick = {RATE: RECIPES[RATE], TREES: RECIPES[TREES], "stack": RECIPES["stack"], TUNED: RECIPES[TUNED]}
    quick["logistic"] = RECIPES["logistic"].__class__("broken", fails)
    for room in ("evaluate", "keep", "registry"):
        module = __import__(f"cartpath.training.intent.{room}", fromlist=["x"])
        if hasattr(module, "RECIPES"):
            monkeypatch.setattr(module, "RECIPES", quick)
    found = training.evaluate(copied, models="all", at_k=[2])
    assert {row["model"] for row in found["results"]} == set(quick)
    assert "the glass is broken" in result(found, "logistic", 2)["error"]


def test_names_of_models():
    assert named("all", []) == list(RECIPES)
    assert named(None, ["behaviour-lora"]) == [RATE, TREES, "behaviour-lora"]
    with pytest.raises(CartpathError, match="no intent model 'oracle'"):
        named("oracle", [])


@pytest.mark.parametrize("method", ["head", "top", "lora", "adapter", "prefix"])
def test_a_method_learns_and_is_kept_beside_the_others(copied, method):
    card = training.finetune(copied, method=method, epochs=2, **parted(copied))
    assert 0 < card["trainable"] < card["parameters"]
    found = training.evaluate(copied, models=f"base-rate,behaviour-{method}", at_k=[3])
    assert result(found, f"behaviour-{method}", 3)["log_loss"] < result(found, RATE, 3)["log_loss"]
    assert current_version(copied, artefact(TUNED), "").is_dir()


@pytest.mark.parametrize("model", ["gru", "lstm", "logistic", "lightgbm-behaviour", "lightgbm-text"])
def test_other_models_learn(copied, model):
    if model == "lightgbm-text":
        pytest.importorskip("gensim")
    found = training.evaluate(copied, models=f"base-rate,{model}", at_k=[3])
    assert result(found, model, 3)["log_loss"] < result(found, RATE, 3)["log_loss"]


def test_blends_are_of_what_is_fitted(copied):
    found = training.evaluate(copied, models="lightgbm,behaviour-full,average,stack", at_k=[3])
    for name in ("average", "stack"):
        card = read_card(current_version(copied, artefact(name), ""))
        assert set(card["members"]) == set(card["weights"]) == {TREES, TUNED}
        assert min(card["weights"].values()) >= 0
        assert result(found, name, 3)["auc"] > 0.6
    change_card(copied, artefact("average"), members={})
    made = read_card(current_version(copied, artefact("average"), ""))["made"]
    training.evaluate(copied, models="lightgbm,behaviour-full,average", at_k=[3])
    assert set(read_card(current_version(copied, artefact("average"), ""))["members"]) == {TREES, TUNED}, made


def test_figures_of_models_that_were_trained_again_are_not_shown(copied, judged):
    name = artefact(TUNED)
    home = current_version(copied, name, "")
    assert judged["judged"][name] == {"version": home.name, "made": read_card(home)["made"]}

    def renew(name):
        pointer = folder_of(copied, name) / "current.json"
        shutil.copytree(current_version(copied, name, ""), folder_of(copied, name) / "v-again")
        pointer.write_text(json.dumps({"version": "v-again"}))

    renew("behaviour")
    assert {row["task"] for row in training.metrics(copied)} == {"intent"}
    assert training.calibration(copied)
    renew(artefact(TREES))
    assert training.metrics(copied) == []
    assert training.calibration(copied) == []


ALWAYS = {"epochs": 2, "save_every": 0.0}


def test_an_interrupted_fine_tuning_goes_on_to_the_same_weights(tmp_path):
    shop = make_shop(tmp_path / "s", shop_table(150))
    training.pretrain(shop, epochs=1)
    training.finetune(shop, **ALWAYS)
    name = artefact(TUNED)
    tuned = weights_of(shop, name)
    with pytest.raises(Stopped):
        training.finetune(shop, **ALWAYS, progress=stop_at(0.4, "fine-tuning: loss"))
    checkpoints = folder_of(shop, name) / CHECKPOINTS
    assert list(checkpoints.glob("checkpoint-*"))
    assert training.finetune(shop, **ALWAYS)["resumed"]
    assert same(weights_of(shop, name), tuned)
    assert not list(checkpoints.glob("checkpoint-*"))


def test_an_experiment_refuses_a_model_that_saw_beyond_its_cut(tmp_path):
    shop = make_shop(tmp_path / "s", shop_table(150))
    (shop / "cartpath.toml").write_text('[shop]\ntime_zone = "America/New_York"\n')
    card = training.pretrain(shop, epochs=1, train_until="2024-01-18", settings={"hidden": 16})
    with pytest.raises(CartpathError, match="saw events until 2024-01-18T05:00:00Z") as told:
        training.finetune(shop, train_until="2024-01-17")
    assert "cartpath pretrain SHOP --train-until 2024-01-17T05:00:00Z" in told.value.hint
    later = training.finetune(shop, epochs=1, method="head", train_until="2024-01-20")
    assert later["cuts"][0] == microseconds_of("2024-01-20T05:00:00")
    assert later["pretrained_until"] == card["trained_until"]
    change_card(shop, "behaviour", trained_until=later["cuts"][0] + 1)
    with pytest.raises(CartpathError, match="saw events until"):
        training.evaluate(shop)


def test_a_horizon_is_another_question(shop):
    split = TimeSplit(tuple(read_card(current_version(shop, artefact(TUNED), ""))["cuts"]))
    with store.open_snapshot(shop) as snapshot:
        log = read_log(snapshot)
    day = intent_rows(log, split, IntentTask(horizon=86_400_000_000), steps=[1])
    rest = intent_rows(log, split, steps=[1])
    assert day.label.sum() != rest.label.sum()
