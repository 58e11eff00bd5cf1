"""Gamma-gamma against fractions by hand, amounts that were drawn, and the search for a maximum that may be absent."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import check_grad

from cartpath.models.lifetime import GammaGamma, fit_gamma_gamma
from cartpath.models.lifetime.gamma_gamma import _likelihood
from cartpath.models.lifetime.maximum import greatest
from cartpath.schema import CartpathError
from tests.models.buyers import paid_by, summaries


def test_by_hand() -> None:
    # n = 2, z = 3, p = q = 1, gamma = 2: G(3) / (G(2) G(1)) 2 * 3 * 2^2 / (2 + 6)^3 = 48 / 512.
    buyer = summaries(1, 0, 1, paid=2, monetary=3)
    assert np.exp(GammaGamma(1, 1, 2).log_likelihood(buyer)) == pytest.approx(2 * 2 * 3 * 4 / 8**3)
    # 1 (2 + 6) / (2 + 2 - 1)
    assert GammaGamma(1, 2, 2).amount(buyer) == pytest.approx(8 / 3)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_the_density_is_one_in_all_and_the_mean_that_of_amounts(n: int) -> None:
    model = GammaGamma(2.0, 4.0, 9.0)

    def density(z: float) -> float:
        return float(np.exp(model.log_likelihood(summaries(n - 1, 0, 1, n, z)))[0])

    assert quad(density, 0, np.inf)[0] == pytest.approx(1, rel=1e-5)
    assert quad(lambda z: z * density(z), 0, np.inf)[0] == pytest.approx(2 * 9 / 3, rel=1e-4)


def test_amounts_drawn_one_by_one() -> None:
    model = GammaGamma(3.0, 4.0, 20.0)
    buyers, mean = paid_by(model, 60_000, 6)
    told = model.amount(buyers)
    for rows in (buyers.paid == 1, buyers.paid > 3, buyers.monetary > 40, buyers.monetary < 10):
        off = (mean - told)[rows]
        assert abs(off.mean()) < 4 * off.std() / np.sqrt(len(off))


def test_parameters_are_found_again() -> None:
    true = GammaGamma(3.0, 4.0, 20.0)
    buyers, _ = paid_by(true, 30_000, 6)
    found = fit_gamma_gamma(buyers)
    assert astuple(found) == pytest.approx(astuple(true), rel=0.1)
    assert found.log_likelihood(buyers).sum() >= true.log_likelihood(buyers).sum()


def test_the_currency_changes_gamma_alone() -> None:
    buyers, _ = paid_by(GammaGamma(3.0, 4.0, 20.0), 3000, 6)
    cents = summaries(buyers.frequency, 0, 1, buyers.paid, 100 * buyers.monetary)
    dollars, of_cents = fit_gamma_gamma(buyers), fit_gamma_gamma(cents)
    assert (of_cents.p, of_cents.q, of_cents.gamma / 100) == pytest.approx(astuple(dollars), rel=1e-4)


def test_the_gradient_is_that_of_the_likelihood() -> None:
    buyers, _ = paid_by(GammaGamma(3.0, 4.0, 20.0), 300, 6)
    for at in ([1.0, 2.0, 3.0], [6.0, 0.2, 30.0]):
        value, slope = (lambda of, part=part: _likelihood(of, buyers)[part] for part in (0, 1))
        assert check_grad(value, slope, np.array(at)) < 1e-4


def test_who_paid_nothing_known_says_nothing() -> None:
    buyers, _ = paid_by(GammaGamma(3.0, 4.0, 20.0), 500, 6)
    more = summaries(
        np.append(buyers.frequency, 4), 0, 1, np.append(buyers.paid, 0), np.append(buyers.monetary, np.nan)
    )
    assert fit_gamma_gamma(more) == fit_gamma_gamma(buyers)
    model = GammaGamma(3.0, 4.0, 20.0)
    assert model.amount(more)[-1] == pytest.approx(3 * 20 / 3)
    assert model.log_likelihood(more)[-1] == 0


def test_too_few_amounts_are_refused() -> None:
    with pytest.raises(CartpathError, match="0 of 30 buyers have amounts on two days, gamma-gamma needs 20"):
        fit_gamma_gamma(summaries([0.0] * 30, 0, 1, 1, 5.0))


def test_amounts_without_a_mean_are_refused() -> None:
    # Of a Pareto distribution with exponent 1/2 there is none.
    heavy = np.random.default_rng(0).random(400) ** -2
    with pytest.raises(CartpathError, match="gives them no mean"):
        fit_gamma_gamma(summaries([1.0] * 400, 0, 1, 2, heavy))


def test_a_likelihood_without_a_maximum_is_refused() -> None:
    def rough(at: np.ndarray) -> tuple[float, np.ndarray]:
        return -abs(float(np.log(at[0])) - 1), np.array([5.0])

    with pytest.raises(CartpathError, match="the likelihood of roughness has no maximum that 2 starts could find"):
        greatest(rough, [[1.0], [2.0]], "roughness")


def test_the_higher_of_two_maxima_is_taken_and_a_bound_is_one() -> None:
    def two(at: np.ndarray) -> tuple[float, np.ndarray]:
        # Maxima near logarithms -2 and 2, the second the higher.
        x = float(np.log(at[0]))
        return -((x * x - 4) ** 2) / 16 + x / 8, np.array([(-x * (x * x - 4) / 4 + 1 / 8) / at[0]])

    assert np.log(greatest(two, [[0.1], [9.0]], "two")[0][0]) == pytest.approx(np.roots([1, 0, -4, -0.5]).max())
    assert greatest(lambda at: (float(np.log(at[0])), 1 / at), [[1.0]], "a slope")[0][0] == pytest.approx(1e4)
