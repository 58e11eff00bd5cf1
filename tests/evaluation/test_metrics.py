import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as reference

from cartpath.evaluation import (
    average_precision,
    brier_score,
    expected_calibration_error,
    log_loss,
    mrr,
    ndcg,
    recall,
    reliability,
    roc_auc,
)

LABELS = np.array([0, 1, 1, 0, 1])
SCORES = np.array([0.1, 0.4, 0.35, 0.8, 0.9])


def test_log_loss_is_the_mean_of_surprise():
    expected = -(math.log(9 / 10) + math.log(4 / 10) + math.log(35 / 100) + math.log(2 / 10) + math.log(9 / 10)) / 5
    assert log_loss(LABELS, SCORES) == pytest.approx(expected)


def test_a_certain_mistake_is_finite():
    assert log_loss(np.array([1]), np.array([0.0])) == pytest.approx(15 * math.log(10))


def test_brier_score():
    assert brier_score(np.array([1, 0, 1]), np.array([1 / 2, 1 / 4, 1.0])) == pytest.approx((1 / 4 + 1 / 16) / 3)


def test_auc_counts_pairs():
    # Positives 0.4, 0.35, 0.9 against negatives 0.1, 0.8: won 1 + 1 + 2 of 6.
    assert roc_auc(LABELS, SCORES) == pytest.approx(4 / 6)


def test_average_precision():
    # In order: 0.9 (1), 0.8 (0), 0.4 (1), 0.35 (1), 0.1 (0).
    assert average_precision(LABELS, SCORES) == pytest.approx((1 / 1 + 2 / 3 + 3 / 4) / 3)


def test_what_is_not_defined_is_nan():
    ones = np.ones(3)
    assert math.isnan(roc_auc(ones, SCORES[:3]))
    assert math.isnan(average_precision(1 - ones, SCORES[:3]))
    nothing = np.zeros(0)
    assert math.isnan(log_loss(nothing, nothing))
    assert math.isnan(brier_score(nothing, nothing))
    assert math.isnan(expected_calibration_error(nothing, nothing))


@given(st.integers(0, 10_000))
def test_against_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    labels = np.append(rng.integers(0, 2, 30), [0, 1])
    scores = rng.integers(0, 8, 32) / 8  # with ties
    assert roc_auc(labels, scores) == pytest.approx(reference.roc_auc_score(labels, scores))
    assert average_precision(labels, scores) == pytest.approx(reference.average_precision_score(labels, scores))
    held = np.clip(scores, 0.01, 0.99)
    assert log_loss(labels, held) == pytest.approx(reference.log_loss(labels, held))


def test_calibration_error_of_two_bins():
    labels = np.array([0, 0, 0, 1, 1, 1, 0, 1])
    probabilities = np.array([0.25] * 4 + [0.5] * 4)
    # First bin: predicted 1/4, observed 1/4. Second: predicted 1/2, observed 3/4.
    found = reliability(labels, probabilities, bins=2)
    assert [(b.predicted, b.observed, b.n) for b in found] == [(1 / 4, 1 / 4, 4), (1 / 2, 3 / 4, 4)]
    assert all(b.low < b.observed < b.high for b in found)
    assert expected_calibration_error(labels, probabilities, bins=2) == pytest.approx(1 / 8)


HITS = np.array([[True, False, True], [False, False, False], [False, True, False]])


def test_recall_over_what_could_be_found():
    assert recall(HITS, np.array([2, 1, 5])).tolist() == [1.0, 0.0, 1 / 3]


def test_ndcg():
    gains = [1, 1 / math.log2(3), 1 / 2]
    expected = [(gains[0] + gains[2]) / (gains[0] + gains[1]), 0, gains[1] / sum(gains)]
    assert ndcg(HITS, np.array([2, 1, 5])).tolist() == pytest.approx(expected)


def test_reciprocal_rank():
    assert mrr(HITS, np.array([2, 1, 5])).tolist() == [1, 0, 1 / 2]
