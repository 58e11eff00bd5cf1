"""Blends by hand, NDCG held to a loop, and the choice between them."""

import math
from dataclasses import replace

import numpy as np
import pytest

from cartpath.evaluation import ndcg
from cartpath.recommend.blends import BLENDS, Fusion, Judged, Trees, Voting, Weighted, alone, blend_of
from cartpath.recommend.blends.choose import choose, returns
from cartpath.recommend.blends.cold import WithCold
from cartpath.recommend.candidates import Candidates
from tests.recommend.logs import random_candidates


def two_items():
    """One path; ``a`` proposes items 3 and 5 in this order, ``b`` item 5 alone."""
    return Candidates(
        ("a", "popular"),
        np.array([0, 2]),
        np.array([3, 5], np.int32),
        np.array([[0.75, 0.0], [0.25, 1.0]], np.float32),
        np.array([[1, 0], [2, 1]], np.int32),
        np.zeros((1, 3), np.float32),
        np.array([True, False]),
    )


def judged_of(seed, n=40):
    listed = random_candidates(seed, n)
    rng = np.random.default_rng(seed)
    hit = rng.random(len(listed.columns)) < 0.3
    truths = np.bincount(listed.rows()[hit], minlength=n) + rng.integers(0, 3, n)
    return Judged(listed, hit, np.maximum(truths, 1), np.arange(n) // 2)


def test_weighted_by_hand():
    blend = Weighted({"a": 2.0, "popular": 0.5}, {})
    assert blend.score(two_items()).tolist() == [2 * 3 / 4, 2 * 1 / 4 + 1 / 2]
    assert blend.shares(two_items()).tolist() == [[3 / 2, 0], [1 / 2, 1 / 2]]


def test_fusion_by_hand():
    blend = Fusion({"a": 1.0, "popular": 2.0}, {"c": 60.0})
    assert blend.score(two_items()) == pytest.approx([1 / 61, 1 / 62 + 2 / 61])


def test_voting_by_hand():
    blend = Voting({"a": 1.0, "popular": 1.0}, {"most": 20.0})
    assert blend.score(two_items()) == pytest.approx([20 / 20, 19 / 20 + 20 / 20])
    # Beyond the last place that counts there are no points.
    assert Voting({"a": 1.0}, {"most": 1.0}).score(two_items()).tolist() == [1, 0]


def test_one_part_alone_then_what_is_popular():
    assert alone(two_items(), "a").argsort().tolist() == [1, 0]
    assert alone(two_items(), "popular").argsort().tolist() == [0, 1]


@pytest.mark.parametrize("seed", range(5))
def test_ndcg_agrees_with_lists(seed):
    known = judged_of(seed)
    scores = np.round(np.random.default_rng(seed).random(len(known.hit)), 1)
    lists = np.zeros((len(known.listed), 20), np.bool_)
    for row in range(len(known.listed)):
        first, last = known.listed.offsets[row], known.listed.offsets[row + 1]
        order = sorted(range(first, last), key=lambda place: (-scores[place], place))
        lists[row, : len(order[:20])] = known.hit[order[:20]]
    np.testing.assert_allclose(known.ndcg(scores), ndcg(lists, known.truths))


@pytest.mark.parametrize("kind", [Weighted, Fusion, Voting])
def test_a_fit_is_no_worse_than_its_best_part_and_comes_back(kind):
    known = judged_of(7)
    blend = kind.fit(known)
    of_part = [
        kind({name: 1.0, "popular": 1e-6} if name != "popular" else {name: 1.0}, s)
        for name in known.listed.parts
        for s in kind.settings_tried
    ]
    best = max(known.ndcg(part.score(known.listed)).mean() for part in of_part)
    assert known.ndcg(blend.score(known.listed)).mean() >= best - 1e-9
    again = blend_of(blend.to_dict())
    assert again.score(known.listed).tolist() == blend.score(known.listed).tolist()
    assert set(blend.needs) <= set(known.listed.parts)
    assert "popular" in blend.needs


def telling(n=900, seed=0):
    """Two parts; of each path the item that ``b`` ranks first and ``a`` does not propose is true."""
    rng = np.random.default_rng(seed)
    size = 6
    first = np.array([rng.permutation(size) for _ in range(n)])
    rank = np.zeros((n, size, 3), np.int32)
    rank[:, :, 0] = np.where(first < 3, first + 1, 0)
    rank[:, :, 1] = np.array([rng.permutation(size) for _ in range(n)]) + 1
    rank[:, :, 2] = np.arange(1, size + 1)
    by_b = np.where(rank[:, :, 0] > 0, 99, rank[:, :, 1])
    hit = by_b == by_b.min(axis=1, keepdims=True)
    strength = np.where(rank > 0, 1 / np.maximum(rank, 1), 0).astype(np.float32)
    listed = Candidates(
        ("a", "b", "popular"),
        np.arange(0, n * size + 1, size),
        np.tile(np.arange(size, dtype=np.int32), n),
        strength.reshape(-1, 3),
        rank.reshape(-1, 3).astype(np.int32),
        np.zeros((n, 3), np.float32),
        np.zeros(n * size, np.bool_),
    )
    return Judged(listed, hit.ravel(), np.ones(n, np.int64), np.arange(n))


def test_trees_find_what_no_sum_can_say_and_are_chosen():
    pytest.importorskip("lightgbm")
    known = telling()
    choice = choose(known)
    assert isinstance(choice.blend, Trees)
    assert choice.ndcg > 0.95
    by_kind = {row["blend"]: row for row in choice.tried}
    assert set(by_kind) == set(BLENDS)
    assert by_kind["weighted"]["high"] < 0
    assert by_kind["trees"]["less_than_best"] == 0
    assert set(choice.without) == set(choice.blend.needs) == {"a", "b", "popular"}
    again = blend_of(choice.blend.to_dict())
    assert again.score(known.listed).tolist() == choice.blend.score(known.listed).tolist()
    assert choose(known).blend.to_dict() == choice.blend.to_dict()


def test_the_shares_of_trees_are_of_the_parts():
    pytest.importorskip("lightgbm")
    known = telling()
    blend = Trees.fit(known)
    shares = blend.shares(known.listed)
    assert shares.shape == known.listed.strength.shape
    # The Shapley values of a candidate add up to its score, but for what is the same for all.
    scores = blend.score(known.listed)
    assert np.corrcoef(shares.sum(axis=1), scores)[0, 1] > 0.99


def test_items_seen_before_are_left_out_where_nobody_returns():
    known = judged_of(2)
    hit = known.hit & ~known.listed.seen
    assert choose(Judged(known.listed, hit, known.truths, known.user)).exclude_seen
    hit = known.hit & known.listed.seen
    found = choose(Judged(known.listed, hit, known.truths, known.user))
    assert not found.exclude_seen
    assert returns(known) == (known.hit & known.listed.seen).sum() / known.truths.sum()


def test_without_anything_true_nothing_is_chosen():
    known = judged_of(2)
    found = choose(Judged(known.listed, np.zeros(len(known.hit), np.bool_), known.truths, known.user))
    assert math.isnan(found.ndcg)
    assert found.blend.to_dict()["weights"] == {"together": 0.5, "recent": 0.1, "popular": 0.1}


def test_each_user_is_judged_by_what_was_fitted_on_others():
    """Answers of one half say nothing of its own figure: with those of the other half turned round it changes."""
    known = judged_of(5, 60)
    assert choose(known).ndcg != choose(Judged(known.listed, ~known.hit, known.truths, known.user)).ndcg
    assert len({int(user) for user in known.user}) == 30


def test_who_has_no_path_gets_what_is_popular():
    listed = random_candidates(4)
    empty = np.zeros(len(listed), np.bool_)
    empty[[2, 5]] = True
    context = listed.context.copy()
    context[:, 0] = np.where(empty, 0, 3)
    listed = replace(listed, context=context)
    blend = WithCold(Weighted({"together": 1.0, "popular": 1e-6}, {}))
    rows = listed.rows()
    plain = listed.strength[:, 1] + 1e-6 * listed.strength[:, 2]
    scores = blend.score(listed)
    assert scores[empty[rows]] == pytest.approx(plain[empty[rows]])
    assert scores[~empty[rows]].tolist() == blend.known.score(listed)[~empty[rows]].tolist()
    assert blend.shares(listed).sum(axis=1) == pytest.approx(scores)
    assert set(blend.needs) == {"together", "popular", "recent"}
