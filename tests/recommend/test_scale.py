"""Many users, many items: the same answers as by scoring everything at once, without doing anything twice."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from cartpath import training
from cartpath.models import pretrained as pretrained_module
from cartpath.models.behaviour import BehaviourModel
from cartpath.recommend import evaluate, fit, recommender
from cartpath.recommend.evaluate import affordable, evaluate_recommender
from cartpath.recommend.fit import most_users, sampled
from cartpath.recommend.recommender import Recommender, best
from cartpath.schema import CartpathError
from cartpath.tasks import next_item_rows
from tests.features.logs import make_log, random_table, split_by_share
from tests.models.test_behaviour import random_model
from tests.recommend.test_recommend import tastes_table
from tests.training.test_training import make_shop


def by_sorting_everything(scores, k):
    k_here = min(k, scores.shape[1])
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k_here]
    found = np.where(np.isfinite(np.take_along_axis(scores, order, axis=1)), order, -1)
    return np.pad(found, ((0, 0), (0, k - k_here)), constant_values=-1)


few_values = st.sampled_from([-np.inf, 0.0, -0.0, 0.25, 0.5, 1.0, float("nan")])


@settings(max_examples=200, deadline=None)
@given(
    hnp.arrays(np.float64, st.tuples(st.integers(0, 5), st.integers(0, 30)), elements=few_values), st.integers(1, 25)
)
def test_the_best_are_those_of_a_stable_sort_however_many_tie(scores, k):
    assert best(scores, k).tolist() == by_sorting_everything(scores, k).tolist()


@pytest.mark.parametrize("width", [1, 19, 20, 21, 3000])
def test_the_best_of_many(width):
    scores = np.random.default_rng(width).random((40, width))
    scores[:20] = np.round(scores[:20], 1)  # hundreds tie at the limit
    scores[::7] = -np.inf
    assert best(scores, 20).tolist() == by_sorting_everything(scores, 20).tolist()


@pytest.fixture
def counted(monkeypatch):
    """How often a log was encoded, and items were given vectors."""
    calls = {"encode": 0, "vectors": 0}
    encode, vectors = pretrained_module.encode, BehaviourModel.item_vectors

    def counting_encode(log, encoder, ids=None):
        calls["encode"] += 1
        return encode(log, encoder, ids)

    def counting_vectors(self, *args):
        calls["vectors"] += 1
        return vectors(self, *args)

    monkeypatch.setattr(pretrained_module, "encode", counting_encode)
    monkeypatch.setattr(BehaviourModel, "item_vectors", counting_vectors)
    return calls


def test_batches_encode_once_and_say_the_same(counted, monkeypatch):
    log = make_log(random_table(5, users=40, events=60))
    rows = next_item_rows(log, *split_by_share(log.view).bounds("validation"))
    model = random_model(log)
    made = Recommender(model, log, split_by_share(log.view).bounds("validation")[0])
    whole = made.opinions(log, rows.user, rows.ends)
    counted.update(encode=0, vectors=0)
    model._latest = None
    monkeypatch.setattr(recommender, "_CELLS", 3 * len(log.codes("item")))
    made = Recommender(model, log, made.until)
    parts = list(made.batches(log, rows.user, rows.ends))
    assert len(parts) == -(-len(rows) // 3) > 3
    assert counted == {"encode": 1, "vectors": 1}
    for name in ("model", "together", "again", "seen"):
        joined = np.concatenate([getattr(opinions, name) for _, opinions in parts])
        np.testing.assert_allclose(joined, getattr(whole, name), rtol=1e-4, atol=1e-7)


def test_the_latest_log_is_kept_and_no_other(counted):
    first, second = make_log(random_table(1, users=5)), make_log(random_table(2, users=5))
    model = random_model(first)
    kept = model.encoded(first)
    assert model.encoded(first) is kept
    assert model.encoded(second).log is second
    assert model.encoded(first) is not kept
    assert counted["encode"] == 3
    model.encoder = type(model.encoder).from_dict(model.encoder.to_dict())
    model.encoded(first)
    assert counted["encode"] == 4


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = make_shop(tmp_path_factory.mktemp("many") / "s", tastes_table())
    training.pretrain(folder, epochs=1, train_until="2024-01-15")
    return folder


def test_a_blend_is_the_same_whether_scores_are_held_or_not(shop, monkeypatch):
    def chosen():
        card = fit.fit_recommender(shop)
        return card["blend"], card["n_choose"], card["ndcg_choose"]

    held = chosen()
    # No scores are held, and those of seven users are computed at a time; as many users as before.
    monkeypatch.setattr(fit, "_HELD_CELLS", 0)
    monkeypatch.setattr(recommender, "_CELLS", 7 * 40)
    assert chosen() == held


def test_a_draw_of_users_is_judged_and_said_to_be_one(shop):
    everyone = evaluate_recommender(shop)
    assert everyone["n"] == everyone["n_of"] > 30
    assert all(row["n"] == row["n_of"] for row in everyone["leaderboard"])
    drawn = evaluate_recommender(shop, most_users=30, seed=3)
    assert (drawn["n"], drawn["n_of"]) == (30, everyone["n_of"])
    assert drawn["n_known_of"] == everyone["n_known"] > drawn["n_known"] > 0
    for row in drawn["leaderboard"]:
        known = row["task"] == "next_item_known"
        assert row["n"] == (drawn["n_known"] if known else 30)
        assert row["n_of"] == (everyone["n_known"] if known else everyone["n_of"])
    assert training.metrics(shop) == drawn["leaderboard"]
    again = evaluate_recommender(shop, most_users=30, seed=3)
    assert again == drawn
    other = evaluate_recommender(shop, most_users=30, seed=4)
    assert [row["value"] for row in other["leaderboard"]] != [row["value"] for row in drawn["leaderboard"]]
    with pytest.raises(CartpathError, match="1 or more"):
        evaluate_recommender(shop, most_users=0)


def test_a_draw_is_of_whole_rows():
    log = make_log(random_table(5, users=40, events=60))
    rows = next_item_rows(log, *split_by_share(log.view).bounds("validation"))
    some = sampled(rows, 7, 0)
    assert len(some) == 7
    assert sampled(rows, len(rows), 0) is rows
    assert (np.diff(some.user) > 0).all()
    by_user = {int(user): (int(rows.ends[n]), rows.of(n).tolist()) for n, user in enumerate(rows.user)}
    for n, user in enumerate(some.user):
        assert by_user[int(user)] == (int(some.ends[n]), some.of(n).tolist())


def test_users_and_items_together_are_bounded():
    for n_items in (0, 1, 5_000, 50_000, 1_000_000, 3_000_000):
        assert most_users(n_items) * n_items <= 32_000_000 or most_users(n_items) == 50
        users = min(evaluate.MOST_USERS, affordable(n_items))
        assert users * n_items <= 1_000_000_000 or users == 1000
