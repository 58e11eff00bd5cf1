"""Two rates: score interval for their difference, score test, Fisher's exact test where counts are small."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from cartpath.paths.comparison.evidence import Evidence
from cartpath.paths.counting import newcombe
from cartpath.schema import Z95

#: Expected count in a cell below which the exact test is used.
_SMALL = 5


@dataclass(frozen=True)
class Rate:
    """Successes among independent trials: users who did something.

    Examples
    --------
    >>> found = Rate(56, 70).against(Rate(48, 80))
    >>> round(found.difference, 4), [round(end, 4) for end in found.interval]
    (0.2, [0.0524, 0.3339])
    """

    hits: int
    n: int

    @property
    def rate(self) -> float | None:
        """Successes by trials; None without trials."""
        return self.hits / self.n if self.n else None

    @property
    def support(self) -> int:
        """The rarer outcome."""
        return min(self.hits, self.n - self.hits)

    def against(self, other: Any) -> Evidence:
        """Compare with another group's rate.

        Notes
        -----
        The interval is Newcombe's method 10 (Interval estimation for the difference between independent
        proportions, Statistics in Medicine 17, 1998). The test is the score test with a pooled variance
        (Pearson's chi-square without a correction), or Fisher's exact test where an expected count is below 5.
        """
        a, b = self.rate, other.rate
        if a is None or b is None:
            return Evidence(a, self.n, b, other.n, effect_name="cohens_h", test="none: a group without trials")
        test, p = _test(self, other)
        effect = 2 * math.asin(math.sqrt(a)) - 2 * math.asin(math.sqrt(b))
        half = Z95 * math.sqrt(1 / self.n + 1 / other.n)  # 2 asin sqrt has variance 1/n
        ends = (effect - half, effect + half)
        return Evidence(
            a,
            self.n,
            b,
            other.n,
            a - b,
            newcombe(other.hits, other.n, self.hits, self.n),
            effect,
            "cohens_h",
            ends,
            test,
            p,
        )


def _test(a: Rate, b: Rate) -> tuple[str, float]:
    hits, n = a.hits + b.hits, a.n + b.n
    if hits in (0, n):
        return "none: the same outcome for all", 1.0
    if min(a.n, b.n) * min(hits, n - hits) / n < _SMALL:
        from scipy.stats import fisher_exact

        return "Fisher exact", float(fisher_exact([[a.hits, a.n - a.hits], [b.hits, b.n - b.hits]])[1])
    pooled = hits / n
    z = (a.hits / a.n - b.hits / b.n) / math.sqrt(pooled * (1 - pooled) * (1 / a.n + 1 / b.n))
    return "score test", math.erfc(abs(z) / math.sqrt(2))


@dataclass(frozen=True)
class ClusteredRate:
    """Successes among trials that come in clusters: sessions of users. The user is the independent unit.

    Attributes
    ----------
    hits, n : int
        Successes and trials in all.
    clusters : int
        Users.
    hits2, n2, cross : float
        Sums over users of their successes squared, trials squared, and the product.

    Notes
    -----
    A ratio of two sums over users, with the linearised variance of survey sampling (Cochran, Sampling Techniques,
    1977, chapter 6), and a t test with the degrees of freedom of Welch and Satterthwaite over users.

    Examples
    --------
    >>> import numpy as np
    >>> one = ClusteredRate.of(np.array([1, 0, 2, 1]), np.array([2, 1, 2, 1]))
    >>> one.hits, one.n, one.clusters, round(one.variance, 6)
    (4, 6, 4, 0.041152)
    """

    hits: int
    n: int
    clusters: int
    hits2: float
    n2: float
    cross: float

    @classmethod
    def of(cls, hits: Any, trials: Any) -> ClusteredRate:
        """Sum up arrays with one entry a user."""
        h, n = hits.astype(float), trials.astype(float)
        # Not ``h @ h``: the threads of the linear algebra would wait for those of the engine.
        squares = (float((x * y).sum()) for x, y in ((h, h), (n, n), (h, n)))
        return cls(int(hits.sum()), int(trials.sum()), len(h), *squares)

    def __add__(self, other: ClusteredRate) -> ClusteredRate:
        return ClusteredRate(*(x + y for x, y in zip(vars(self).values(), vars(other).values(), strict=True)))

    @property
    def rate(self) -> float | None:
        """Successes by trials; None without trials."""
        return self.hits / self.n if self.n else None

    @property
    def support(self) -> int:
        """The rarer outcome."""
        return min(self.hits, self.n - self.hits)

    @property
    def variance(self) -> float:
        """Variance of the rate, by user."""
        if not self.n or self.clusters < 2:
            return 0.0
        rate = self.hits / self.n
        spread = max(0.0, self.hits2 - 2 * rate * self.cross + rate * rate * self.n2)
        return spread * self.clusters / (self.clusters - 1) / self.n**2

    def against(self, other: Any) -> Evidence:
        """Compare with another group's rate."""
        from cartpath.paths.comparison.means import t_test

        a, b = self.rate, other.rate
        if a is None or b is None:
            return Evidence(a, self.n, b, other.n, effect_name="cohens_h", test="none: a group without trials")
        effect = 2 * math.asin(math.sqrt(a)) - 2 * math.asin(math.sqrt(b))
        found = t_test(a - b, (self.variance, self.clusters), (other.variance, other.clusters))
        ends = None if found is None else (max(-1.0, found[1]), min(1.0, found[2]))
        test = "none: no variance" if found is None else "t test, errors clustered by user"
        p = None if found is None else found[0]
        return Evidence(a, self.n, b, other.n, a - b, ends, effect, "cohens_h", None, test, p)
