import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartpath.features.order import order_statistics, quantiles


@given(
    st.lists(st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3), max_size=6), min_size=1, max_size=5),
    st.data(),
)
def test_any_place_of_the_sorted_whole(pieces, data):
    arrays = [np.array(piece, np.int64) for piece in pieces]
    whole = np.sort(np.concatenate(arrays))
    if not len(whole):
        return
    places = data.draw(st.lists(st.integers(0, len(whole) - 1), min_size=1, max_size=5))
    np.testing.assert_array_equal(order_statistics(lambda: iter(arrays), places), whole[places])


@pytest.mark.parametrize("seed", range(5))
def test_quantiles_are_numpys_to_the_bit(seed):
    rng = np.random.default_rng(seed)
    values = np.round(rng.lognormal(3, 2, int(rng.integers(1, 400))), int(rng.integers(0, 6))) - 5
    values[rng.random(len(values)) < 0.2] = np.nan
    values[0] = 1.25
    shares = np.linspace(0, 1, 21)
    pieces = np.array_split(values, 3)
    np.testing.assert_array_equal(
        quantiles(lambda: iter(pieces), shares), np.quantile(values[~np.isnan(values)], shares)
    )


def test_no_values_no_quantiles():
    assert quantiles(lambda: [np.array([np.nan, np.inf])], np.array([0.5])).tolist() == []
