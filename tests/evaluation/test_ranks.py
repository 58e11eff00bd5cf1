"""Ranks against a sort, metrics against fractions worked by hand and against scikit-learn."""

from __future__ import annotations

from math import log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartpath.evaluation import UNRANKED, hit_rate, ndcg_at, rank_of, reciprocal


def sorted_rank(scores: np.ndarray, true: int, hidden: set[int]) -> int:
    """Sort the candidates, look the true one up."""
    order = np.argsort(-scores.astype(np.float64), kind="stable")
    candidates = [int(column) for column in order if column == true or column not in hidden]
    return candidates.index(true) + 1


@given(st.data())
def test_rank_is_the_place_in_a_stable_sort(data: st.DataObject) -> None:
    n, width = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 9))
    # Few values, so that most scores are tied.
    values = st.sampled_from([0.0, -1.0, 0.5, 2.0, -np.inf])
    scores = np.array(data.draw(st.lists(st.lists(values, min_size=width, max_size=width), min_size=n, max_size=n)))
    column = np.array(data.draw(st.lists(st.integers(-1, width - 1), min_size=n, max_size=n)), np.int64)
    pairs = data.draw(st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, width - 1)), max_size=20))
    rows, columns = np.array(pairs, np.int64).reshape(-1, 2).T
    found = rank_of(scores.astype(np.float32), column, (rows, columns))
    for row in range(n):
        hidden = {c for r, c in pairs if r == row}
        assert found[row] == (UNRANKED if column[row] < 0 else sorted_rank(scores[row], column[row], hidden))


def test_an_answer_that_was_seen_stays_a_candidate() -> None:
    scores = np.array([[3.0, 2.0, 1.0]], np.float32)
    assert rank_of(scores, np.array([1]), (np.array([0, 0, 0]), np.array([0, 1, 0]))).tolist() == [1]


@pytest.mark.parametrize("column", [0, 1, -1])
def test_scores_that_are_no_numbers_are_refused(column: int) -> None:
    with pytest.raises(ValueError, match="not a number"):
        rank_of(np.array([[1.0, np.nan]], np.float32), np.array([column]))


def test_metrics_by_hand() -> None:
    ranks = np.array([1, 2, 3, 10, 11, UNRANKED])
    assert hit_rate(ranks, 10).tolist() == [1, 1, 1, 1, 0, 0]
    assert ndcg_at(ranks, 10).tolist() == [1, 1 / log2(3), 1 / 2, 1 / log2(11), 0, 0]
    assert reciprocal(ranks, 10).tolist() == [1, 1 / 2, 1 / 3, 1 / 10, 0, 0]
    assert reciprocal(ranks).tolist() == [1, 1 / 2, 1 / 3, 1 / 10, 1 / 11, 0]
    assert hit_rate(ranks, 2).mean() == 2 / 6


def test_the_same_ndcg_as_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(3)
    scores = rng.permuted(np.tile(np.arange(40, dtype=np.float32), (25, 1)), axis=1)
    true = rng.integers(0, 40, 25)
    ours = ndcg_at(rank_of(scores, true), 10)
    relevance = np.eye(40)[true]
    for row in range(25):
        theirs = metrics.ndcg_score(relevance[row : row + 1], scores[row : row + 1], k=10)
        assert ours[row] == pytest.approx(theirs, abs=1e-12)
        place = metrics.label_ranking_average_precision_score(relevance[row : row + 1], scores[row : row + 1])
        assert reciprocal(rank_of(scores, true))[row] == pytest.approx(place, abs=1e-12)
    found = metrics.top_k_accuracy_score(true, scores, k=5, labels=np.arange(40))
    assert hit_rate(rank_of(scores, true), 5).mean() == pytest.approx(found)
