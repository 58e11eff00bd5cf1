"""Tests and intervals of two samples, against published examples, values worked out by hand, and SciPy."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from cartpath.paths.comparison.correction import adjust, method_for
from cartpath.paths.comparison.distributions import Distribution
from cartpath.paths.comparison.evidence import Measure
from cartpath.paths.comparison.means import Mean
from cartpath.paths.comparison.odds import OddsRatio
from cartpath.paths.comparison.rates import ClusteredRate, Rate
from cartpath.paths.comparison.survival import Survival
from cartpath.paths.counting import newcombe
from cartpath.paths.odds import odds_ratio
from cartpath.schema import CartpathError

values = st.lists(st.floats(-100, 100, width=32), min_size=3, max_size=30)


@pytest.mark.parametrize(
    ("a", "b", "ends"),
    [  # table II of Newcombe (1998), method 10
        ((56, 70), (48, 80), (0.0524, 0.3339)),
        ((9, 10), (3, 10), (0.1705, 0.8090)),
        ((6, 7), (2, 7), (0.0582, 0.8062)),
        ((5, 56), (0, 29), (-0.0381, 0.1926)),
        ((0, 10), (0, 20), (-0.1611, 0.2775)),
        ((10, 10), (0, 20), (0.6791, 1.0000)),
        ((10, 10), (0, 10), (0.6075, 1.0000)),
    ],
)
def test_newcombes_own_examples(a: tuple[int, int], b: tuple[int, int], ends: tuple[float, float]) -> None:
    assert newcombe(*b, *a) == pytest.approx(ends, abs=5e-5)
    flipped = newcombe(*a, *b)
    assert flipped == pytest.approx((-ends[1], -ends[0]), abs=5e-5)


@given(st.integers(1, 400), st.integers(1, 400), st.data())
def test_rates_equal_scipy(n_a: int, n_b: int, data: Any) -> None:
    a, b = data.draw(st.integers(0, n_a)), data.draw(st.integers(0, n_b))
    found = Rate(a, n_a).against(Rate(b, n_b))
    table = [[a, n_a - a], [b, n_b - b]]
    if a + b in (0, n_a + n_b):
        assert found.p == 1.0
    elif found.test == "Fisher exact":
        assert found.p == pytest.approx(stats.fisher_exact(table)[1])
        assert stats.contingency.expected_freq(table).min() < 5
    else:
        assert found.p == pytest.approx(stats.chi2_contingency(table, correction=False).pvalue)
    assert found.difference == pytest.approx(float(Fraction(a, n_a) - Fraction(b, n_b)))
    assert found.interval is not None
    assert found.interval[0] <= found.difference <= found.interval[1]


def test_cohens_h_and_the_ratio() -> None:
    found = Rate(50, 100).against(Rate(25, 100))
    assert found.effect == pytest.approx(math.pi / 2 - math.pi / 3)  # 2 asin sqrt(1/2) - 2 asin sqrt(1/4)
    assert found.ratio == 2
    assert Rate(1, 2).against(Rate(0, 9)).ratio is None


@given(values, values)
def test_means_equal_welch(a: list[float], b: list[float]) -> None:
    one, other = np.array(a), np.array(b)
    found = Mean.of(one).against(Mean.of(other))
    if min(one.std(), other.std()) < 1e-3:
        return
    wanted = stats.ttest_ind(one, other, equal_var=False)
    assert found.p == pytest.approx(float(wanted.pvalue), rel=1e-5, abs=1e-9)
    ends = wanted.confidence_interval(0.95)
    assert found.interval == pytest.approx((ends.low, ends.high), rel=1e-5, abs=1e-5)
    merged = Mean.of(one[:1]) + Mean.of(one[1:])
    assert merged.variance == pytest.approx(Mean.of(one).variance, rel=1e-9, abs=1e-9)


def test_means_that_cannot_be_tested() -> None:
    same = Mean.of(np.array([2.0, 2.0])).against(Mean.of(np.array([2.0, 2.0, 2.0])))
    assert (same.p, same.difference) == (1.0, 0.0)
    apart = Mean.of(np.full(9, 0.1)).against(Mean.of(np.full(9, 0.3)))
    assert (apart.p, apart.test) == (None, "none: no variance within the groups")
    alone = Mean.of(np.array([2.0])).against(Mean.of(np.array([3.0, 4.0])))
    assert alone.p is None
    assert Mean(0, 0, 0).against(Mean(0, 0, 0)).a is None


@given(st.lists(st.integers(5, 60), min_size=2, max_size=6), st.data())
def test_distributions_equal_the_g_test(a: list[int], data: Any) -> None:
    b = data.draw(st.lists(st.integers(5, 60), min_size=len(a), max_size=len(a)))
    names = [f"c{i}" for i in range(len(a))]
    found = Distribution(dict(zip(names, a, strict=True))).against(Distribution(dict(zip(names, b, strict=True))))
    table = np.array([a, b])
    if stats.contingency.expected_freq(table).min() < 5:
        return
    wanted = stats.chi2_contingency(table, correction=False, lambda_="log-likelihood")
    assert found.p == pytest.approx(float(wanted.pvalue))
    assert found.effect == pytest.approx(float(stats.contingency.association(table, method="cramer")))


def test_rare_categories_are_tested_as_one() -> None:
    a = Distribution({"x": 50, "y": 50, "r1": 1, "r2": 0, "r3": 2})
    b = Distribution({"x": 50, "y": 50, "r1": 0, "r2": 3})
    wanted = stats.chi2_contingency([[50, 50, 3], [50, 50, 3]], correction=False, lambda_="log-likelihood")
    assert a.against(b).p == pytest.approx(float(wanted.pvalue))
    assert a.against(Distribution({})).p is None
    assert Distribution({"x": 4}).against(Distribution({"x": 9})).test == "none: one category"


lives = st.lists(st.tuples(st.integers(1, 12), st.booleans()), min_size=2, max_size=30)


@given(lives, lives)
def test_survival_equals_scipys_log_rank(a: list[tuple[int, bool]], b: list[tuple[int, bool]]) -> None:
    one, other = (Survival.of(*zip(*group, strict=True)) for group in (a, b))
    found = one.against(other)
    if found.p is None:
        return
    data = [
        stats.CensoredData([t for t, seen in group if seen], right=[t for t, seen in group if not seen])
        for group in (a, b)
    ]
    assert found.p == pytest.approx(float(stats.logrank(*data).pvalue), abs=1e-9)
    assert found.effect is not None
    assert found.effect_interval is not None
    assert found.effect_interval[0] <= found.effect <= found.effect_interval[1]


def test_a_median_by_hand() -> None:
    # Left after 1: 3/4; 2 is censored; after 3: 3/4 * 1/2 = 3/8.
    curve = Survival.of([1, 2, 3, 4], [True, False, True, False])
    assert curve.median == 3
    assert Survival.of([1, 2, 3], [False, False, True]).median == 3
    assert Survival.of([1, 2], [False, False]).median is None
    assert Survival.of([], []).against(curve).p is None


def test_who_is_faster_has_a_hazard_ratio_above_one() -> None:
    fast, slow = Survival.of(range(1, 30), [True] * 29), Survival.of(range(10, 300, 10), [True] * 29)
    assert (fast.against(slow).effect or 0) > 1 > (slow.against(fast).effect or 9)


def test_clusters_of_one_are_plain_trials() -> None:
    hits = np.array([1, 0, 0, 1, 1, 0, 0, 0])
    found = ClusteredRate.of(hits, np.ones(8))
    assert found.variance == pytest.approx(Fraction(3, 8) * Fraction(5, 8) / 7)


def test_ten_sessions_of_a_user_are_no_ten_users() -> None:
    rng = np.random.default_rng(1)
    hits = rng.integers(0, 2, 60) * 10  # a user converts in every session or in none
    by_user = ClusteredRate.of(hits, np.full(60, 10))
    rate = by_user.rate or 0.0
    assert by_user.variance == pytest.approx(rate * (1 - rate) / 59)
    assert by_user.variance > 9 * rate * (1 - rate) / by_user.n
    parts = ClusteredRate.of(hits[:20], np.full(20, 10)) + ClusteredRate.of(hits[20:], np.full(40, 10))
    assert parts == by_user


def test_clustered_errors_hold_their_level() -> None:
    rng = np.random.default_rng(3)
    significant = 0
    for _ in range(400):
        groups = []
        for _ in range(2):
            sessions, inclined = rng.integers(1, 8, 150), rng.beta(1, 3, 150)
            groups.append(ClusteredRate.of(rng.binomial(sessions, inclined), sessions))
        significant += (groups[0].against(groups[1]).p or 1.0) < 0.05
    assert 8 <= significant <= 34  # 20 expected; 4 standard errors


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_corrections(p: list[float]) -> None:
    assert adjust(p, "bh") == pytest.approx(stats.false_discovery_control(p))
    holm, plain = adjust(p, "holm"), adjust(p, "none")
    assert plain.tolist() == p
    assert (holm >= adjust(p, "bh") - 1e-12).all()
    assert (holm <= np.minimum(1, np.array(p) * len(p)) + 1e-12).all()
    order = np.argsort(p, kind="stable")
    so_far = 0.0
    for rank, place in enumerate(order):
        so_far = max(so_far, min(1.0, p[place] * (len(p) - rank)))
        assert holm[place] == pytest.approx(so_far)


def test_an_unknown_correction() -> None:
    with pytest.raises(CartpathError, match="no correction 'bonferoni'"):
        method_for("bonferoni", 3)
    assert adjust([], "holm").tolist() == []


def test_support_is_the_rarer_outcome() -> None:
    assert Measure("x", "rate", Rate(3, 100), Rate(98, 100)).support == 5
    assert Measure("x", "mean", Mean(4, 1, 1), Mean(5, 1, 1)).support == 9


@given(st.lists(st.integers(0, 50), min_size=4, max_size=4))
def test_an_odds_ratio_is_that_of_drivers(cells: list[int]) -> None:
    a, b, c, d = cells
    crude = odds_ratio(*(np.array([n]) for n in (a + b, a, c + d, c)))
    assert math.exp(OddsRatio(a + b, a, c + d, c).log) == pytest.approx(crude[0, 0])
