"""Gamma-gamma: what a buyer spends a purchase, between what this one did and what all do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln, psi

from cartpath.models.lifetime.maximum import greatest
from cartpath.models.lifetime.rfm import Rfm
from cartpath.schema import CartpathError

Floats = npt.NDArray[np.float64]
#: With fewer who paid twice, three parameters say more of chance than of buyers.
MIN_PAID_TWICE = 20
_STARTS = ((1.0, 2.0, 1.0), (6.0, 3.0, 0.5), (0.3, 1.0, 5.0))


@dataclass(frozen=True)
class GammaGamma:
    """An amount is Gamma(p, rate ν), a buyer's ν ~ Gamma(q, gamma), whatever how often the buyer buys.

    The mean z of n amounts has the density
    ``Γ(pn+q) / (Γ(pn) Γ(q)) · γ^q z^(pn-1) n^(pn) / (γ + n z)^(pn+q)``.

    Source: Fader and Hardie, The gamma-gamma model of monetary value, 2013, equations 1a and 5.

    Attributes
    ----------
    p : float
    q : float
        Above 1: else amounts have no mean.
    gamma : float
        In the shop's currency.

    Examples
    --------
    Without an amount the mean of all, 2 · 10 / (3 - 1); after one of 40, 2 (10 + 40) / (2 + 3 - 1):

    >>> place = np.zeros(2)
    >>> buyers = Rfm(place.astype(int), place, place, place + 1, np.array([0.0, 1.0]), np.array([np.nan, 40.0]))
    >>> GammaGamma(2.0, 3.0, 10.0).amount(buyers).tolist()
    [10.0, 25.0]
    """

    p: float
    q: float
    gamma: float

    def amount(self, buyers: Rfm) -> Floats:
        """Return the mean amount of each buyer's purchases to come (n,), in currency."""
        n = buyers.paid
        total = n * np.where(n > 0, buyers.monetary, 0.0)
        return self.p * (self.gamma + total) / (self.p * n + self.q - 1)

    def log_likelihood(self, buyers: Rfm) -> Floats:
        """Return the log likelihood of each buyer's mean amount (n,); 0 without an amount."""
        n = np.maximum(buyers.paid, 1)
        z = np.where(buyers.paid > 0, buyers.monetary, 1.0)
        shape = self.p * n
        found = gammaln(shape + self.q) - gammaln(shape) - gammaln(self.q) + self.q * np.log(self.gamma)
        found += (shape - 1) * np.log(z) + shape * np.log(n) - (shape + self.q) * np.log(self.gamma + n * z)
        return np.where(buyers.paid > 0, found, 0.0)


def fit_gamma_gamma(buyers: Rfm) -> GammaGamma:
    """Fit by maximum likelihood, to buyers with an amount.

    Raises
    ------
    CartpathError
        If fewer than ``MIN_PAID_TWICE`` have two amounts, the likelihood has no maximum, or amounts are so uneven that
        they have no mean.
    """
    twice = int((buyers.paid > 1).sum())
    if twice < MIN_PAID_TWICE:
        raise CartpathError(
            f"{twice} of {len(buyers):,} buyers have amounts on two days, gamma-gamma needs {MIN_PAID_TWICE} of them",
            "use a longer log or later dates (--train-until), or another model",
        )
    known = buyers.take(np.flatnonzero(buyers.paid > 0))
    unit = float(known.monetary.mean())
    scaled = Rfm(known.user, known.frequency, known.recency, known.age, known.paid, known.monetary / unit)
    found, _ = greatest(lambda values: _likelihood(values, scaled), _STARTS, "gamma-gamma")
    p, over, gamma = found.tolist()
    if over < 1e-3:
        raise CartpathError(
            "the amounts of buyers differ so much that gamma-gamma gives them no mean (q is 1)",
            "look for amounts that are wrong: cartpath doctor SHOP",
        )
    return GammaGamma(p, 1 + over, gamma * unit)


def _likelihood(values: Floats, buyers: Rfm) -> tuple[float, Floats]:
    """Return the mean log likelihood and its gradient in p, q - 1 and gamma."""
    p, over, gamma = values
    q, n, z = 1 + over, buyers.paid, buyers.monetary
    shape, rate = p * n, np.log(gamma + n * z)
    gradient = [
        n * (psi(shape + q) - psi(shape) + np.log(z) + np.log(n) - rate),
        psi(shape + q) - psi(q) + np.log(gamma) - rate,
        q / gamma - (shape + q) / (gamma + n * z),
    ]
    likelihood = GammaGamma(p, q, gamma).log_likelihood(buyers).mean()
    return float(likelihood), np.array([of.mean() for of in gradient])
