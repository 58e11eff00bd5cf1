import json
import math
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("lightgbm")

from cartpath import store, training  # noqa: E402
from cartpath.models import Pretrained, current_version, folder_of  # noqa: E402
from cartpath.schema import CartpathError, MissingExtraError, microseconds_of  # noqa: E402
from cartpath.training.checkpoint import CHECKPOINTS  # noqa: E402
from tests.features.logs import path_of, random_table, shop_table  # noqa: E402


def make_shop(folder, table):
    store.init(folder)
    with store.writer(folder) as writer:
        writer.add(table)
        writer.commit(sources=[], quarantine={})
    return folder


def weights_of(workspace, name="behaviour"):
    return Pretrained.load(current_version(workspace, name, "")).model.state_dict()


def same(ours, theirs):
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


def altered_after(table, until):
    """The same log, but for what happens from a moment on."""
    ts = table["ts"].cast(pa.int64())
    later = pc.greater_equal(ts, until)
    event = pc.if_else(later, pa.scalar("wave"), table["event"])
    item = pc.if_else(later, pc.binary_join_element_wise(table["item_id"], pa.scalar("x"), ""), table["item_id"])
    channel = pc.if_else(later, pa.scalar("never heard of"), table["channel"])
    names = {"event": event, "item_id": item, "channel": channel}
    return pa.table({name: names.get(name, table[name]) for name in table.column_names})


def test_what_comes_after_the_cut_leaves_the_weights_equal_to_the_bit(tmp_path):
    table = shop_table(120, seed=3)
    ours = make_shop(tmp_path / "a", table)
    card = training.pretrain(ours, epochs=1)
    theirs = make_shop(tmp_path / "b", altered_after(table, card["cuts"][0]))
    assert training.pretrain(theirs, epochs=1)["cuts"] == card["cuts"]
    assert same(weights_of(ours), weights_of(theirs))


def test_same_seed_same_weights_and_another_seed_others(tmp_path):
    shop = make_shop(tmp_path / "s", shop_table(100))
    found = []
    for seed in (0, 0, 1):
        training.pretrain(shop, epochs=1, seed=seed)
        found.append(weights_of(shop))
    assert same(found[0], found[1])
    assert not same(found[0], found[2])


class Stopped(Exception):
    """Somebody pulled the plug."""


def stop_at(share, message):
    def progress(told, done):
        if told.startswith(message) and done >= share:
            raise Stopped

    return progress


def checkpoints(workspace, name):
    return sorted(folder_of(workspace, name).glob(f"{CHECKPOINTS}/checkpoint-*"))


ALWAYS = {"epochs": 2, "save_every": 0.0}


def damage(folder):
    path = folder / "optimizer.pt"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut_short(folder):
    path = folder / "weights.pt"
    path.write_bytes(path.read_bytes()[:-1])


SPOILT = {
    "other settings": ({"epochs": 3}, lambda folder: None, "other data or settings"),
    "one bit": ({}, damage, "optimizer.pt is damaged"),
    "cut short": ({}, cut_short, "weights.pt is damaged"),
    "no contents": ({}, lambda folder: (folder / "contents.json").unlink(), "damaged"),
    "asked to": ({"resume": False}, lambda folder: None, None),
}


@pytest.fixture(scope="module")
def half_way(tmp_path_factory):
    shop = make_shop(tmp_path_factory.mktemp("half") / "s", shop_table(80))
    with pytest.raises(Stopped):
        training.pretrain(shop, **ALWAYS, tokens=512, progress=stop_at(0.3, "pretraining"))
    return shop


@pytest.mark.parametrize("how", SPOILT)
def test_a_checkpoint_of_other_settings_or_damaged_is_not_gone_on_from(half_way, tmp_path, how):
    options, spoil, expected = SPOILT[how]
    shop = shutil.copytree(half_way, tmp_path / "s")
    spoil(checkpoints(shop, "behaviour")[0])
    told = []
    card = training.pretrain(
        shop, **{**ALWAYS, "tokens": 512, **options}, progress=lambda message, share: told.append(message)
    )
    assert not card["resumed"]
    assert expected is None or [message for message in told if "ignored" in message and expected in message]
    assert not checkpoints(shop, "behaviour")


def test_time_is_a_limit(tmp_path):
    shop = make_shop(tmp_path / "s", shop_table(60))
    card = training.pretrain(shop, epochs=10_000, minutes=0.02)
    assert 0 < card["epochs"] < 10_000
    assert len(card["losses"]) == math.ceil(card["epochs"])
    assert min(card["losses"]) > 0
    no_time = training.pretrain(shop, epochs=3, minutes=1e-9)
    assert (no_time["epochs"], no_time["losses"]) == (0, [])


def test_the_random_state_and_threads_of_the_caller_are_left_alone(tmp_path):
    shop = make_shop(tmp_path / "s", shop_table(40))
    torch.manual_seed(5)
    expected, threads = torch.rand(1), torch.get_num_threads()
    torch.manual_seed(5)
    training.pretrain(shop, epochs=1)
    assert torch.equal(torch.rand(1), expected)
    assert torch.get_num_threads() == threads


ODD_LOGS = {
    "one user": path_of(list(range(40)), ["view"] * 40, ["i1", "i2"] * 20),
    "two events": path_of([0, 1], ["view", "view"], ["i1", "i2"]),
    "one item": path_of(list(range(40)), ["view"] * 40, ["i1"] * 40),
    "only pages": random_table(1, users=20)
    .select(["user_id", "ts", "page"])
    .append_column("event", pa.array(["page_view"] * random_table(1, users=20).num_rows)),
}


@pytest.mark.parametrize("name", ODD_LOGS)
def test_odd_logs_pretrain_and_say_what_intent_lacks(tmp_path, name):
    shop = make_shop(tmp_path / "s", ODD_LOGS[name])
    assert np.isfinite(training.pretrain(shop, epochs=1)["losses"]).all()
    for asked in (training.finetune, training.evaluate):
        with pytest.raises(CartpathError, match=r"session|purchase"):
            asked(shop)
    assert training.metrics(shop) == []


def test_mistakes_are_told(tmp_path):
    shop = tmp_path / "s"
    store.init(shop)
    with pytest.raises(CartpathError, match="no events"):
        training.pretrain(shop)
    with pytest.raises(CartpathError, match="cartpath pretrain"):
        training.finetune(shop)
    for options, said in (
        ({"task": "fortune"}, "no task"),
        ({"method": "magic"}, "no method"),
        ({"positive_weight": 0}, "positive_weight must be from 0.001"),
        ({"horizon": "7"}, "not a duration"),
    ):
        with pytest.raises(CartpathError, match=said):
            training.finetune(shop, **options)
    for options, said in (({"slice": "train"}, "no slice"), ({"at_k": [0]}, "from 1"), ({"task": "x"}, "no task")):
        with pytest.raises(CartpathError, match=said):
            training.evaluate(shop, **options)


@pytest.fixture(scope="module")
def dated(tmp_path_factory):
    shop = make_shop(tmp_path_factory.mktemp("dated") / "s", shop_table(150))
    (shop / "cartpath.toml").write_text('[shop]\ntime_zone = "America/New_York"\n')
    return shop, training.pretrain(shop, epochs=1, train_until="2024-01-18", settings={"hidden": 16})


def test_a_date_is_its_midnight_in_the_shops_time_zone(dated):
    _, card = dated
    midnight = microseconds_of("2024-01-18T05:00:00")
    assert (card["cuts"][0], card["trained_until"]) == (midnight, midnight)
    assert card["period"][1] < card["validation_from"] < "2024-01-18T05:00:00Z"


def test_the_card_beside_the_weights_says_what_the_model_is(dated):
    shop, card = dated
    home = current_version(shop, "behaviour", "")
    assert json.loads((home / "card.json").read_text()) == json.loads(json.dumps(card))
    text = (home / "README.md").read_text()
    for said in (card["data_hash"], card["versions"]["torch"], f"{card['parameters']:,}", card["validation_from"]):
        assert said in text
    assert "must not" in text or "may rest on it" in text
    assert card["config"]["hidden"] == 16
    assert card["validation"][0]["questions"] > 50


def test_what_no_training_can_be_asked_for_is_told(dated):
    shop, _ = dated
    with pytest.raises(CartpathError, match="no size 'huge'"):
        training.pretrain(shop, size="huge")
    with pytest.raises(CartpathError, match="no tracker"):
        training.pretrain(shop, tracker="notebook")
    with pytest.raises(CartpathError, match="no event is before"):
        training.pretrain(shop, train_until="2001-01-01")
    with pytest.raises(CartpathError, match="not a date"):
        training.pretrain(shop, train_until="yesterday")


@pytest.mark.parametrize("name", ["tensorboard", "mlflow", "wandb"])
def test_a_tracker_that_is_not_installed_names_its_extra(dated, monkeypatch, name):
    monkeypatch.setattr("importlib.util.find_spec", lambda module, package=None: None)
    with pytest.raises(MissingExtraError, match=r"cartpath\[track\]"):
        training.pretrain(dated[0], tracker=name)


def test_tensorboard_gets_the_figures(dated):
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    training.pretrain(dated[0], epochs=1, tracker="tensorboard", tokens=256, settings={"hidden": 16})
    found = events.EventAccumulator(str(folder_of(dated[0], "behaviour") / "runs" / "tensorboard"))
    found.Reload()
    assert {"train/loss", "eval/item_loss"} <= set(found.Tags()["scalars"])
