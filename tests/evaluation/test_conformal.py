"""Conformal intervals against ranks by hand, every order of a few rows, and the coverage of drawn ones."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartpath.evaluation import Conformal, conformal_quantile, coverage, fit_conformal, fit_conformal_quantiles
from cartpath.schema import CartpathError


@pytest.mark.parametrize(
    ("n", "level", "rank"),
    [(9, 0.9, 9), (10, 0.9, 10), (19, 0.95, 19), (99, 0.95, 95), (100, 0.95, 96), (99, 0.07, 7), (1, 0.5, 1)],
)
def test_the_rank_is_exact(n: int, level: float, rank: int) -> None:
    errors = np.random.default_rng(0).permutation(np.arange(1.0, n + 1))
    assert conformal_quantile(errors, level) == rank


@given(st.lists(st.integers(0, 5), min_size=4, max_size=4), st.sampled_from([0.25, 0.3, 0.5, 0.75]))
def test_of_every_order_of_rows_as_many_are_held_as_the_level_says(errors: list[int], level: float) -> None:
    # Exchangeability itself: each of the four rows is as likely to be the new one.
    held = [new <= conformal_quantile(np.array(known, float), level) for *known, new in permutations(errors)]
    share = Fraction(sum(held), len(held))
    assert share >= level
    if len(set(errors)) == 4:
        assert share < level + Fraction(1, 4)


def test_ties_are_held_together() -> None:
    errors = np.array([1.0, 1, 1, 1, 1, 1, 1, 2, 2])
    assert conformal_quantile(errors, 0.5) == 1
    assert conformal_quantile(errors, 0.7) == 1
    assert conformal_quantile(errors, 0.8) == 2
    found = fit_conformal(errors, np.zeros(9), 0.7)
    held = coverage(errors, *found.around(np.zeros(9)))
    assert held.share.value == pytest.approx(7 / 9)


def test_too_few_rows_for_a_level_are_refused() -> None:
    for n, level, least in ((8, 0.9, 9), (18, 0.95, 19), (0, 0.5, 1), (98, 0.99, 99)):
        with pytest.raises(CartpathError, match=f"{n} rows are too few for intervals of {level}: {least} are needed"):
            conformal_quantile(np.arange(float(n)), level)
        assert conformal_quantile(np.arange(float(least)), level) == least - 1


@pytest.mark.parametrize("level", [0.0, 1.0, 90.0, -0.1, float("nan")])
def test_what_is_no_level_is_refused(level: float) -> None:
    with pytest.raises(CartpathError, match="the level of an interval is between 0 and 1"):
        conformal_quantile(np.arange(200.0), level)


def test_what_is_no_error_or_spread_is_refused() -> None:
    with pytest.raises(CartpathError, match="1 of 3 errors are not a number"):
        conformal_quantile(np.array([1.0, np.nan, 2.0]), 0.5)
    for spread in ([1.0, 0.0], [1.0, -1.0], [1.0, np.inf], [1.0]):
        with pytest.raises(CartpathError, match="the spread of a row is a number above 0"):
            fit_conformal(np.ones(2), np.zeros(2), 0.5, np.array(spread))


def test_a_spread_scales_the_width_of_each_row() -> None:
    # Errors over spreads are 1, 2 and 1/2; the second of three is needed.
    found = fit_conformal(np.array([1.0, 8.0, 5.0]), np.zeros(3), 0.5, np.array([1.0, 4.0, 10.0]))
    assert found == Conformal(1.0, 0.5, 3)
    low, high = found.around(np.array([10.0, 10.0]), np.array([2.0, 7.0]))
    assert (low.tolist(), high.tolist()) == ([8.0, 3.0], [12.0, 17.0])


def test_quantiles_too_far_apart_are_drawn_in_and_do_not_cross() -> None:
    # All answers lie in the middle of 0 to 10: errors are -5.
    found = fit_conformal_quantiles(np.full(9, 5.0), np.zeros(9), np.full(9, 10.0), 0.9)
    assert found.reach == -5
    low, high = found.beyond(np.array([0.0, 0.0]), np.array([20.0, 4.0]))
    assert (low.tolist(), high.tolist()) == ([5.0, 2.0], [15.0, 2.0])


def answers(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Skewed errors that grow with x: nothing a normal interval would hold."""
    x = rng.uniform(0.2, 3, n)
    return x, x + x * (rng.exponential(1, n) - 1)


@pytest.mark.parametrize("level", [0.5, 0.9])
def test_a_new_row_is_held_as_often_as_the_level_says(level: float) -> None:
    rng, n, held = np.random.default_rng(0), 39, np.zeros(3)
    for _ in range(1500):
        x, y = answers(rng, n + 1)
        spread, low, high = x / 2, x / 2, 2 * x
        plain, scaled = (fit_conformal(y[:n], x[:n], level, of) for of in (None, spread[:n]))
        between = fit_conformal_quantiles(y[:n], low[:n], high[:n], level)
        ends = plain.around(x[n:]), scaled.around(x[n:], spread[n:]), between.beyond(low[n:], high[n:])
        held += [bool(a[0] <= y[n] <= b[0]) for a, b in ends]
    # 40 ranks, of which level * 40 are held exactly; four standard errors of 1,500 trials.
    assert held / 1500 == pytest.approx(level, abs=4 * np.sqrt(level * (1 - level) / 1500))


def test_a_good_spread_holds_alike_where_errors_are_small_and_large() -> None:
    rng = np.random.default_rng(1)
    x, y = answers(rng, 20_000)
    new, found = answers(rng, 20_000)
    plain, scaled = (fit_conformal(y, x, 0.9, spread).around(new, of) for spread, of in ((None, None), (x, new)))
    for side in (new < 1, new > 2):
        shares = [((low <= found) & (found <= high))[side].mean() for low, high in (plain, scaled)]
        assert abs(shares[1] - 0.9) < 0.02 < abs(shares[0] - 0.9)


def test_coverage_is_of_users() -> None:
    actual, low, high = np.array([1.0, 5, 5, 5]), np.zeros(4), np.array([1.0, 4, 4, 6])
    found = coverage(actual, low, high, np.array(["a", "b", "b", "c"]))
    assert (found.share.value, found.width.value, found.n, found.users) == (2 / 4, 15 / 4, 4, 3)
    # Draws of three users hold b from never to three times: 1 of 1 down to none of 6.
    assert (found.share.low, found.share.high) == (0, 1)
    assert json.loads(json.dumps(found.to_dict()))["share"]["value"] == 0.5
    assert np.isnan(coverage(np.empty(0), np.empty(0), np.empty(0)).share.value)


def test_written_and_read_it_is_the_same() -> None:
    found = fit_conformal(np.arange(20.0), np.zeros(20))
    assert Conformal(**json.loads(json.dumps(found.to_dict()))) == found
