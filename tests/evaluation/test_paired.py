"""Intervals and tests over users, against what every combination gives."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from cartpath.evaluation import bootstrap, mean_interval, paired_test, sign_flip


def test_an_interval_from_sums_is_that_from_rows() -> None:
    rng = np.random.default_rng(0)
    users = rng.integers(0, 60, 200)
    values = rng.random(200) + (users % 2)
    ours = mean_interval(values, users, draws=4000, seed=1)
    theirs = bootstrap(lambda rows: float(values[rows].mean()), users, draws=4000, seed=2)
    assert ours.value == theirs.value
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.02)


def test_users_are_drawn_and_not_rows() -> None:
    one_user = mean_interval(np.array([0.0, 1.0] * 50), np.zeros(100))
    assert (one_user.low, one_user.high) == (0.5, 0.5)


def exact_p(difference: np.ndarray) -> float:
    """Both signs for each user, all ways."""
    sums = [abs(np.dot(signs, difference)) for signs in product([-1, 1], repeat=len(difference))]
    return float(np.mean(np.array(sums) >= abs(difference.sum()) - 1e-9))


@pytest.mark.parametrize("seed", range(5))
def test_sign_flips_come_near_all_of_them(seed: int) -> None:
    difference = np.random.default_rng(seed).normal(0.3, 1, 9)
    expected = exact_p(difference)
    assert sign_flip(difference, np.arange(9)) == pytest.approx(expected, abs=4 * np.sqrt(0.25 / 9999))


def test_rows_of_one_user_flip_together() -> None:
    # One user with a hundred rows is one user: the sign alone says nothing.
    assert sign_flip(np.ones(100), np.zeros(100)) == 1.0


def test_ten_users_all_better() -> None:
    found = paired_test(np.ones(10), np.zeros(10), np.arange(10))
    assert (found.difference, found.low, found.high) == (1.0, 1.0, 1.0)
    assert found.p == pytest.approx(2 / 2**10, abs=2e-3)
