"""Going on from a model's weights: nothing known is lost, nothing later is seen, nothing worse is promoted."""

from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("accelerate")

from cartpath import store, training  # noqa: E402
from cartpath.features import fit_encoder, fit_words_of, read_log  # noqa: E402
from cartpath.models import Pretrained, current_version, folder_of, go_back, read_json, versions_of  # noqa: E402
from cartpath.schema import CartpathError, microseconds_of  # noqa: E402
from cartpath.training.card import read_card, trained_until  # noqa: E402
from cartpath.training.pretrain import build_model  # noqa: E402
from cartpath.training.refresh import Verdict, grown, refresh  # noqa: E402
from cartpath.training.refresh.judge import compare, questions  # noqa: E402
from cartpath.training.refresh.start import table_rows  # noqa: E402
from tests.features.logs import make_log, random_table, shop_table  # noqa: E402
from tests.training.test_training import altered_after, make_shop, same, weights_of  # noqa: E402

FIRST = "2024-01-16"


def two_logs():
    """The same shop, later with other items, events and pages than at first."""
    early = random_table(1, users=40, sessions=False)
    late = random_table(2, users=40, sessions=False)
    renamed = pc.binary_join_element_wise(late["item_id"], pa.scalar("new"), "")
    item = pc.if_else(pa.array(np.arange(len(late)) % 2 == 0), renamed, late["item_id"])
    event = pc.if_else(pc.equal(late["event"], "oddity"), pa.scalar("novelty"), late["event"])
    late = late.set_column(late.column_names.index("item_id"), "item_id", item)
    late = late.set_column(late.column_names.index("event"), "event", event)
    return make_log(early), make_log(pa.concat_tables([early, late]))


@pytest.fixture(scope="module")
def old_and_logs():
    early, both = two_logs()
    encoder = fit_encoder(early, 2**62)
    words = fit_words_of(early, encoder.items.values)
    torch.manual_seed(0)
    model = build_model(early, encoder, "tiny", {}, None, words)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.05 * torch.randn_like(weight))
        # The padding stays zero, as in training.
        model.table.weight[0].zero_()
    return Pretrained(model.train(False), encoder, words), both


def test_before_it_learns_a_grown_network_says_what_the_old_one_says(old_and_logs):
    old, log = old_and_logs
    new = grown(old, log, fit_encoder(log, 2**62))
    assert set(new.encoder.items.values) > set(old.encoder.items.values)
    assert "novelty" in new.encoder.events.values
    assert new.encoder.edges.tolist() == old.encoder.edges.tolist()
    ends = log.view.offsets[1:][np.diff(log.view.offsets) > 0]
    assert torch.allclose(old.last_hidden(log, ends), new.last_hidden(log, ends), atol=1e-5)


def test_known_values_keep_their_vectors_and_new_items_start_from_unknown(old_and_logs):
    old, log = old_and_logs
    new = grown(old, log, fit_encoder(log, 2**62))
    for item in new.encoder.items.values:
        ours, theirs = (
            model.model.table.weight[model.encoder.offsets["item"] + int(model.encoder.items.ids([item])[0])]
            for model in (new, old)
        )
        assert torch.equal(ours, theirs)
    for item in old.encoder.items.values:
        ours, theirs = (model.model.item_bias[int(model.encoder.items.ids([item])[0])] for model in (new, old))
        assert torch.equal(ours, theirs)
    added = [
        int(new.encoder.items.ids([item])[0]) for item in set(new.encoder.items.values) - set(old.encoder.items.values)
    ]
    assert torch.allclose(new.model.item_bias[added], torch.quantile(old.model.item_bias[2:], 0.05))
    for event in old.encoder.events.values:
        ours, theirs = (model.model.next_type.weight[int(model.encoder.events.ids([event])[0])] for model in (new, old))
        assert torch.equal(ours, theirs)


def test_a_new_field_starts_at_zero_and_a_lost_one_is_left_out(old_and_logs):
    old = old_and_logs[0]
    table = random_table(3, users=30, sessions=False).drop_columns(["page"])
    more = make_log(table.append_column("query", pa.array([f"q{n % 3}" for n in range(len(table))])))
    encoder = fit_encoder(more, 2**62)
    assert ("query" in encoder.sizes, "page" in encoder.sizes) == (True, False)
    rows = table_rows(old.encoder, encoder)
    at, size = encoder.offsets["query"], encoder.sizes["query"]
    assert (rows[at : at + size] == -1).all()
    assert (np.delete(rows, np.arange(at, at + size)) >= 0).all()
    model = grown(old, more, encoder).model
    assert not model.table.weight[at : at + size].any()


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = make_shop(tmp_path_factory.mktemp("refresh") / "s", shop_table(150, seed=3))
    training.pretrain(folder, epochs=2, train_until=FIRST)
    return folder


@pytest.fixture(scope="module")
def refreshed(shop):
    return refresh(shop, epochs=1, margin=0.1)


def test_a_model_that_is_not_worse_is_promoted_with_what_it_was_judged_on(shop, refreshed):
    assert refreshed["outcome"] == "promoted"
    home = current_version(shop, "behaviour", "")
    assert home.name == refreshed["version"] != refreshed["running"]
    card = read_card(home)
    assert card["continued"] == refreshed["running"]
    assert card["refresh"]["promotes"]
    assert trained_until(card) > microseconds_of(FIRST, ZoneInfo("UTC"))
    assert 0 < refreshed["learned"] < refreshed["new_events"]
    test = refreshed["test"]
    assert test["low"] <= test["difference"] <= test["high"]
    assert test["difference"] == pytest.approx(test["candidate"]["value"] - test["running"]["value"])
    assert read_json(folder_of(shop, "behaviour") / "refresh.json")["outcome"] == "promoted"
    assert not list(folder_of(shop, "behaviour").glob("checkpoints/*"))


def test_the_running_one_can_be_gone_back_to_and_is_as_it_was(shop, refreshed):
    assert [version.version for version in versions_of(shop, "behaviour")] == [
        refreshed["version"],
        refreshed["running"],
    ]
    go_back(shop, "behaviour")
    try:
        assert current_version(shop, "behaviour", "").name == refreshed["running"]
        assert "continued" not in read_card(current_version(shop, "behaviour", ""))
    finally:
        go_back(shop, "behaviour", refreshed["version"])


def test_where_nothing_came_there_is_nothing_to_learn(shop, refreshed):
    again = refresh(shop, epochs=1)
    assert (again["outcome"], again["version"]) == ("nothing_new", refreshed["version"])
    assert "none to learn from" in again["why"]


def test_what_may_be_worse_is_not_promoted(tmp_path, monkeypatch):
    folder = make_shop(tmp_path / "s", shop_table(150, seed=3))
    training.pretrain(folder, epochs=4, train_until=FIRST)
    before = current_version(folder, "behaviour", "").name
    # A rate at which nothing is learned, and much forgotten.
    monkeypatch.setattr("cartpath.training.refresh.run._RATE", 1.0)
    result = refresh(folder, epochs=1)
    assert result["outcome"] == "kept"
    assert "may be worse by more than 0.01" in result["why"]
    assert result["test"]["low"] <= -0.01
    assert current_version(folder, "behaviour", "").name == before == result["version"]
    assert len(versions_of(folder, "behaviour")) == 1


def test_neither_model_sees_the_newest_slice(tmp_path):
    table = shop_table(120, seed=5)
    ours = make_shop(tmp_path / "a", table)
    training.pretrain(ours, epochs=1, train_until=FIRST)
    result = refresh(ours, epochs=1, margin=1.0)
    until = trained_until(read_card(current_version(ours, "behaviour", "")))
    theirs = make_shop(tmp_path / "b", altered_after(table, until))
    training.pretrain(theirs, epochs=1, train_until=FIRST)
    other = refresh(theirs, epochs=1, margin=1.0)
    assert (result["outcome"], other["outcome"]) == ("promoted", "promoted")
    assert other["newest_slice"] == result["newest_slice"]
    assert same(weights_of(ours), weights_of(theirs))


def test_questions_are_the_items_after_a_moment_of_those_with_a_past():
    log = make_log(random_table(4, users=20))
    since = int(np.sort(log.view.ts)[log.view.n_events // 2])
    user, ends, item = questions(log, since)
    expected = []
    for row in range(log.view.n_users):
        begin, end = (int(log.view.offsets[row + n]) for n in (0, 1))
        for at in range(begin + 1, end):
            if log.view.ts[at] >= since and log.view.item[at] >= 0:
                expected.append((row, at, int(log.view.item[at])))
    assert expected
    assert list(zip(user.tolist(), ends.tolist(), item.tolist(), strict=True)) == expected


def test_a_model_is_as_good_as_itself(shop):
    pretrained = Pretrained.load(current_version(shop, "behaviour", ""))
    with store.open_snapshot(shop) as snapshot:
        log = read_log(snapshot)
    found = compare(pretrained, pretrained, log, int(np.quantile(log.view.ts, 0.8)))
    assert (found.difference, found.low, found.high) == (0, 0, 0)
    assert found.promotes
    assert 0 < found.running.value < 1
    nobody = compare(pretrained, pretrained, log, int(log.view.ts.max()) + 1)
    assert not nobody.promotes
    assert "nobody" in nobody.why


@pytest.mark.parametrize(
    ("low", "users", "promoted"), [(-0.009, 30, True), (-0.01, 30, False), (0.02, 29, False), (-0.5, 1000, False)]
)
def test_the_test_is_the_lower_end_against_the_margin(low, users, promoted):
    from cartpath.evaluation import Interval

    some = Interval(0.2, 0.1, 0.3)
    verdict = Verdict(some, some, low + 0.01, low, low + 0.02, 0.01, 100, users)
    assert verdict.promotes is promoted


def test_what_cannot_be_refreshed_is_told(tmp_path):
    folder = make_shop(tmp_path / "s", shop_table(20))
    with pytest.raises(CartpathError, match="cartpath pretrain"):
        refresh(folder)
    with pytest.raises(CartpathError, match="margin"):
        refresh(folder, margin=-1.0)
