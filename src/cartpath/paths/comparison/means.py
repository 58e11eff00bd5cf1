"""Two means of a number per user: Welch's test."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from cartpath.paths.comparison.evidence import Evidence
from cartpath.schema import Z95

#: Share of a sum of squares that is no more than rounding.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Mean:
    """A number per user, summed up.

    Attributes
    ----------
    n : int
        Users, those with 0 included.
    total, squares : float
        Sum and sum of squares.

    Examples
    --------
    >>> import numpy as np
    >>> found = Mean.of(np.array([3.0, 5.0, 4.0])).against(Mean.of(np.array([1.0, 2.0, 3.0])))
    >>> found.difference, round(found.p, 6), round(found.effect, 4)
    (2.0, 0.070484, 2.0)
    """

    n: int
    total: float
    squares: float

    @classmethod
    def of(cls, values: Any) -> Mean:
        """Sum up an array with one entry a user."""
        numbers = values.astype(float)
        return cls(len(numbers), float(numbers.sum()), float(numbers @ numbers))

    def __add__(self, other: Mean) -> Mean:
        return Mean(self.n + other.n, self.total + other.total, self.squares + other.squares)

    @property
    def mean(self) -> float | None:
        """None without users."""
        return self.total / self.n if self.n else None

    @property
    def variance(self) -> float:
        """Sample variance; 0 for fewer than two users, and where what is left of the sums is rounding."""
        if self.n < 2:
            return 0.0
        spread = self.squares - self.total**2 / self.n
        return spread / (self.n - 1) if spread > _ROUNDING * self.squares else 0.0

    def against(self, other: Any) -> Evidence:
        """Compare with another group's mean.

        Notes
        -----
        B. L. Welch, The generalization of 'Student's' problem when several different population variances are
        involved, Biometrika 34 (1947). Cohen's d divides by the pooled standard deviation; its interval is that of
        Hedges and Olkin (1985).
        """
        a, b = self.mean, other.mean
        if a is None or b is None or min(self.n, other.n) < 2:
            return Evidence(a, self.n, b, other.n, effect_name="cohens_d", test="none: fewer than two users in a group")
        found = t_test(a - b, (self.variance / self.n, self.n), (other.variance / other.n, other.n))
        if found is None:
            same = a == b
            test = "none: every user has the same value" if same else "none: no variance within the groups"
            return Evidence(a, self.n, b, other.n, a - b, effect_name="cohens_d", test=test, p=1.0 if same else None)
        p, low, high = found
        d, ends = _cohens_d(self, other, a - b)
        return Evidence(a, self.n, b, other.n, a - b, (low, high), d, "cohens_d", ends, "Welch t test", p)


def t_test(difference: float, a: tuple[float, int], b: tuple[float, int]) -> tuple[float, float, float] | None:
    """Test a difference whose parts have a variance of their own.

    Parameters
    ----------
    difference : float
    a, b : tuple of float and int
        Variance of the estimate, and the number of independent units behind it.

    Returns
    -------
    tuple of float or None
        p, and both ends of the 95% interval; None where there is no variance.
    """
    from scipy.stats import t

    variance = a[0] + b[0]
    if variance <= 0 or min(a[1], b[1]) < 2:
        return None
    freedom = variance**2 / sum(v * v / (n - 1) for v, n in (a, b))
    error = math.sqrt(variance)
    half = float(t.ppf(0.975, freedom)) * error
    return float(2 * t.sf(abs(difference) / error, freedom)), difference - half, difference + half


def _cohens_d(a: Mean, b: Mean, difference: float) -> tuple[float, tuple[float, float]]:
    freedom = a.n + b.n - 2
    d = difference / math.sqrt(((a.n - 1) * a.variance + (b.n - 1) * b.variance) / freedom)
    half = Z95 * math.sqrt(1 / a.n + 1 / b.n + d * d / (2 * (a.n + b.n)))
    return d, (d - half, d + half)
