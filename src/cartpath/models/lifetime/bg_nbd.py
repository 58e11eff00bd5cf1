"""BG/NBD: users buy at random while they are alive, and may leave for good after each purchase."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln, hyp2f1, psi

from cartpath.models.lifetime.maximum import greatest
from cartpath.models.lifetime.rfm import Rfm
from cartpath.schema import CartpathError

Floats = npt.NDArray[np.float64]
#: With fewer who bought again, four parameters say more of chance than of buyers.
MIN_REPEAT = 20
_STARTS = ((1.0, 1.0, 1.0, 1.0), (0.3, 0.3, 0.3, 3.0), (2.0, 0.5, 0.05, 1.0), (0.5, 2.0, 2.0, 0.5))
#: So near to 0 a divisor of the formula of expected purchases leaves it too few digits.
_APART = 1e-5


@dataclass(frozen=True)
class BgNbd:
    """A user buys at rate λ ~ Gamma(r, alpha), and leaves after each repeat purchase with probability p ~ Beta(a, b).

    With x repeat purchases, the last t after the first purchase, which was T ago (``Rfm``), the likelihood is
    ``Γ(r+x) α^r / Γ(r) · B(a,b+x) / B(a,b) · [(α+T)^-(r+x) + 1{x>0} a/(b+x-1) (α+t)^-(r+x)]``: the first term is that
    of being alive, the second of having left after the last purchase.

    Source: Fader, Hardie and Lee, "Counting your customers" the easy way, Marketing Science 24, 2005 (equation 10:
    purchases); Fader, Hardie and Lee, Computing P(alive) using the BG/NBD model, 2008; Fader and Hardie, A step-by-step
    derivation of the BG/NBD model, 2019, section 5.3 (no purchase).

    Attributes
    ----------
    r, alpha : float
        Shape, and rate in the unit of time of the summaries: days of ``rfm_at``.
    a, b : float

    Examples
    --------
    A user who bought once cannot have left:

    >>> place = np.zeros(1)
    >>> once = Rfm(place.astype(int), place, place, place + 1, place + 1, place + 9)
    >>> model = BgNbd(1.0, 1.0, 1.0, 1.0)
    >>> model.alive(once).tolist(), model.none_within(once, 2.0).tolist()  # (1 + 1) / (1 + 1 + 2)
    ([1.0], [0.5])
    """

    r: float
    alpha: float
    a: float
    b: float

    def log_likelihood(self, buyers: Rfm) -> Floats:
        """Return the log likelihood of each buyer (n,)."""
        x = buyers.frequency
        here, gone = self._terms(buyers)
        rate = gammaln(self.r + x) - gammaln(self.r) + self.r * np.log(self.alpha)
        stays = _log_beta(self.a, self.b + x) - _log_beta(self.a, self.b)
        found: Floats = rate + stays + np.logaddexp(here, gone)
        return found

    def alive(self, buyers: Rfm) -> Floats:
        """Return the probability that each buyer has not left for good (n,)."""
        here, gone = self._terms(buyers)
        found: Floats = np.exp(here - np.logaddexp(here, gone))
        return found

    def none_within(self, buyers: Rfm, horizon: float) -> Floats:
        """Return the probability of no purchase within ``(T, T + horizon]`` (n,).

        No purchase then means that the same summary would be seen as of ``T + horizon``, so it is the ratio of the
        likelihoods at both: the terms in the brackets.
        """
        here, gone = self._terms(buyers)
        later = self._terms(buyers, horizon)[0]
        found: Floats = np.exp(np.logaddexp(later, gone) - np.logaddexp(here, gone))
        return found

    def log_odds_of_none(self, buyers: Rfm, horizon: float) -> Floats:
        """Return the log odds of ``none_within`` (n,), finite for any horizon above 0."""
        here, gone = self._terms(buyers)
        later = self._terms(buyers, horizon)[0]
        found: Floats = np.logaddexp(later, gone) - here - self._log_some(buyers, horizon)
        return found

    def purchases(self, buyers: Rfm, horizon: float) -> Floats:
        """Return the purchases expected within ``(T, T + horizon]`` (n,)."""
        return self.alive(buyers) * self._of_alive(buyers, horizon)

    def purchases_of_some(self, buyers: Rfm, horizon: float) -> Floats:
        """Return the purchases expected within the horizon of those who make one (n,), at least 1."""
        return np.maximum(self._of_alive(buyers, horizon) / np.exp(self._log_some(buyers, horizon)), 1.0)

    def _log_some(self, buyers: Rfm, horizon: float) -> Floats:
        """Return the log probability that those who are alive buy within the horizon (n,)."""
        m = self.r + buyers.frequency
        found: Floats = np.log(-np.expm1(-m * np.log1p(horizon / (self.alpha + buyers.age))))
        return found

    def _of_alive(self, buyers: Rfm, horizon: float) -> Floats:
        """Return what those who are alive buy: equation 10, by Euler's transformation of 2F1, which holds its digits.

        ``(a+b+x-1)/(a-1) · [1 - (1-z)^(a-1) 2F1(a+b-1-r, a-1; a+b+x-1; z)]``, ``z = horizon / (α+T+horizon)``.
        """
        z = horizon / (self.alpha + buyers.age + horizon)
        c = self.a + self.b + buyers.frequency - 1
        # 0 / 0 there, though level: it is read on both sides.
        side = np.where((np.abs(c) < _APART) | (abs(self.a - 1) < _APART), 3 * _APART, 0.0)
        both = [self._formula(z, self.a + way * side, c + way * side) for way in (-1, 1)]
        return (both[0] + both[1]) / 2

    def _formula(self, z: Floats, a: Floats, c: Floats) -> Floats:
        left: Floats = np.exp((a - 1) * np.log1p(-z)) * hyp2f1(a + self.b - 1 - self.r, a - 1, c, z)
        return c / (a - 1) * (1 - left)

    def _terms(self, buyers: Rfm, later: float = 0.0) -> tuple[Floats, Floats]:
        """Return the logarithms of the two terms of the likelihood's brackets, ``later`` than the summaries' moment."""
        x, m = buyers.frequency, self.r + buyers.frequency
        here = -m * np.log(self.alpha + buyers.age + later)
        leaves = np.log(self.a) - np.log(self.b + np.maximum(x, 1) - 1)
        gone = np.where(x > 0, leaves - m * np.log(self.alpha + buyers.recency), -np.inf)
        return here, gone


def fit_bg_nbd(buyers: Rfm) -> BgNbd:
    """Fit by maximum likelihood.

    Parameters
    ----------
    buyers : Rfm
        All who bought: users chosen by when they last did would mislead it.

    Raises
    ------
    CartpathError
        If fewer than ``MIN_REPEAT`` bought again, or the likelihood has no maximum.
    """
    again = int((buyers.frequency > 0).sum())
    if again < MIN_REPEAT:
        raise CartpathError(
            f"{again} of {len(buyers):,} buyers bought on another day again, BG/NBD needs {MIN_REPEAT} of them",
            "use a longer log or later dates (--train-until), or another model",
        )
    unit = float(buyers.age.mean())
    scaled = Rfm(buyers.user, buyers.frequency, buyers.recency / unit, buyers.age / unit, buyers.paid, buyers.monetary)
    found, _ = greatest(lambda values: _likelihood(values, scaled), _STARTS, "BG/NBD")
    r, alpha, a, b = found.tolist()
    return BgNbd(r, alpha * unit, a, b)


def _likelihood(values: Floats, buyers: Rfm) -> tuple[float, Floats]:
    """Return the mean log likelihood and its gradient in r, alpha, a and b."""
    r, alpha, a, b = values
    model, x = BgNbd(r, alpha, a, b), buyers.frequency
    alive = model.alive(buyers)
    dead, m = 1 - alive, r + x
    here, gone = alpha + buyers.age, alpha + buyers.recency
    stays = psi(a + b) - psi(a + b + x)
    gradient = [
        psi(m) - psi(r) + np.log(alpha) - alive * np.log(here) - dead * np.log(gone),
        r / alpha - m * (alive / here + dead / gone),
        stays + dead / a,
        stays + psi(b + x) - psi(b) - dead / (b + np.maximum(x, 1) - 1),
    ]
    return float(model.log_likelihood(buyers).mean()), np.array([of.mean() for of in gradient])


def _log_beta(a: float, b: Floats | float) -> Floats:
    found: Floats = gammaln(a) + gammaln(b) - gammaln(a + b)
    return found
