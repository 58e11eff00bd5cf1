"""Tables of observed values and what is computed from them: as NumPy has it of the values written out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartpath.config import OutlierSettings
from cartpath.ingest.cleaning import statistics as s
from cartpath.ingest.cleaning.bounds import Bounds, fit_bounds
from cartpath.ingest.cleaning.fill import fit_fill
from cartpath.ingest.cleaning.kernels import draws
from cartpath.ingest.cleaning.observed import LEVELS, Observed, merge_observed, observe

VALUES = st.one_of(st.sampled_from([0.0, -0.0, 1.0, 2.5, -3.0]), st.floats(-1e6, 1e6, allow_subnormal=False))
PAIRS = st.lists(st.tuples(st.integers(-1, 3), VALUES), min_size=1, max_size=30)


def table(pairs: list[tuple[int, float]], limit: int = 10**6) -> Observed:
    item, value = np.array(pairs).T
    return observe(item.astype(np.int32), value, limit=limit)


def same(a: Observed, b: Observed) -> bool:
    return a.level == b.level and all(np.array_equal(getattr(a, n), getattr(b, n)) for n in ("item", "value", "count"))


@given(PAIRS)
def test_values_are_counted_by_item(pairs: list[tuple[int, float]]) -> None:
    found = table(pairs)
    counted: dict[tuple[int, float], int] = {}
    for item, value in pairs:
        counted[item, value + 0.0] = counted.get((item, value + 0.0), 0) + 1
    told = zip(found.item.tolist(), found.value.tolist(), found.count.tolist(), strict=True)
    assert [(i, v, n) for i, v, n in told] == [(i, v, n) for (i, v), n in sorted(counted.items())]


@given(st.lists(PAIRS, min_size=1, max_size=5), st.integers(1, 30), st.randoms())
def test_it_is_the_same_in_whatever_order_and_pieces_it_is_merged(
    parts: list[list[tuple[int, float]]], limit: int, random: object
) -> None:
    whole = table([pair for part in parts for pair in part], limit)
    tables = [table(part, limit) for part in parts]
    assert same(merge_observed(tables, limit), whole)
    random.shuffle(tables)  # type: ignore[attr-defined]
    one = tables[0]
    for other in tables[1:]:
        one = merge_observed([one, other], limit)
    assert same(merge_observed([one], limit), whole)
    assert whole.total == sum(map(len, parts))
    assert len(whole.value) <= limit or whole.level == len(LEVELS) - 1


def test_rounding_begins_where_there_are_too_many_and_is_as_small_as_stated() -> None:
    values = np.linspace(1, 2, 5000)
    item = np.zeros(5000, np.int32)
    exact, rough = observe(item, values, limit=5000), observe(item, values, limit=4999)
    assert (exact.level, rough.level) == (0, 1)
    near = rough.value[np.searchsorted(rough.value, values).clip(0, len(rough.value) - 1)]
    assert np.abs(np.repeat(rough.value, rough.count) / values - 1).max() <= 2**-13 + 1e-12
    assert len(near) == 5000


@given(st.lists(st.tuples(VALUES, st.integers(1, 5)), min_size=1, max_size=20), st.floats(0, 1))
def test_statistics_are_those_of_the_values_written_out(pairs: list[tuple[float, int]], at: float) -> None:
    value, count = np.array([v for v, _ in pairs]), np.array([n for _, n in pairs])
    out = np.repeat(value, count)
    assert s.quantile(value, count, at) == pytest.approx(np.quantile(out, at), rel=1e-9, abs=1e-6)
    assert s.median(value, count) == pytest.approx(np.median(out), rel=1e-12, abs=1e-12)
    assert s.mean(value, count) == pytest.approx(out.mean(), rel=1e-9, abs=1e-6)
    assert s.deviation(value, count) == pytest.approx(out.std(), rel=1e-6, abs=1e-6)
    away = np.abs(out - np.median(out))
    expected = 1.4826 * np.median(away) or 1.2533 * away.mean()
    assert s.robust_deviation(value, count) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@given(PAIRS)
def test_statistics_of_groups(pairs: list[tuple[int, float]]) -> None:
    found = table(pairs)
    codes, begin = s.spans(found.item)
    own = {code: [v for i, v in pairs if i == code] for code in codes.tolist()}
    medians, means = (f(found.value, found.count, begin) for f in (s.group_medians, s.group_means))
    assert medians.tolist() == [pytest.approx(np.median(v)) for v in own.values()]
    assert means.tolist() == [pytest.approx(np.mean(v), rel=1e-9, abs=1e-6) for v in own.values()]


def test_bounds_by_hand() -> None:
    # Median 3, MAD 1, so a spread of 1.4826; 50 is far out, and does not move them.
    values = observe(None, np.array([1.0, 2, 3, 4, 50]))
    found = fit_bounds(values, OutlierSettings(scale="linear", limit=2), 0.1)
    assert found == Bounds("linear", 3 - 2 * 1.4826, 3 + 2 * 1.4826, {}, 0.0, 0.0)
    assert found.outside(np.full(3, -1), np.array([50.0, 4, np.nan])).tolist() == [True, False, False]
    assert found.clipped(np.full(2, -1), np.array([50.0, 4])).tolist() == [3 + 2 * 1.4826, 4]
    # Quartiles 2 and 4.
    tukey = fit_bounds(values, OutlierSettings("iqr", 1.5, scale="linear"), 0.1)
    assert tukey is not None
    assert (tukey.low, tukey.high) == (2 - 3, 4 + 3)
    # Mean 12, deviation sqrt((121 + 100 + 81 + 64 + 1444) / 5).
    zscore = fit_bounds(values, OutlierSettings("zscore", 1, scale="linear"), 0.1)
    assert zscore is not None
    assert (zscore.low, zscore.high) == pytest.approx((12 - 362**0.5, 12 + 362**0.5))


def test_an_item_is_compared_with_itself_where_it_has_enough() -> None:
    item = np.repeat([0, 1, 2], [6, 6, 4])
    value = np.array([1.0] * 5 + [9.0] + [100.0] * 5 + [900.0] + [100.0] * 4)
    found = fit_bounds(observe(item, value), OutlierSettings(), 0.25)
    assert found is not None
    assert list(found.centre) == [0, 1]  # the third has four values only
    assert [np.exp(c) for c in found.centre.values()] == pytest.approx([1, 100])
    at = np.array([0, 0, 1, 1, 2])
    assert found.outside(at, np.array([100.0, 1.1, 1.0, 90.0, 100.0])).tolist() == [True, False, True, False, False]


def test_a_log_scale_judges_the_size_and_never_zero() -> None:
    found = fit_bounds(observe(None, np.array([1.0, 2, 2, 2, 3])), OutlierSettings(), 0.25)
    assert found is not None
    none = np.full(4, -1)
    assert found.outside(none, np.array([-2.0, 0.0, -900.0, 1e-9])).tolist() == [False, False, True, True]
    clipped = found.clipped(none, np.array([-2.0, 0.0, -900.0, 1e-9]))
    assert clipped.tolist() == pytest.approx([-2, 0, -found.range[1], found.range[0]])


def test_too_few_values_have_no_bounds() -> None:
    assert fit_bounds(observe(None, np.array([1.0, 2, 3, 4])), OutlierSettings(), 0.1) is None
    assert fit_bounds(observe(None, np.zeros(9)), OutlierSettings(), 0.1) is None  # on a log scale 0 is none


def test_draws_are_even_and_of_the_seed_and_the_row_alone() -> None:
    rows = np.arange(20_000, dtype=np.int64) * 7919
    one, two = draws(rows, np.uint64(1)), draws(rows, np.uint64(2))
    assert draws(rows[5:9], np.uint64(1)).tolist() == one[5:9].tolist()
    assert abs(np.corrcoef(one, two)[0, 1]) < 0.03
    assert np.abs(np.histogram(one, 10, (0, 1))[0] - 2000).max() < 200


def test_what_is_drawn_is_spread_as_what_was_observed() -> None:
    values = np.repeat([1.0, 5.0, 9.0], [700, 200, 100])
    fill = fit_fill(observe(None, values), "random", True, False)
    assert fill is not None
    drawn = fill.of(np.full(10_000, -1), draws(np.arange(10_000), np.uint64(3)))
    share = {v: float((drawn == v).mean()) for v in (1.0, 5.0, 9.0)}
    assert share == {
        1.0: pytest.approx(0.7, abs=0.02),
        5.0: pytest.approx(0.2, abs=0.02),
        9.0: pytest.approx(0.1, abs=0.02),
    }
    of_item = fit_fill(observe(np.zeros(1000, np.int32), values), "random", True, False)
    assert of_item is not None
    assert sorted(set(of_item.of(np.zeros(500, np.int32), np.linspace(0, 0.999, 500)).tolist())) == [1.0, 5.0, 9.0]
    assert fit_fill(observe(None, np.zeros(0)), "mean", True, False) is None


def test_a_plan_fitted_on_rounded_values_is_close() -> None:
    rng = np.random.default_rng(0)
    value = np.exp(rng.normal(3, 1, 4000))
    exact = fit_bounds(observe(None, value), OutlierSettings(), 0.25)
    assert exact is not None
    for level, error in ((1, 1e-3), (2, 2e-2)):
        rough = fit_bounds(observe(None, value, level=level), OutlierSettings(), 0.25)
        assert rough is not None
        assert (rough.low, rough.high) == pytest.approx((exact.low, exact.high), abs=error)
        assert (rough.low, rough.high) != (exact.low, exact.high)
