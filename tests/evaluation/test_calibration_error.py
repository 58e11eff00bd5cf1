"""The calibration error: by hand, its parts, and whether its interval holds the truth."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy.special import expit

from cartpath.evaluation import bootstrap, calibration_error, expected_calibration_error
from cartpath.evaluation.calibration_error import folded_mean
from cartpath.evaluation.reliability import bin_of
from cartpath.schema import CartpathError


def draw(seed: int, n: int, bend: float = 1.0) -> tuple[np.ndarray, np.ndarray, float]:
    """Labels, what was predicted of them, and the true error of ten bins."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(-2, 1, n)
    p, true = expit(odds), expit(bend * odds)
    gaps = np.bincount(bin_of(p, 10), true - p) / n
    return (rng.random(n) < true).astype(int), p, float(np.abs(gaps).sum())


def test_by_hand() -> None:
    # Predicted 1/4, 1/4, 1/2, 1/2, 1/2; observed 1/2 and 1/3: (2 * 1/4 + 3 * 1/6) / 5.
    found = calibration_error(np.array([0, 1, 0, 0, 1]), np.array([0.25] * 2 + [0.5] * 3), bins=2)
    assert found.value == pytest.approx(1 / 5)
    assert (found.bins, found.n, found.users) == (2, 5, 5)


@pytest.mark.parametrize("seed", range(4))
def test_the_plain_figure_is_as_it_was(seed: int) -> None:
    labels, p, _ = draw(seed, 500)
    p = p.round(2)  # with ties
    assert calibration_error(labels, p, draws=10).value == pytest.approx(expected_calibration_error(labels, p))


def test_bins_are_equal_and_ties_stay_together() -> None:
    p = np.random.default_rng(0).random(1000)
    assert np.bincount(bin_of(p, 10)).tolist() == [100] * 10
    tied = np.repeat([0.1, 0.2, 0.3], [600, 300, 100])
    assert all(len(set(bin_of(tied, 10)[tied == value])) == 1 for value in (0.1, 0.2, 0.3))
    assert set(bin_of(np.full(9, 0.5), 10)) == {0}


@pytest.mark.parametrize(("mean", "sd"), [(0.0, 1.0), (0.5, 1.0), (-2.0, 0.7), (3.0, 0.0)])
def test_the_folded_mean_is_that_of_draws(mean: float, sd: float) -> None:
    draws = np.abs(np.random.default_rng(0).normal(mean, sd, 200_000))
    assert folded_mean(mean, sd) == pytest.approx(draws.mean(), abs=0.01)


def many(bend: float, n: int, times: int = 60) -> list[tuple[float, float, float, float, float]]:
    out = []
    for seed in range(times):
        labels, p, true = draw(seed, n, bend)
        found = calibration_error(labels, p, draws=100, seed=seed)
        out.append((true, found.value, found.debiased, found.low, found.high))
    return out


@pytest.mark.parametrize("bend", [1.0, 0.85, 0.6])
def test_the_interval_holds_the_truth_and_the_plain_bootstrap_does_not(bend: float) -> None:
    table = np.array(many(bend, 800))
    true, value, debiased, low, high = table.T
    assert np.mean((low <= true + 1e-12) & (true <= high)) >= 0.9
    assert (low <= debiased + 1e-12).all()
    assert (debiased <= value + 1e-12).all()
    # What is nearer to the truth on average.
    assert abs(np.mean(debiased - true)) < abs(np.mean(value - true)) + 1e-3
    if bend == 1.0:
        missed = 0
        for seed in range(20):
            labels, p, _ = draw(seed, 800)
            plain = bootstrap(lambda at, y=labels, p=p: expected_calibration_error(y[at], p[at]), np.arange(800), 60)  # type: ignore[misc]
            missed += plain.low > 0
        assert missed == 20


def test_chance_is_what_right_probabilities_show() -> None:
    shown = [calibration_error(*draw(seed, 2000)[:2], draws=100, seed=seed) for seed in range(40)]
    assert np.mean([found.chance for found in shown]) == pytest.approx(
        np.mean([found.value for found in shown]), rel=0.1
    )


def test_rows_of_one_user_widen_the_interval() -> None:
    labels, p, _ = draw(1, 200)
    users = np.repeat(np.arange(200), 10)
    labels, p = np.repeat(labels, 10), np.repeat(p, 10)
    alone, clustered = calibration_error(labels, p), calibration_error(labels, p, users)
    assert alone.value == clustered.value
    assert clustered.chance > 2 * alone.chance
    assert clustered.high - clustered.low > 1.5 * (alone.high - alone.low)


def test_no_positive_among_few_expected_is_no_error_shown() -> None:
    # One positive was expected of 1,000 rows, none came: that happens every third time.
    found = calibration_error(np.zeros(1000), np.full(1000, 0.001))
    assert found.value == pytest.approx(0.001)
    assert found.low == 0
    # Of 1,000 rows 20 were expected.
    assert calibration_error(np.zeros(1000), np.full(1000, 0.02)).low > 0


def test_same_seed_same_figures() -> None:
    labels, p, _ = draw(0, 300)
    first, again, other = (calibration_error(labels, p, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_what_is_not_defined() -> None:
    nothing = calibration_error(np.zeros(0), np.zeros(0))
    assert math.isnan(nothing.value)
    one_user = calibration_error(np.array([0, 1]), np.array([0.2, 0.4]), np.zeros(2))
    assert math.isnan(one_user.low)
    assert json.loads(json.dumps(one_user.to_dict()))["low"] is None
    with pytest.raises(CartpathError, match="probabilities are from 0 to 1"):
        calibration_error(np.array([0, 1]), np.array([-1.0, 2.0]))
