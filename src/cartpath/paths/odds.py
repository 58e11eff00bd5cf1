"""Odds ratios of two-by-two tables, one by one and over strata, and their tests.

Each function takes many tables at once, as four arrays: units ``with`` the thing and how many of them converted, units
``without`` it and how many of those did.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from cartpath.schema import Z95

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

#: Below this expected count in some cell a test is exact.
_EXACT_BELOW = 10.0
#: Probabilities that are equal but for rounding.
_SAME = 1 + 1e-7


def odds_ratio(with_: Counts, with_converted: Counts, without: Counts, without_converted: Counts) -> Floats:
    """Return odds ratios and their 95% intervals (n, 3): estimate, lower and upper end.

    Where a cell is empty, a half is added to each of the four.

    Notes
    -----
    J. B. S. Haldane, The estimation and significance of the logarithm of a ratio of frequencies, Annals of Human
    Genetics 20 (1956); F. J. Anscombe, On estimating binomial response relations, Biometrika 43 (1956); B. Woolf, On
    estimating the relation between blood group and disease, Annals of Human Genetics 19 (1955).

    Examples
    --------
    20 of 100 with it converted, 10 of 100 without: (20 * 90) / (80 * 10) = 9/4.

    >>> odds_ratio(*(np.array([n]) for n in (100, 20, 100, 10))).round(4).tolist()
    [[2.25, 0.9943, 5.0915]]
    """
    cells = np.stack([with_converted, with_ - with_converted, without_converted, without - without_converted]) * 1.0
    cells += np.where((cells == 0).any(axis=0), 0.5, 0.0)
    log = np.log(cells[0]) - np.log(cells[1]) - np.log(cells[2]) + np.log(cells[3])
    half = Z95 * np.sqrt((1 / cells).sum(axis=0))
    found: Floats = np.exp(np.stack([log, log - half, log + half], axis=-1))
    return found


def mantel_haenszel(with_: Counts, with_converted: Counts, without: Counts, without_converted: Counts) -> Floats:
    """Return odds ratios within strata, pooled (n, 4): estimate, lower and upper end, p-value.

    Parameters
    ----------
    with_, with_converted, without, without_converted : int64 arrays (n, n_strata)

    Returns
    -------
    float64 array (n, 4)
        NaN where no stratum says anything: none has all four margins.

    Notes
    -----
    N. Mantel and W. Haenszel, Statistical aspects of the analysis of data from retrospective studies of disease, JNCI
    22 (1959), the test without correction for continuity; interval by J. Robins, N. Breslow and S. Greenland,
    Estimators of the Mantel-Haenszel variance consistent in both sparse data and large-strata limiting models,
    Biometrics 42 (1986).

    Examples
    --------
    In the first stratum one in ten converts, in the second one in two, with it or without. So the odds ratio within
    strata is 1, while that of both together, (46 * 86) / (54 * 14), is 5.2: the second stratum has more of both.

    >>> table = [[[10, 90]], [[1, 45]], [[90, 10]], [[9, 5]]]
    >>> mantel_haenszel(*(np.array(part) for part in table)).round(4).tolist()
    [[1.0, 0.3261, 3.0662, 1.0]]
    """
    a, b = with_converted * 1.0, (with_ - with_converted) * 1.0
    c, d = without_converted * 1.0, (without - without_converted) * 1.0
    n = np.maximum(a + b + c + d, 1)
    says = ((a + b) * (c + d) * (a + c) * (b + d) > 0).astype(float)
    r, s, p, q = a * d / n * says, b * c / n * says, (a + d) / n, (b + c) / n
    sum_r, sum_s = r.sum(axis=-1), s.sum(axis=-1)
    spread = ((a + b) * (c + d) * (a + c) * (b + d) / (n * n * np.maximum(n - 1, 1)) * says).sum(axis=-1)
    more = ((a - (a + b) * (a + c) / n) * says).sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        log = np.log(sum_r / sum_s)
        variance = (
            (p * r).sum(axis=-1) / (2 * sum_r**2)
            + (p * s + q * r).sum(axis=-1) / (2 * sum_r * sum_s)
            + (q * s).sum(axis=-1) / (2 * sum_s**2)
        )
        ends = [np.exp(log + sign * Z95 * np.sqrt(variance)) for sign in (0, -1, 1)]
        chance = _upper_chi2(np.where(spread > 0, more * more / spread, np.nan))
    known = (sum_r > 0) & (sum_s > 0)
    return np.stack([*(np.where(known, end, np.nan) for end in ends), chance], axis=-1)


def p_values(with_: Counts, with_converted: Counts, without: Counts, without_converted: Counts) -> Floats:
    """Return two-sided p-values of no association (n,).

    Pearson's chi-squared; where a cell is expected to hold fewer than ten, Fisher's exact test with the mid-p rule:
    the probability of all tables less likely than the one seen, and half of that of those as likely.

    Notes
    -----
    H. O. Lancaster, Significance tests in discrete distributions, JASA 56 (1961).

    Examples
    --------
    The lady tasting tea, who names all eight cups: 1/70 twice over, each counted half.

    >>> p_values(*(np.array([n]) for n in (4, 4, 4, 0))).round(6).tolist(), round(1 / 70, 6)
    ([0.014286], 0.014286)
    """
    n, hits = with_ + without, with_converted + without_converted
    share = hits / np.maximum(n, 1)
    expected = np.stack([with_ * share, with_ * (1 - share), without * share, without * (1 - share)])
    with np.errstate(divide="ignore", invalid="ignore"):
        found = _upper_chi2((with_converted - expected[0]) ** 2 * (1 / expected).sum(axis=0))
    for row in np.flatnonzero(expected.min(axis=0) < _EXACT_BELOW).tolist():
        found[row] = _mid_p(int(with_[row]), int(without[row]), int(hits[row]), int(with_converted[row]))
    return found


def _mid_p(with_: int, without: int, hits: int, seen: int) -> float:
    from scipy.special import gammaln

    low, high = max(0, hits - without), min(with_, hits)
    x = np.arange(low, high + 1)

    def log_choose(n: int, k: npt.NDArray[np.int64]) -> Floats:
        chosen: Floats = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
        return chosen

    log = log_choose(with_, x) + log_choose(without, hits - x)
    chance = np.exp(log - log.max())
    chance /= chance.sum()
    own = chance[seen - low]
    less, same = chance * _SAME < own, (chance <= own * _SAME) & (chance * _SAME >= own)
    return float(min(1.0, chance[less].sum() + chance[same].sum() / 2))


def _upper_chi2(value: Floats) -> Floats:
    """Return the probability that chi-squared with one degree of freedom exceeds a value; NaN stays NaN."""
    roots = np.sqrt(np.asarray(value) / 2)
    return np.array([math.erfc(root) if root == root else math.nan for root in roots.tolist()])
