"""Profit by threshold: by hand, against every threshold in plain Python, and what choosing flatters."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from cartpath.evaluation import bootstrap, profit_curve
from cartpath.evaluation.bootstrap import resamples
from cartpath.schema import CartpathError


def sample(seed: int, n: int = 60, users: int = 25) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    p = rng.integers(1, 9, n) / 10
    return (rng.random(n) < p).astype(int), p, rng.integers(0, users, n)


def plain(labels: np.ndarray, p: np.ndarray, benefit: float, cost: float, threshold: float) -> float:
    """Shopper by shopper."""
    return float(sum((benefit * y - cost) for y, q in zip(labels, p, strict=True) if q >= threshold))


def test_by_hand() -> None:
    # A coupon of 2 brings 5. At 0.8: 5 - 2 = 3. At 0.4 two more, one positive: 3 + 5 - 4 = 4. At 0.1 one more: 2.
    curve = profit_curve(np.array([1, 1, 0, 0]), np.array([0.8, 0.4, 0.4, 0.1]), benefit=5, cost=2)
    assert curve.thresholds.tolist() == [math.inf, 0.8, 0.4, 0.1]
    assert curve.treated.tolist() == [0, 1, 3, 4]
    assert curve.positives.tolist() == [0, 1, 2, 2]
    assert curve.profit.tolist() == [0, 3, 4, 2]
    assert (curve.chosen.threshold, curve.chosen.treated, curve.chosen.positives) == (0.4, 3, 2)
    assert (curve.chosen.per_row.value, curve.chosen.total.value) == (4 / 4, 4)
    assert (curve.theoretical.threshold, curve.theoretical.total.value) == (2 / 5, 4)
    assert (curve.everybody.treated, curve.everybody.total.value) == (4, 2)


@given(st.integers(0, 10_000), st.sampled_from([(1.0, 0.5), (10.0, 1.0), (3.0, 2.9), (2.0, 5.0), (1.0, 0.0)]))
def test_against_every_threshold(seed: int, worth: tuple[float, float]) -> None:
    labels, p, users = sample(seed)
    curve = profit_curve(labels, p, *worth, users=users, draws=15, seed=seed)
    for threshold, profit in zip(curve.thresholds, curve.profit, strict=True):
        assert profit == pytest.approx(plain(labels, p, *worth, threshold))
    assert curve.chosen.total.value == pytest.approx(max(curve.profit))
    assert curve.theoretical.total.value == pytest.approx(plain(labels, p, *worth, worth[1] / worth[0]))
    # What each draw would choose, and what that brings here.
    gaps = []
    for rows in resamples(users, 15, seed):
        brought = [plain(labels[rows], p[rows], *worth, t) / len(rows) for t in curve.thresholds]
        best = int(np.argmax(np.array(brought) > max(brought) - 1e-9))
        gaps.append(brought[best] - curve.profit[best] / len(labels))
    assert curve.optimism == pytest.approx(np.mean(gaps))


def test_the_interval_is_that_of_the_rows() -> None:
    labels, p, users = sample(3)
    curve = profit_curve(labels, p, 4, 1, users=users, threshold=0.5, draws=80, seed=6)
    expected = bootstrap(lambda at: plain(labels[at], p[at], 4, 1, 0.5) / len(at), users, 80, seed=6)
    assert curve.chosen.per_row.value == pytest.approx(expected.value)
    assert (curve.chosen.per_row.low, curve.chosen.per_row.high) == pytest.approx((expected.low, expected.high))
    assert curve.chosen.total.high == pytest.approx(60 * expected.high)
    assert (curve.optimism, curve.chosen.threshold) == (0, 0.5)
    assert math.isnan(curve.threshold_low)


def test_what_costs_more_than_it_brings_is_given_to_nobody() -> None:
    labels, p, _ = sample(1)
    curve = profit_curve(labels, p, benefit=1, cost=2)
    assert (curve.chosen.threshold, curve.chosen.treated, curve.chosen.total.value) == (math.inf, 0, 0)
    assert (curve.threshold_low, curve.threshold_high) == (math.inf, math.inf)
    assert curve.theoretical.treated == 0
    assert curve.chosen.to_dict()["threshold"] is None


def test_a_later_slice_brings_what_is_left_after_optimism() -> None:
    # Scores that say nothing: what the best threshold seems to bring is chance alone.
    flattered, corrected = [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        labels, p = (rng.random(300) < 0.2).astype(int), rng.random(300)
        curve = profit_curve(labels, p, benefit=5, cost=1, draws=60, seed=seed)
        flattered.append(curve.chosen.per_row.value)
        corrected.append(curve.chosen.per_row.value - curve.optimism)
    assert np.mean(flattered) > 0.04
    assert abs(np.mean(corrected)) < 0.5 * np.mean(flattered)


def test_right_probabilities_need_no_search() -> None:
    rng = np.random.default_rng(0)
    p = expit(rng.normal(-2, 1.5, 40_000))
    curve = profit_curve((rng.random(40_000) < p).astype(int), p, benefit=8, cost=1, draws=50)
    assert curve.theoretical.threshold == 1 / 8
    assert curve.chosen.threshold == pytest.approx(1 / 8, abs=0.03)
    assert curve.threshold_low <= 1 / 8 <= curve.threshold_high
    assert curve.theoretical.per_row.value == pytest.approx(curve.chosen.per_row.value, rel=0.02)


def test_thinned_rows_keep_the_ends_and_the_best() -> None:
    rng = np.random.default_rng(0)
    p = rng.random(3000)
    curve = profit_curve((rng.random(3000) < p).astype(int), p, 2, 1, draws=2)
    rows = curve.rows(50)
    assert 50 <= len(rows) <= 51
    assert (rows[0]["share"], rows[-1]["share"]) == (0, 1)
    assert max(row["profit"] for row in rows) == max(curve.profit) / 3000
    assert len(curve.rows(10**6)) == 3001
    assert [mark["name"] for mark in curve.marks()] == ["chosen", "cost / benefit", "everybody"]


@pytest.mark.parametrize(("benefit", "cost"), [(0, 1), (-1, 1), (1, -1), (math.nan, 1), (1, math.inf)])
def test_what_is_no_benefit_or_cost_is_refused(benefit: float, cost: float) -> None:
    with pytest.raises(CartpathError, match="make no profit curve"):
        profit_curve(np.array([0, 1]), np.array([0.1, 0.2]), benefit, cost)


def test_nobody_makes_no_curve() -> None:
    with pytest.raises(CartpathError, match="needs rows"):
        profit_curve(np.zeros(0), np.zeros(0), 2, 1)
