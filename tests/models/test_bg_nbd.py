"""BG/NBD against fractions by hand, integration over all rates and dropouts, and purchases drawn one by one."""

from __future__ import annotations

import math
from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import check_grad
from scipy.special import expit, hyp2f1
from scipy.stats import beta, gamma

from cartpath.models.lifetime import BgNbd, fit_bg_nbd
from cartpath.models.lifetime.bg_nbd import _likelihood
from cartpath.schema import CartpathError
from tests.models.buyers import drawn, summaries


def test_by_hand() -> None:
    # (1 + 3)^-2 = 1/16 alive, 1/1 (1 + 1)^-2 = 1/4 gone; G(2) / G(1) B(1, 2) / B(1, 1) = 1/2.
    model, buyer = BgNbd(1, 1, 1, 1), summaries(1, 1, 3)
    assert np.exp(model.log_likelihood(buyer)) == pytest.approx(1 / 2 * (1 / 16 + 1 / 4))
    assert model.alive(buyer) == pytest.approx(1 / 5)
    assert model.none_within(buyer, 4) == pytest.approx((1 / 64 + 1 / 4) / (1 / 16 + 1 / 4))
    # Alive, p is Beta(1, 2): the integral of 2 (1 - p) (1 - (1 + p)^-2) / p from 0 to 1 is 2 ln 2.
    assert model.purchases(buyer, 4) == pytest.approx(2 * math.log(2) / 5)


PARAMETERS = st.tuples(st.floats(0.2, 5), st.floats(0.5, 50), st.floats(0.1, 4), st.floats(0.1, 20))
HISTORIES = st.tuples(st.sampled_from([0, 1, 2, 9]), st.floats(0, 1), st.floats(1, 100), st.floats(0.5, 60))


@given(PARAMETERS, HISTORIES)
def test_no_purchase_is_the_same_history_seen_later(parameters, history) -> None:
    model, (x, share, age, horizon) = BgNbd(*parameters), history
    last = share * age if x else 0.0
    now, later = (model.log_likelihood(summaries(x, last, of)) for of in (age, age + horizon))
    none = model.none_within(summaries(x, last, age), horizon)
    assert none == pytest.approx(np.exp(later - now))
    odds = model.log_odds_of_none(summaries(x, last, age), horizon)
    assert expit(odds) == pytest.approx(none)
    assert expit(-odds) == pytest.approx(1 - none, rel=1e-6, abs=1e-12)


@given(PARAMETERS, HISTORIES)
def test_purchases_are_those_of_the_paper(parameters, history) -> None:
    (r, alpha, a, b), (x, share, age, horizon) = parameters, history
    buyer = summaries(x, share * age if x else 0.0, age)
    z, c = horizon / (alpha + age + horizon), a + b + x - 1
    found = BgNbd(*parameters).purchases(buyer, horizon)
    if min(abs(a - 1), abs(c)) > 1e-3:
        left = ((alpha + age) / (alpha + age + horizon)) ** (r + x) * hyp2f1(r + x, b + x, c, z)
        gone = a / (b + x - 1) * ((alpha + age) / (alpha + share * age)) ** (r + x) if x else 0.0
        assert found == pytest.approx(c / (a - 1) * (1 - left) / (1 + gone), rel=1e-6)
    # Never fewer than the probability of one, never more than without dropout.
    some = -np.expm1(np.log(BgNbd(*parameters).none_within(buyer, horizon)))
    assert some - 1e-9 <= found <= (r + x) / (alpha + age) * horizon + 1e-9


@pytest.mark.parametrize("apart", [0.0, 1e-9, 1e-6, 1e-4])
def test_purchases_do_not_jump_where_the_formula_divides_by_nothing(apart: float) -> None:
    buyers = summaries([0, 3], [0, 5], [9, 9])
    near = [BgNbd(0.7, 4, *of).purchases(buyers, 20) for of in ((1 + apart, 2), (0.4, 0.6 + apart))]
    away = [BgNbd(0.7, 4, *of).purchases(buyers, 20) for of in ((1.001, 2), (0.4, 0.601))]
    assert np.array(near) == pytest.approx(np.array(away), rel=2e-3)


CASES = [(0.5, 8, 0.8, 2.5), (2.0, 20, 3.0, 1.0), (0.243, 4.414, 0.793, 2.426)]


@pytest.mark.parametrize("parameters", CASES)
@pytest.mark.parametrize("history", [(0, 0, 12), (1, 4, 12), (4, 11, 12), (3, 2, 30)])
def test_integration_over_rates_and_dropouts(parameters, history) -> None:
    (r, alpha, a, b), (x, last, age), horizon = parameters, history, 10.0
    shares = (np.arange(1200) + 0.5) / 1200
    rate, p = gamma.ppf(shares, r, scale=1 / alpha)[:, None], beta.ppf(shares, a, b)[None, :]
    here = (1 - p) ** x * rate**x * np.exp(-rate * age)
    gone = p * (1 - p) ** (x - 1) * rate**x * np.exp(-rate * last) if x else np.zeros_like(here)
    whole = (here + gone).mean()
    model, buyer = BgNbd(*parameters), summaries(x, last, age)
    assert np.exp(model.log_likelihood(buyer)) == pytest.approx(whole, rel=5e-3)
    assert model.alive(buyer) == pytest.approx(here.mean() / whole, rel=5e-3)
    none = (here * np.exp(-rate * horizon) + gone).mean() / whole
    assert model.none_within(buyer, horizon) == pytest.approx(none, rel=5e-3)
    bought = (here * -np.expm1(-rate * p * horizon) / p).mean() / whole
    assert model.purchases(buyer, horizon) == pytest.approx(bought, rel=5e-3)


def test_purchases_drawn_one_by_one() -> None:
    model, horizon = BgNbd(0.8, 10, 0.9, 2.5), 25.0
    found = drawn(model, 200_000, 30.0, horizon)
    buyers, later = found.buyers, found.later
    told = {
        "alive": (model.alive(buyers), found.alive),
        "none": (model.none_within(buyers, horizon), later == 0),
        "purchases": (model.purchases(buyers, horizon), later),
        "of some": (model.purchases_of_some(buyers, horizon), np.where(later > 0, later, np.nan)),
    }
    old = buyers.recency < 15
    groups = [buyers.frequency == 0, (buyers.frequency == 1) & old, (buyers.frequency > 1) & old, ~old]
    for name, (predicted, happened) in told.items():
        for rows in groups:
            off = (happened - predicted)[rows & ~np.isnan(happened)]
            assert abs(off.mean()) < 4 * off.std() / math.sqrt(len(off)) + 1e-12, name


def test_parameters_are_found_again() -> None:
    true = BgNbd(0.8, 10, 0.8, 2.5)
    buyers = drawn(true, 30_000, np.random.default_rng(1).uniform(20, 80, 30_000)).buyers
    found = fit_bg_nbd(buyers)
    assert astuple(found) == pytest.approx(astuple(true), rel=0.12)
    # No parameters nearby are more likely, the true ones included.
    best = found.log_likelihood(buyers).sum()
    assert best >= true.log_likelihood(buyers).sum()
    for place in range(4):
        for way in (0.97, 1.03):
            near = list(astuple(found))
            near[place] *= way
            assert BgNbd(*near).log_likelihood(buyers).sum() < best


def test_the_unit_of_time_changes_alpha_alone() -> None:
    buyers = drawn(BgNbd(0.8, 10, 0.8, 2.5), 3000, 60.0).buyers
    weeks = summaries(buyers.frequency, buyers.recency / 7, buyers.age / 7)
    days, of_weeks = fit_bg_nbd(buyers), fit_bg_nbd(weeks)
    assert (of_weeks.r, of_weeks.alpha * 7, of_weeks.a, of_weeks.b) == pytest.approx(astuple(days), rel=1e-4)


def test_the_gradient_is_that_of_the_likelihood() -> None:
    buyers = drawn(BgNbd(0.8, 10, 0.8, 2.5), 500, 40.0).buyers
    for at in ([0.5, 3.0, 1.2, 2.0], [2.0, 0.1, 0.05, 7.0]):
        value, slope = (lambda of, part=part: _likelihood(of, buyers)[part] for part in (0, 1))
        assert check_grad(value, slope, np.array(at)) < 1e-5


def test_where_nobody_leaves_predictions_are_those_of_the_negative_binomial() -> None:
    rng = np.random.default_rng(0)
    rate = rng.gamma(2.0, 1 / 20, 5000)
    x = rng.poisson(rate * 50)
    # The last of x uniform times.
    buyers = summaries(x, 50 * rng.random(5000) ** (1 / np.maximum(x, 1)) * (x > 0), 50)
    found = fit_bg_nbd(buyers)
    assert found.alive(buyers).min() > 0.9
    share = ((found.alpha + 50) / (found.alpha + 50 + 10)) ** (found.r + x)
    assert found.none_within(buyers, 10) == pytest.approx(share, abs=0.05)
    assert found.purchases(buyers, 10).mean() == pytest.approx(rate.mean() * 10, rel=0.05)


def test_a_long_silence_stays_finite() -> None:
    model, buyer = BgNbd(0.5, 1, 0.8, 2.5), summaries(300, 30, 4000)
    odds = model.log_odds_of_none(buyer, 1.0)
    assert np.isfinite(odds).all()
    assert odds > 500
    assert model.purchases(buyer, 1.0) == pytest.approx(0, abs=1e-100)
    assert np.isfinite(model.purchases_of_some(buyer, 1.0)).all()


def test_too_few_who_bought_again_are_refused() -> None:
    buyers = summaries([1] * 19 + [0] * 500, [1] * 19 + [0] * 500, 9)
    with pytest.raises(CartpathError, match="19 of 519 buyers bought on another day again, BG/NBD needs 20") as told:
        fit_bg_nbd(buyers)
    assert "longer log" in told.value.hint
