import math

import numpy as np
import pytest

from cartpath.evaluation import bootstrap, delong, paired_bootstrap, roc_auc
from cartpath.evaluation.bootstrap import resamples


def test_users_are_drawn_with_all_their_rows():
    users = np.array([7, 8, 7, 9, 7])
    for rows in resamples(users, 50, seed=1):
        drawn = users[rows]
        assert (drawn == 7).sum() % 3 == 0
        # As many users as there are: three sevens are one draw of user 7.
        assert (drawn == 7).sum() / 3 + (drawn != 7).sum() == 3


def test_the_interval_of_a_mean_is_about_two_standard_errors():
    values = np.random.default_rng(0).normal(size=2000)
    found = bootstrap(lambda rows: float(values[rows].mean()), np.arange(2000), draws=400)
    assert found.value == values.mean()
    assert found.high - found.low == pytest.approx(2 * 1.96 / math.sqrt(2000), rel=0.15)


def test_rows_of_one_user_widen_the_interval():
    values = np.repeat(np.random.default_rng(0).normal(size=100), 20)
    alone = bootstrap(lambda rows: float(values[rows].mean()), np.arange(2000), draws=200)
    clustered = bootstrap(lambda rows: float(values[rows].mean()), np.repeat(np.arange(100), 20), draws=200)
    assert (clustered.high - clustered.low) > 3 * (alone.high - alone.low)


def test_same_seed_same_interval():
    values = np.arange(50.0)
    first, second = (bootstrap(lambda rows: float(values[rows].mean()), np.arange(50), 50, seed=3) for _ in range(2))
    assert first == second


def test_the_difference_of_a_figure_with_itself_is_nothing():
    values = np.arange(9.0)

    def mean(rows):
        return float(values[rows].mean())

    found = paired_bootstrap(mean, mean, np.arange(9), 20)
    assert (found.value, found.low, found.high) == (0, 0, 0)


def test_what_is_rarely_defined_has_no_interval():
    found = bootstrap(lambda rows: 1.0 if len(set(rows)) == 3 else float("nan"), np.arange(3), 100)
    assert found.value == 1.0
    assert math.isnan(found.low)
    assert math.isnan(bootstrap(lambda rows: 1.0, np.zeros(0)).value)


def slow_delong(labels, ours, theirs):
    """From the definition: the covariance of the structural components."""
    positive, negative = np.flatnonzero(labels == 1), np.flatnonzero(labels == 0)

    def wins(scores):
        gap = scores[positive][:, None] - scores[negative][None, :]
        return (gap > 0) + 0.5 * (gap == 0)

    tables = [wins(ours), wins(theirs)]
    by_positive = np.cov([table.mean(axis=1) for table in tables])
    by_negative = np.cov([table.mean(axis=0) for table in tables])
    covariance = by_positive / len(positive) + by_negative / len(negative)
    gap = tables[0].mean() - tables[1].mean()
    return gap / math.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])


@pytest.mark.parametrize("seed", range(5))
def test_delong_agrees_with_its_definition(seed):
    rng = np.random.default_rng(seed)
    labels = np.append(rng.integers(0, 2, 60), [0, 0, 1, 1])
    ours, theirs = labels + rng.integers(0, 6, 64) / 2, rng.integers(0, 6, 64) / 2
    found = delong(labels, ours, theirs)
    assert found.z == pytest.approx(slow_delong(labels, ours, theirs))
    assert found.ours == pytest.approx(roc_auc(labels, ours))
    assert found.p == pytest.approx(math.erfc(abs(found.z) / math.sqrt(2)))


def test_delong_says_nothing_where_the_spread_is_not_known():
    labels, right = np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.8, 0.9])
    for worse in (np.full(4, 0.5), -right):
        found = delong(labels, right, worse)
        assert found.ours == 1.0
        assert found.theirs < 1.0
        assert math.isnan(found.z)
        assert math.isnan(found.p)
    one_positive = np.array([0, 0, 0, 1])
    assert math.isnan(delong(one_positive, np.array([0.1, 0.2, 0.3, 0.25]), np.array([0.3, 0.1, 0.2, 0.4])).p)


def test_delong_of_equal_aucs_is_no_difference():
    labels, right = np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.8, 0.9])
    found = delong(labels, right, 2 * right)
    assert (found.z, found.p) == (0, 1)


def test_no_draws_no_interval():
    found = bootstrap(lambda rows: 1.0, np.arange(3), draws=0)
    assert found.value == 1.0
    assert math.isnan(found.low)
    assert math.isnan(found.high)


def test_delong_without_one_label_is_nan():
    assert math.isnan(delong(np.ones(3), np.arange(3.0), np.arange(3.0)).p)
