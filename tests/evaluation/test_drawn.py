"""Draws as weights against draws as repeated rows: the same numbers to the last digit."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as reference

from cartpath.evaluation import average_precision, bootstrap, drawn_discrimination, roc_auc
from cartpath.evaluation.bootstrap import drawn_counts, drawn_sums, resamples, user_codes
from cartpath.schema import CartpathError


def rows_of(seed: int, n: int, values: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, values, n) / values - 0.3
    return rng.integers(0, 2, n), scores, rng.integers(0, max(n // 3, 1), n)


@given(st.integers(0, 10_000), st.integers(1, 60), st.sampled_from([2, 7, 1000]))
def test_each_draw_is_that_of_the_rows(seed: int, n: int, values: int) -> None:
    labels, scores, users = rows_of(seed, n, values)
    auc, ap = drawn_discrimination(labels, scores, users, draws=20, seed=seed)
    for number, rows in enumerate(resamples(users, 20, seed)):
        np.testing.assert_equal(auc.draws[number], roc_auc(labels[rows], scores[rows]))
        np.testing.assert_equal(ap.draws[number], average_precision(labels[rows], scores[rows]))
    np.testing.assert_equal(auc.value, roc_auc(labels, scores))
    np.testing.assert_equal(ap.value, average_precision(labels, scores))


def test_the_interval_is_that_of_the_plain_bootstrap() -> None:
    labels, scores, users = rows_of(1, 900, 50)
    scores = scores + labels / 3
    auc, ap = drawn_discrimination(labels, scores, users, draws=100, seed=7)
    assert auc.interval == bootstrap(lambda at: roc_auc(labels[at], scores[at]), users, 100, seed=7)
    assert ap.interval == bootstrap(lambda at: average_precision(labels[at], scores[at]), users, 100, seed=7)


def test_weights_against_scikit_learn() -> None:
    labels, scores, users = rows_of(3, 200, 9)
    codes, n_users = user_codes(users)
    auc, ap = drawn_discrimination(labels, scores, users, draws=10, seed=2)
    for number, counts in enumerate(drawn_counts(n_users, 10, seed=2)):
        weights = counts[codes]
        assert auc.draws[number] == pytest.approx(reference.roc_auc_score(labels, scores, sample_weight=weights))
        expected = reference.average_precision_score(labels, scores, sample_weight=weights)
        assert ap.draws[number] == pytest.approx(expected)


def test_sums_are_those_of_the_rows() -> None:
    rng = np.random.default_rng(0)
    columns, users = rng.random((50, 3)), rng.integers(0, 12, 50)
    expected = [columns[rows].sum(axis=0) for rows in resamples(users, 15, seed=9)]
    assert drawn_sums(columns, users, 15, seed=9) == pytest.approx(np.array(expected))


def test_what_is_not_defined_is_nan() -> None:
    for labels in (np.ones(3), np.zeros(3), np.zeros(0)):
        auc, ap = drawn_discrimination(labels, np.arange(len(labels)) / 4, draws=5)
        assert math.isnan(auc.value)
        assert math.isnan(auc.interval.low)
        assert math.isnan(ap.value) == (not labels.any())


def test_a_pair_is_compared_on_the_same_draws() -> None:
    labels, scores, users = rows_of(5, 600, 100)
    better = scores + labels / 2
    ours, theirs = (drawn_discrimination(labels, s, users, 300)[0] for s in (better, scores))
    found = ours.less(theirs)
    assert found.difference == pytest.approx(roc_auc(labels, better) - roc_auc(labels, scores))
    assert 0 < found.low < found.difference < found.high
    assert found.p == pytest.approx(2 / 301)
    # The difference varies less than either of the two, which share their draws.
    assert found.high - found.low < ours.interval.high - ours.interval.low + theirs.interval.high - theirs.interval.low
    assert theirs.less(ours).p == found.p
    assert ours.less(ours).p == 1.0


def test_p_under_no_difference_is_about_uniform() -> None:
    rng = np.random.default_rng(11)
    ps = []
    for seed in range(150):
        labels = rng.integers(0, 2, 150)
        ours, theirs = (
            drawn_discrimination(labels, labels + 2 * rng.normal(size=150), draws=99, seed=seed)[0] for _ in range(2)
        )
        ps.append(ours.less(theirs).p)
    assert np.mean(np.array(ps) <= 0.05) < 0.12
    assert 0.35 < np.mean(np.array(ps) <= 0.5) < 0.65


def test_other_draws_are_no_pair() -> None:
    labels, scores = np.array([0, 1, 1]), np.array([0.1, 0.2, 0.3])
    first, second = (drawn_discrimination(labels, scores, draws=4, seed=seed)[0] for seed in (0, 1))
    with pytest.raises(CartpathError, match="different draws"):
        first.less(second)


@pytest.mark.parametrize(
    ("labels", "scores", "users", "words"),
    [
        ([0, 1], [0.1], None, "got shapes"),
        ([0, 2], [0.1, 0.2], None, "labels are 0 or 1"),
        ([0, 1], [0.1, np.nan], None, "1 of 2 scores are not a number"),
        ([0, 1], [0.1, 0.2], [1], "1 users for 2 rows"),
    ],
)
def test_what_cannot_be_measured_is_refused(labels, scores, users, words):  # type: ignore[no-untyped-def]
    with pytest.raises(CartpathError, match=words):
        drawn_discrimination(np.array(labels), np.array(scores), users if users is None else np.array(users))
