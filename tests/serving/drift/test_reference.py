"""The index by hand, and the bins of references."""

from __future__ import annotations

from fractions import Fraction
from math import inf, log, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartpath.serving.drift import Reference, psi

counts = st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), min_size=1, max_size=12)


def test_the_index_by_hand() -> None:
    # With the halves: shares 20/40, 20/40 against 10/40, 30/40.
    assert psi([19.5, 19.5], [9.5, 29.5]) == pytest.approx(
        float(Fraction(1, 4)) * log(3 / 2) - float(Fraction(1, 4)) * log(1 / 2)
    )
    # 7/10, 2/10, 1/10 against 4/10, 5/10, 1/10
    expected = (0.4 - 0.7) * log(4 / 7) + (0.5 - 0.2) * log(5 / 2)
    assert psi([6.5, 1.5, 0.5], [3.5, 4.5, 0.5]) == pytest.approx(expected)


def test_an_empty_bin_is_no_infinity() -> None:
    # 1/2 of 101 against 100.5 of 101, both ways
    assert psi([100, 0], [0, 100]) == pytest.approx(2 * (100 / 101) * log(201))


@given(counts)
def test_it_is_zero_for_the_same_shape_symmetric_and_never_negative(pairs: list[tuple[int, int]]) -> None:
    expected, actual = zip(*pairs, strict=True)
    assert psi(expected, expected) == 0
    assert psi(expected, actual) == pytest.approx(psi(actual, expected))
    assert psi(expected, actual) >= -1e-15


@given(counts)
def test_the_twin_in_plain_python_agrees(pairs: list[tuple[int, int]]) -> None:
    e = [Fraction(2 * one + 1, 2) / (sum(p[0] for p in pairs) + Fraction(len(pairs), 2)) for one, _ in pairs]
    a = [Fraction(2 * one + 1, 2) / (sum(p[1] for p in pairs) + Fraction(len(pairs), 2)) for _, one in pairs]
    expected = sum(float(y - x) * log(y / x) for x, y in zip(e, a, strict=True))
    assert psi(*zip(*pairs, strict=True)) == pytest.approx(expected, abs=1e-12)


def test_without_a_change_it_is_about_what_chance_makes_it() -> None:
    rng = np.random.default_rng(0)
    shares = np.full(10, 0.1)
    n, m = 2_000, 1_000
    found = [psi(rng.multinomial(n, shares), rng.multinomial(m, shares)) for _ in range(400)]
    assert np.mean(found) == pytest.approx(9 * (1 / n + 1 / m), rel=0.1)


def test_numbers_are_cut_at_their_quantiles() -> None:
    found = Reference.of_values([*range(1, 101), nan, nan])
    assert found.edges is not None
    assert found.edges == pytest.approx([10.9, 20.8, 30.7, 40.6, 50.5, 60.4, 70.3, 80.2, 90.1])
    assert found.counts.tolist() == [10] * 10 + [2]
    assert found.bin([10.9, 10.90001, -inf, inf, nan]).tolist() == [2, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1]


def test_equal_numbers_make_fewer_bins() -> None:
    found = Reference.of_values([5.0] * 90 + [7.0] * 10)
    assert found.edges is not None
    assert found.edges.tolist() == pytest.approx([5.0, 5.2])
    assert found.counts.tolist() == [90, 0, 10, 0]
    assert found.bin([5.0, 5.1, 6.0]).tolist() == [1, 1, 1, 0]


def test_nothing_known_has_one_bin_and_that_of_the_missing() -> None:
    found = Reference.of_values([nan, nan])
    assert found.counts.tolist() == [0, 2]
    assert found.bin([1.0, nan]).tolist() == [1, 1]
    assert Reference.of_values([]).counts.tolist() == [0, 0]


def test_names_beyond_the_most_frequent_are_others() -> None:
    found = Reference.of_names({"c": 1, "b": 5, "a": 5, None: 2, "d": 9}, most=3)
    assert found.names == ("d", "a", "b")
    assert found.counts.tolist() == [9, 5, 5, 1, 2]
    assert found.bin({"d": 1, "new": 4, "c": 1, None: 7}).tolist() == [1, 0, 0, 5, 7]


@given(st.lists(st.one_of(st.floats(allow_nan=True, allow_infinity=False, width=32), st.just(3.0)), max_size=60))
def test_every_value_is_in_one_bin(values: list[float]) -> None:
    found = Reference.of_values(values)
    assert found.counts.sum() == len(values)
    assert found.edges is not None
    assert len(found.counts) == len(found.edges) + 2
    for value, place in [(v, int(np.argmax(found.bin([v])))) for v in values]:
        if np.isnan(value):
            assert place == len(found.edges) + 1
        else:
            assert place == sum(edge < value for edge in found.edges)
