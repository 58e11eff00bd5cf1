"""Calibration in two numbers: against scikit-learn, closed forms, and whether intervals hold the truth."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from cartpath.evaluation import recalibration


def draw(seed: int, n: int = 4000, slope: float = 1.0, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    odds = rng.normal(-1, 1, n)
    return (rng.random(n) < expit(slope * odds + shift)).astype(int), expit(odds)


@pytest.mark.parametrize("seed", range(3))
def test_slope_and_intercept_are_those_of_scikit_learn(seed: int) -> None:
    labels, p = draw(seed, slope=0.7, shift=0.3)
    theirs = LogisticRegression(C=1e9, tol=1e-10, max_iter=1000).fit(logit(p)[:, None], labels)
    ours = recalibration(labels, p)
    assert ours.slope.value == pytest.approx(theirs.coef_[0, 0], abs=1e-4)
    assert ours.intercept.value == pytest.approx(theirs.intercept_[0], abs=1e-4)


def test_of_two_levels_it_can_be_solved_by_hand() -> None:
    # Predicted 1/5 and 1/2; observed 1/3 of 30 and 3/4 of 40: odds 1/4 and 1 come true as 1/2 and 3.
    labels = np.concatenate([np.arange(30) < 10, np.arange(40) < 30]).astype(int)
    found = recalibration(labels, np.repeat([1 / 5, 1 / 2], [30, 40]))
    assert found.intercept.value == pytest.approx(math.log(3))
    assert found.slope.value == pytest.approx((math.log(3) - math.log(1 / 2)) / -math.log(1 / 4))
    assert found.observed == pytest.approx(Fraction(40, 70))
    assert found.predicted == pytest.approx(Fraction(26, 70))
    assert (found.n, found.positives, found.users) == (70, 40, 70)


def test_in_the_large_brings_the_mean_to_the_rate() -> None:
    labels, p = draw(0, shift=0.5)
    found = recalibration(labels, p)
    assert expit(logit(p) + found.in_the_large.value).mean() == pytest.approx(labels.mean(), abs=1e-9)
    assert found.in_the_large.low < 0.5 < found.in_the_large.high


def test_intervals_hold_the_truth_nineteen_times_of_twenty() -> None:
    # Users have four rows each with one outcome, so that rows alone would know too much.
    held: list[bool] = []
    alone: list[bool] = []
    for seed in range(200):
        labels, p = (np.repeat(part, 4) for part in draw(seed, 300, slope=0.8))
        for users, out in ((np.repeat(np.arange(300), 4), held), (None, alone)):
            found = recalibration(labels, p, users).slope
            out.append(found.low <= 0.8 <= found.high)
    assert np.mean(held) > 0.91
    assert np.mean(alone) < 0.8


def test_what_is_not_defined_is_nan() -> None:
    for labels in (np.zeros(20), np.ones(20), np.zeros(0)):
        found = recalibration(labels, np.linspace(0.1, 0.9, len(labels)))
        assert math.isnan(found.slope.value)
        assert math.isnan(found.in_the_large.value)
    # Told apart by a threshold: no slope is steep enough.
    apart = recalibration(np.repeat([0, 1], 10), np.linspace(0.1, 0.9, 20))
    assert math.isnan(apart.slope.value)
    assert apart.in_the_large.value == pytest.approx(0, abs=1e-9)
    assert apart.to_dict()["slope"]["value"] is None


def test_probabilities_of_0_and_1_are_held_finite() -> None:
    found = recalibration(np.array([0, 1, 0, 1, 1]), np.array([0.0, 1.0, 0.3, 0.6, 0.2]))
    assert math.isfinite(found.in_the_large.value)
