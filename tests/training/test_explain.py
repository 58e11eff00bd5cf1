"""One user's score and its drivers, groups, profit; and what is said of models that cannot be read or do not fit."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("lightgbm")
pytest.importorskip("peft")

from cartpath import store, training  # noqa: E402
from cartpath.evaluation import profit_curve, roc_auc  # noqa: E402
from cartpath.features import fit_encoder, read_log  # noqa: E402
from cartpath.models import Pretrained, current_version, folder_of, load_intent  # noqa: E402
from cartpath.models.intent import BehaviourIntent, explain  # noqa: E402
from cartpath.schema import CartpathError, iso  # noqa: E402
from cartpath.tasks import IntentTask, TimeSplit, intent_rows  # noqa: E402
from cartpath.training.card import read_card, split_of  # noqa: E402
from cartpath.training.intent.by_groups import group_values  # noqa: E402
from cartpath.training.intent.data import intent_data  # noqa: E402
from cartpath.training.intent.deletion import deletion_check  # noqa: E402
from cartpath.training.intent.keep import artefact  # noqa: E402
from cartpath.training.intent.profits import Worth, worth_of  # noqa: E402
from tests.features.logs import make_log, path_of, random_table, shop_table  # noqa: E402
from tests.models.test_drivers import network  # noqa: E402
from tests.training.test_intent import parted  # noqa: E402
from tests.training.test_predict_on import make_shop  # noqa: E402

LORA, TREES, RATE = "behaviour-lora", "lightgbm", "base-rate"
WORTH = {"value": 40.0, "cost": 2.0, "uplift": 0.5}


def after_purchases(table: pa.Table) -> pa.Table:
    """The same shop, in which a third of the buyers look at one more item afterwards, and some buy that too."""
    bought = table.filter(pc.equal(table["event"], "purchase"))
    ts = bought["ts"].cast(pa.int64()).to_numpy() + 30_000_000
    third = np.arange(len(bought)) % 3 == 0
    views = bought.set_column(bought.column_names.index("event"), "event", pa.array(["view"] * len(bought)))
    views = views.set_column(views.column_names.index("ts"), "ts", pa.array(ts).cast(pa.timestamp("us", tz="UTC")))
    again = bought.set_column(
        bought.column_names.index("ts"), "ts", pa.array(ts + 1_000_000).cast(pa.timestamp("us", tz="UTC"))
    )
    sixth = np.arange(len(bought)) % 6 == 0
    return pa.concat_tables([table, views.filter(pa.array(third)), again.filter(pa.array(sixth))])


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_shop(tmp_path_factory.mktemp("shop") / "s", after_purchases(shop_table(400)))
    training.pretrain(folder, epochs=1, train_until="2024-01-19", settings={"hidden": 16, "layers": 1, "heads": 2})
    training.finetune(folder, method="lora", epochs=6, **parted(folder))
    training.finetune(folder, method="full", epochs=6, **parted(folder))
    return folder


@pytest.fixture(scope="module")
def judged(shop: Path) -> dict[str, Any]:
    names = f"{RATE},{TREES},{LORA}"
    return dict(training.evaluate(shop, models=names, at_k=[3], by=["channel", "returning"], **WORTH))


@pytest.fixture
def copied(shop: Path, judged: dict[str, Any], tmp_path: Path) -> Path:
    return Path(shutil.copytree(shop, tmp_path / "copied"))


def whole_log(shop: Path) -> Any:
    with store.open_snapshot(shop) as snapshot:
        return read_log(snapshot)


def end_of(log: Any, user: int) -> int:
    return int(log.view.offsets[user + 1])


@pytest.mark.parametrize("model", [RATE, TREES, LORA])
def test_a_users_score_is_told_with_its_drivers(shop: Path, judged: dict[str, Any], model: str) -> None:
    log = whole_log(shop)
    home = current_version(shop, artefact(model), "")
    for user in (0, 7):
        end = end_of(log, user)
        told = training.explain_user(shop, log.view.user_id[user].as_py(), model=model, top=3)
        scorer = load_intent(home)
        assert told["score"] == pytest.approx(float(scorer.score(log, np.array([end]))[0]), abs=1e-6)
        assert (told["ts"], told["model"], told["task"]) == (iso(int(log.view.ts[end - 1])), model, "intent")
        if "log_odds" not in told:
            assert scorer.answered(log, np.array([end]))[0]
            continue
        wanted = explain(scorer.model, log, np.array([end]))[0]
        assert told["log_odds"] == pytest.approx(wanted.log_odds, abs=1e-5)
        parts = [driver["contribution"] for driver in told["drivers"]]
        assert len(parts) == min(3, len(wanted.drivers))
        assert told["baseline"] + sum(parts) + told["others"] + told["error"] == pytest.approx(told["log_odds"])
        json.dumps(told, allow_nan=False)


def test_as_of_an_earlier_moment_nothing_later_is_known(shop: Path, judged: dict[str, Any]) -> None:
    log = whole_log(shop)
    first, end = int(log.view.offsets[5]), end_of(log, 5)
    at = int(log.view.ts[first + 3]) + 1
    told = training.explain_user(shop, log.view.user_id[5].as_py(), model=TREES, at=at)
    home = current_version(shop, artefact(TREES), "")
    assert end - first > 4
    assert told["ts"] == iso(int(log.view.ts[first + 3]))
    assert told["score"] == pytest.approx(float(load_intent(home).score(log, np.array([first + 4]))[0]))
    with pytest.raises(CartpathError, match="has no event before"):
        training.explain_user(shop, log.view.user_id[5].as_py(), model=TREES, at="2023-01-01")
    with pytest.raises(CartpathError, match="no user 'nobody'"):
        training.explain_user(shop, "nobody", model=TREES)
    with pytest.raises(CartpathError, match="one or more"):
        training.explain_user(shop, "u1", top=0)


def test_predictions_tell_their_drivers(shop: Path, judged: dict[str, Any], tmp_path: Path) -> None:
    for number in (0, 2):
        training.predict(shop, tmp_path / f"{number}.parquet", model=TREES, drivers=number)
    plain, driven = (pq.read_table(tmp_path / f"{number}.parquet") for number in (0, 2))
    assert driven.drop_columns(["drivers"]).equals(plain)
    told = {row["user_id"]: json.loads(row["drivers"]) for row in driven.to_pylist()}
    assert max(map(len, told.values())) == 2
    user = next(user for user, drivers in told.items() if drivers)
    assert told[user] == training.explain_user(shop, user, model=TREES, top=2)["drivers"]
    pq.write_table(shop_table(5, seed=9), tmp_path / "new.parquet")
    reading = training.Reading([str(tmp_path / "new.parquet")])
    training.predict_on(shop, reading, tmp_path / "on.parquet", model=TREES, drivers=1, every_event=True)
    assert {len(json.loads(text)) for text in pq.read_table(tmp_path / "on.parquet")["drivers"].to_pylist()} <= {0, 1}


def test_after_a_purchase_the_share_of_further_ones_is_said(shop: Path, judged: dict[str, Any], tmp_path: Path) -> None:
    log, card = whole_log(shop), read_card(current_version(shop, artefact(TREES), ""))
    rows = intent_rows(log, split_of(card), answered=True).of("train")
    share = rows.label.sum() / len(rows)
    assert 0 < share < 0.5
    scorer = load_intent(current_version(shop, artefact(TREES), ""))
    ends = np.arange(log.view.n_events) + 1
    bought = scorer.answered(log, ends)
    scores = scorer.score(log, ends)
    assert scores[bought] == pytest.approx(np.full(bought.sum(), share))
    assert len(set(scores[~bought].tolist())) > 20
    out = tmp_path / "on.parquet"
    pq.write_table(after_purchases(shop_table(20, seed=3)), tmp_path / "new.parquet")
    reading = training.Reading([str(tmp_path / "new.parquet")])
    told = training.predict_on(shop, reading, out, model=TREES, every_event=True)
    table = pq.read_table(out)
    assert len(table) == told["source"]["events"]
    assert table["score"].null_count == 0
    seen: dict[str, bool] = {}
    for row in table.to_pylist():
        seen[row["session_id"]] = seen.get(row["session_id"], False) or row["event"] == "purchase"
        assert (row["score"] == pytest.approx(share)) or not seen[row["session_id"]]


class Sum(torch.nn.Module):
    """A backbone that adds the events of a path up: without an event the score is less by its contribution."""

    def forward(self, x: Any, seconds: Any, session: Any) -> Any:
        return x.cumsum(1)


def test_of_a_sum_the_top_events_take_their_contributions_away_and_random_ones_the_mean() -> None:
    # Without times and context an event says the same whatever else is in the path.
    log = replace(make_log(random_table(4, users=60).drop_columns(["device"])), timed=False)
    ends = log.view.offsets[1:][np.diff(log.view.offsets) > 4]
    pretrained = network(fit_encoder(log, until=2**62), window=64, norm_input=False)
    pretrained.model.backbone = Sum()
    model = BehaviourIntent(pretrained)
    told = [{driver.place: driver.contribution for driver in one.drivers} for one in explain(model, log, ends)]
    sizes = ends - log.view.offsets[np.searchsorted(log.view.offsets, ends - 1, side="right") - 1]
    parts = [sorted(by.get(place, 0.0) for place in range(n - 1)) for by, n in zip(told, sizes, strict=True)]
    found = deletion_check(model, log, ends, counts=(1, 2), repeats=40)
    assert [(one.direction, one.deleted) for one in found] == [(d, n) for d in ("lower", "raise") for n in (1, 2)]
    for one in found:
        by_top = [
            sum(part[-one.deleted :]) if one.direction == "lower" else -sum(part[: one.deleted]) for part in parts
        ]
        sign = 1 if one.direction == "lower" else -1
        by_chance = [sign * one.deleted * np.mean(part) for part in parts]
        assert one.n == one.users == len(ends)
        assert one.top == pytest.approx(np.mean(by_top), abs=1e-4)
        assert one.random == pytest.approx(np.mean(by_chance), abs=0.02)
        assert one.difference == pytest.approx(one.top - one.random)
        assert one.low > 0
        assert one.p < 0.01


def test_a_check_by_deletion_needs_events(shop: Path, judged: dict[str, Any]) -> None:
    model = load_intent(current_version(shop, artefact(TREES), "")).model
    with pytest.raises(CartpathError, match="no driver of these scores is an event"):
        deletion_check(model, whole_log(shop), np.array([3]))


def test_figures_by_group_are_those_of_the_groups_rows(shop: Path, judged: dict[str, Any]) -> None:
    log, home = whole_log(shop), current_version(shop, artefact(TREES), "")
    rows = intent_rows(log, split_of(read_card(home)), steps=[3]).of("test")
    scores = load_intent(home).score(log, rows.ends)
    table = [row for row in judged["groups"] if row["model"] == TREES]
    for by in ("channel", "returning"):
        groups = group_values(log, rows, by)
        mine = [row for row in table if row["by"] == by]
        assert sum(row["n"] for row in mine) == len(rows)
        for row in mine:
            at = groups == row["group"]
            assert (row["n"], row["positives"]) == (at.sum(), rows.label[at].sum())
            assert (row["note"] is not None) == (min(row["positives"], row["n"] - row["positives"]) < 10)
            if 0 < row["positives"] < row["n"]:
                assert row["auc"] == pytest.approx(roc_auc(rows.label[at], scores[at]))
    sessions = log.view.sessions
    wanted = ["returning" if (sessions.user[:s] == sessions.user[s]).any() else "new" for s in rows.session]
    assert group_values(log, rows, "returning").tolist() == wanted
    with pytest.raises(CartpathError, match="cannot be judged by 'colour'"):
        training.evaluate(shop, by=["colour"])


def test_a_group_is_what_was_known_at_the_moment() -> None:
    log = make_log(random_table(3, users=20))
    rows = intent_rows(log, TimeSplit((2**62,) * 3))
    found = group_values(log, rows, "device").tolist()
    sessions = log.view.sessions
    assert None in found
    for value, session, end in zip(found, rows.session, rows.ends, strict=True):
        code, shown = sessions.context["device"][session], sessions.context_ts[session]
        known = code >= 0 and 0 <= shown <= log.view.ts[end - 1]
        assert value == (log.codes("device")[code] if known else None)


def test_a_threshold_is_chosen_on_calibration_and_judged_on_test(shop: Path, judged: dict[str, Any]) -> None:
    profit = judged["profit"]
    assert (profit["chosen_on"], profit["slice"], profit["benefit"]) == ("calibration", "test", 20.0)
    log, home = whole_log(shop), current_version(shop, artefact(TREES), "")
    rows = intent_rows(log, split_of(read_card(home)), steps=[3]).of("test")
    scores = load_intent(home).score(log, rows.ends)
    one = next(one for one in profit["models"] if one["model"] == TREES)
    called = scores >= (np.inf if one["threshold"] is None else one["threshold"])
    assert one["chosen"]["treated"] == called.sum()
    assert one["chosen"]["total"]["value"] == pytest.approx(20 * rows.label[called].sum() - 2 * called.sum())
    best = profit_curve(rows.label, scores, 20, 2, rows.user).chosen
    assert one["chosen"]["total"]["value"] <= best.total.value + 1e-9
    assert one["everybody"]["total"]["value"] == pytest.approx(20 * rows.label.sum() - 2 * len(rows))
    assert "assumed, not measured" in profit["assumption"]


def test_what_a_coupon_is_worth() -> None:
    assert worth_of(None, None, 1.0) is None
    assert Worth(10, 1, 0.25).benefit == 2.5
    with pytest.raises(CartpathError, match="needs both"):
        worth_of(3.0, None, 1.0)
    for value, cost, uplift in ((0, 1, 1), (5, -1, 1), (float("nan"), 1, 1), (5, 1, 0), (5, 1, 1.5)):
        with pytest.raises(CartpathError):
            Worth(value, cost, uplift)


# What cannot be read, or does not fit.


def test_what_lora_inserted_is_saved_alone_and_scores_the_same(shop: Path) -> None:
    home, base = current_version(shop, artefact(LORA), ""), current_version(shop, "behaviour", "")
    assert not (home / "model.safetensors").exists()
    sizes = [
        (folder / file).stat().st_size
        for folder, file in ((home, "adaptation.safetensors"), (base, "model.safetensors"))
    ]
    assert sizes[0] < sizes[1] / 3
    log = whole_log(shop)
    rows = intent_rows(log, split_of(read_card(home))).of("validation")
    rows = rows.take(np.flatnonzero(np.isin(rows.step, (1, 3, 5, 10, 20))))
    logits = load_intent(home).model.logits(log, rows.ends)
    loss = np.logaddexp(0, np.where(rows.label == 1, -logits, logits)).mean()
    assert loss == pytest.approx(min(read_card(home)["validation_losses"]), abs=1e-5)


def test_an_adapter_of_another_base_is_refused_by_name(copied: Path, tmp_path: Path) -> None:
    home, base = current_version(copied, artefact(LORA), ""), current_version(copied, "behaviour", "")
    for _ in range(2):
        again = Pretrained.load(base)
        with torch.no_grad():
            again.model.intent.weight.add_(1.0)
            again.model.table.weight.mul_(1.5)
        version = folder_of(copied, "behaviour") / "v-other"
        shutil.rmtree(version, ignore_errors=True)
        again.save(version)
        shutil.copy(base / "card.json", version / "card.json")
    (folder_of(copied, "behaviour") / "current.json").write_text('{"version": "v-other"}')
    load_intent(home)  # the base it was made for is still kept
    shutil.rmtree(base)
    with pytest.raises(
        CartpathError, match=f"was made for the base {base.name}.* not in the workspace.*v-other"
    ) as told:
        training.predict(copied, tmp_path / "o.csv", model=LORA)
    assert "cartpath finetune SHOP --task intent --method lora" in str(told.value.hint)
    shutil.copytree(version, base)
    with pytest.raises(CartpathError, match="was made for the base"):
        training.predict(copied, tmp_path / "o.csv", model=LORA)
    shutil.rmtree(folder_of(copied, "behaviour"))
    with pytest.raises(CartpathError, match="the workspace has none"):
        training.predict(copied, tmp_path / "o.csv", model=LORA)


FILES = {
    artefact(LORA): ("adaptation.safetensors", "adaptation.json", "scorer.json", "calibration.json", "card.json"),
    artefact(TREES): ("trees.txt", "scorer.json", "calibration.json", "card.json"),
    artefact("behaviour-full"): ("model.safetensors", "encoder.json", "config.json", "words.npz"),
}


@pytest.mark.parametrize(("model", "file"), [(model, file) for model, files in FILES.items() for file in files])
def test_a_damaged_model_is_told_and_evaluate_fits_it_again(copied: Path, model: str, file: str) -> None:
    path = current_version(copied, model, "") / file
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    name = model.removeprefix("intent-")
    with pytest.raises(CartpathError) as told:
        training.explain_user(copied, "u1", model=name)
    assert told.value.hint
    if model == artefact(TREES):
        heard: list[str] = []
        found = training.evaluate(copied, models=f"{RATE},{name}", at_k=[3], progress=lambda m, s: heard.append(m))
        assert [row["model"] for row in found["results"] if "error" not in row] == [RATE, name]
        assert training.explain_user(copied, "u1", model=name)["model"] == name
        assert file == "card.json" or any("is ignored" in message for message in heard)


@pytest.mark.parametrize("file", ["model.safetensors", "config.json", "encoder.json", "words.npz", "card.json"])
@pytest.mark.parametrize("how", ["half", "gone", "empty"])
def test_a_damaged_pretrained_model_is_told(copied: Path, file: str, how: str) -> None:
    path = current_version(copied, "behaviour", "") / file
    content = path.read_bytes()
    path.unlink() if how == "gone" else path.write_bytes(content[: len(content) // 2 if how == "half" else 0])
    with pytest.raises(CartpathError) as told:
        training.finetune(copied, method="head", epochs=1, **parted(copied))
    assert told.value.hint


def test_a_damaged_pointer_does_not_stop_the_next_training(copied: Path) -> None:
    pointer = folder_of(copied, artefact(RATE)) / "current.json"
    pointer.write_text("{")
    with pytest.raises(CartpathError, match="damaged"):
        training.explain_user(copied, "u1", model=RATE)
    training.evaluate(copied, models=RATE, at_k=[3])
    assert training.explain_user(copied, "u1", model=RATE)["model"] == RATE


def test_models_of_another_shop_are_refused(copied: Path, tmp_path: Path) -> None:
    table = shop_table(60, seed=5)
    items = pc.binary_join_element_wise(pa.scalar("other"), table["item_id"], "-")
    table = table.set_column(table.column_names.index("item_id"), "item_id", items)
    other = make_shop(tmp_path / "other", table)
    shutil.copytree(copied / "models", other / "models", dirs_exist_ok=True)
    for name in (TREES, LORA):
        with pytest.raises(
            CartpathError, match=f"{name}' is of another catalogue: of the 20 items it knows 0 are in"
        ) as told:
            training.explain_user(other, "u1", model=name)
        assert "cartpath pretrain" in str(told.value.hint)
    for act in (training.finetune, training.evaluate):
        with pytest.raises(CartpathError, match=r"pretrained model in .* is of another catalogue"):
            act(other)


def shop_of(minutes: dict[str, float], buys: set[str]) -> Any:
    """Two events a user, at a minute; some buy at the end."""
    paths = [path_of([at, at + 1, at + 2], ["view", "view", "purchase" if user in buys else "view"], user=user)
             for user, at in minutes.items()]  # fmt: skip
    return make_log(pa.concat_tables(paths))


def test_slices_that_say_nothing() -> None:
    log = shop_of({"a": 0, "b": 10, "c": 100, "d": 110, "e": 200}, {"a", "c", "d"})
    first, second = (int(log.view.ts.min()) + minute * 60_000_000 for minute in (50, 150))
    end = second + 10_000_000_000
    split = TimeSplit((first, second, end))
    with pytest.raises(CartpathError, match=r"of 4 steps of validation sessions 4 go on") as told:
        intent_data(log, split)
    assert "--valid-until" in str(told.value.hint)
    with pytest.raises(CartpathError, match="go on to a signup: there is nothing to tell apart"):
        intent_data(log, split, IntentTask("signup"))
    with pytest.raises(CartpathError, match="horizon of 9 days is longer than the log") as told:
        intent_data(log, split, IntentTask(horizon=9 * 86_400_000_000))
    assert "--horizon" in str(told.value.hint)
    with pytest.raises(CartpathError, match=r"horizon of 0.0\d+ days no question of the validation slice"):
        intent_data(log, TimeSplit((first, first + 60_000_000, end)), IntentTask(horizon=1_200_000_000))
