"""Errors of amounts, by hand and against NumPy on drawn users."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from cartpath.evaluation import drawn_errors, drawn_mean, spearman
from cartpath.evaluation.bootstrap import resamples


def test_by_hand() -> None:
    found = drawn_errors(np.array([1.0, 2.0, 6.0]), np.array([2.0, 2.0, 4.0]), draws=2)
    # Errors 1, 0, -2; the mean is 3 and the squares about it 4, 1, 9.
    assert found["mse"].value == pytest.approx(float(Fraction(5, 3)))
    assert found["rmse"].value ** 2 == pytest.approx(float(Fraction(5, 3)))
    assert found["r2"].value == pytest.approx(float(1 - Fraction(5, 14)))


def test_a_mean_is_told_nothing_by_itself_and_no_spread_has_no_r2() -> None:
    target = np.array([1.0, 2.0, 3.0])
    assert drawn_errors(target, np.full(3, 2.0), draws=2)["r2"].value == pytest.approx(0.0)
    assert np.isnan(drawn_errors(np.ones(3), target, draws=2)["r2"].value)


def test_draws_are_those_of_users() -> None:
    rng = np.random.default_rng(0)
    users, target = rng.integers(0, 20, 60), rng.normal(5, 2, 60)
    predicted = target + rng.normal(0, 1, 60)
    found = drawn_errors(target, predicted, users, draws=30, seed=4)
    for draw, rows in enumerate(resamples(users, 30, 4)):
        error, y = predicted[rows] - target[rows], target[rows]
        assert found["mse"].draws[draw] == pytest.approx(np.mean(error**2))
        assert found["rmse"].draws[draw] == pytest.approx(np.sqrt(np.mean(error**2)))
        assert found["r2"].draws[draw] == pytest.approx(1 - np.sum(error**2) / np.sum((y - y.mean()) ** 2))
        means = drawn_mean(np.abs(predicted - target), users, draws=30, seed=4)
        assert means.draws[draw] == pytest.approx(np.mean(np.abs(error)))


def test_spearman() -> None:
    # Ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: covariance 4.5, squares 4.5 and 5.
    found = spearman(np.array([0.0, 5.0, 5.0, 9.0]), np.array([1.0, 2.0, 3.0, 4.0]))
    assert found == pytest.approx(4.5 / np.sqrt(4.5 * 5.0))
    assert spearman(np.arange(5.0), -np.arange(5.0)) == -1
    assert np.isnan(spearman(np.ones(3), np.arange(3.0)))
