"""Kaplan-Meier curves and log-rank tests: by hand, and as lifelines has them on single durations."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartpath.paths.counting import wilson
from cartpath.paths.log_rank import log_rank, pairwise
from cartpath.paths.multiple_testing import holm
from cartpath.paths.survival import Curve, kaplan_meier
from cartpath.schema import MissingExtraError

lifelines = pytest.importorskip("lifelines")

#: duration, whether it ends in a conversion, group
people = st.lists(st.tuples(st.integers(0, 6), st.booleans(), st.integers(0, 3)), min_size=1, max_size=25)


def arrays(rows: list[tuple[int, bool, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    durations, converted, group = zip(*rows, strict=True)
    return np.array(durations, np.int64), np.array(converted, np.bool_), np.array(group, np.int32)


def test_a_curve_by_hand() -> None:
    # 6 people: one buys at once, one after 2, one leaves at 2, two buy at 3, one is followed until 5.
    curve = kaplan_meier(np.array([0, 2, 2, 3, 3, 5]), np.array([1, 1, 0, 1, 1, 0], np.bool_))
    assert curve.times.tolist() == [0, 2, 3]
    assert curve.survival == pytest.approx([5 / 6, 5 / 6 * 4 / 5, 5 / 6 * 4 / 5 * 1 / 3])
    assert curve.at(1)["converted"] == pytest.approx(1 / 6)
    assert curve.at(5) == {**curve.at(3), "at_risk": 1}
    assert [curve.at(t)["at_risk"] for t in range(6)] == [6, 5, 5, 3, 1, 1]
    assert curve.at(6) == {"converted": None, "low": None, "high": None, "at_risk": 0}
    assert curve.quantile(0.5)[0] == 3
    assert curve.quantile(0.9)[0] is None


def test_the_band_by_hand() -> None:
    curve = kaplan_meier(np.array([1, 2, 2, 3]), np.array([1, 1, 0, 0], np.bool_))
    s, variance = 2 / 4, 1 / (4 * 3) + 1 / (3 * 2)  # Greenwood
    half = 1.959963984540054 * np.sqrt(variance) / abs(np.log(s))
    assert curve.low[1] == pytest.approx(s ** np.exp(half))
    assert curve.high[1] == pytest.approx(s ** np.exp(-half))


@given(rows=people)
def test_a_curve_equals_that_of_single_durations(rows: list[tuple[int, bool, int]]) -> None:
    durations, converted, _ = arrays(rows)
    curve = kaplan_meier(durations, converted)
    plain = lifelines.KaplanMeierFitter().fit(durations, converted)
    band = plain.confidence_interval_
    for time in range(8):
        found = curve.at(time)
        if time > durations.max():
            assert found["converted"] is None
            continue
        assert found["converted"] == pytest.approx(1 - plain.predict(time), abs=1e-9)
        assert found["at_risk"] == sum(duration >= time for duration in durations)
        low, high = band[band.index <= time].iloc[-1] if len(band[band.index <= time]) else (1, 1)
        if 0 < found["converted"] < 1 - 1e-9:
            assert (found["low"], found["high"]) == pytest.approx((1 - high, 1 - low), abs=1e-9)
        elif found["converted"] == 0:
            assert (found["low"], found["high"]) == wilson(0, found["at_risk"])


@given(rows=people)
def test_a_quantile_is_the_first_time_by_which_so_many_converted(rows: list[tuple[int, bool, int]]) -> None:
    curve = kaplan_meier(*arrays(rows)[:2])
    for share in (0.25, 0.5, 0.9):
        reached = [t for t in curve.times.tolist() if curve.at(t)["converted"] >= share - 1e-9]
        assert curve.quantile(share)[0] == (reached[0] if reached else None)


@given(rows=people)
def test_a_log_rank_test_equals_that_of_single_durations(rows: list[tuple[int, bool, int]]) -> None:
    from lifelines.statistics import multivariate_logrank_test

    durations, converted, group = arrays(rows)
    found = log_rank(durations, converted, group, "abcd")
    if len(set(group.tolist())) < 2 or not converted.any():
        assert found is None
        return
    with np.errstate(divide="ignore", invalid="ignore"):
        plain = multivariate_logrank_test(durations, group, converted)
    if found is None:
        assert np.isnan(plain.p_value)
        return
    assert found.degrees == len(set(group.tolist())) - 1
    assert found.statistic == pytest.approx(plain.test_statistic, abs=1e-6)
    assert found.p_value == pytest.approx(plain.p_value, abs=1e-6)


def test_a_log_rank_test_by_hand() -> None:
    # At 1 one of a, at 2 one of b, with 2 + 2 and 1 + 2 at risk: O - E of a is 1 - 2/4 - 1/3, its variance 1/4 + 2/9.
    durations, converted = np.array([1, 3, 2, 3]), np.array([1, 0, 1, 0], np.bool_)
    found = log_rank(durations, converted, np.array([0, 0, 1, 1]), "ab")
    assert found is not None
    assert found.statistic == pytest.approx((1 / 6) ** 2 / (1 / 4 + 2 / 9))
    assert found.groups == ("a", "b")


def test_pairs_are_corrected_for_their_number() -> None:
    rng = np.random.default_rng(0)
    group = np.repeat([0, 1, 2], 60)
    durations = rng.exponential(np.array([5, 5, 20])[group]).astype(np.int64)
    found = pairwise(durations, np.ones(180, np.bool_), group, ("a", "b", "c"))
    assert {test.groups for test in found} == {("a", "b"), ("a", "c"), ("b", "c")}
    assert [test.adjusted for test in found] == holm([test.p_value for test in found])
    assert found[0].adjusted == pytest.approx(3 * found[0].p_value)
    assert found[-1].groups == ("a", "b")
    assert holm([]) == []


def test_nobody_and_nobody_converted() -> None:
    nobody = kaplan_meier(np.zeros(0, np.int64), np.zeros(0, np.bool_))
    assert (nobody.n, nobody.longest, nobody.at(0)["converted"]) == (0, 0, None)
    none = kaplan_meier(np.array([3, 5]), np.zeros(2, np.bool_))
    assert none.at(4) == {"converted": 0.0, "low": 0.0, "high": wilson(0, 1)[1], "at_risk": 1}  # type: ignore[index]
    assert none.quantile(0.5) == (None, None, None)
    assert none.few


def test_everybody_at_once() -> None:
    curve = kaplan_meier(np.zeros(3, np.int64), np.ones(3, np.bool_))
    assert curve.at(0) == {"converted": 1.0, "low": pytest.approx(wilson(3, 3)[0]), "high": 1.0, "at_risk": 3}  # type: ignore[index]
    assert curve.quantile(0.5)[0] == 0


def test_where_all_have_converted_the_band_stays_open() -> None:
    curve = kaplan_meier(np.array([1, 2, 2]), np.ones(3, np.bool_))
    assert curve.at(2) == {"converted": 1.0, "low": curve.at(1)["low"], "high": 1.0, "at_risk": 2}


def test_without_lifelines_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lifelines", None)
    with pytest.raises(MissingExtraError, match=r"cartpath\[survival\]"):
        kaplan_meier(np.array([1]), np.array([True]))


def test_a_curve_of_many_is_as_small_as_its_times() -> None:
    durations = np.arange(200_000) % 50_000
    curve = kaplan_meier(durations, durations < 100)
    assert isinstance(curve, Curve)
    assert len(curve.times) == 100
    assert curve.at(99)["converted"] == pytest.approx(400 / 200_000)
