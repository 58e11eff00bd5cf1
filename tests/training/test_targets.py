import numpy as np
import pytest

pytest.importorskip("torch")

from cartpath.features import encode, fit_encoder
from cartpath.training.targets import END, NONE, targets_before
from tests.features.logs import make_log, path_of, random_table

DAY = 1440.0


def test_targets_by_hand():
    log = make_log(
        path_of(
            [0, 1, 2, 3, 3 * DAY, 3 * DAY + 1],
            ["view", "view", "page_view", "purchase", "view", "view"],
            ["i1", "i1", None, "i2", "i3", "i1"],
        )
    )
    encoder = fit_encoder(log, 2**62)
    encoded = encode(log, encoder)
    found = targets_before(encoded, int(log.view.ts[-1]) + 1)
    name = ["", "", *encoder.events.values]
    item = ["", "", *encoder.items.values]
    assert [name[t] if t > 0 else t for t in found.next_type] == ["view", "page_view", "purchase", END, "view", NONE]
    assert [item[t] if t > 0 else t for t in found.next_item] == ["i1", NONE, "i2", NONE, "i1", NONE]
    assert [item[t] if t > 0 else t for t in found.next_different] == ["i2", "i2", NONE, "i3", "i1", NONE]


@pytest.mark.parametrize("seed", range(8))
def test_targets_do_not_see_the_cut_or_what_is_after_it(seed):
    from tests.features.test_encoder import before

    table = random_table(seed, users=30)
    import pyarrow as pa

    until = int(np.quantile(table["ts"].cast(pa.int64()).to_numpy(), 0.6))
    whole, cut = make_log(table), make_log(before(table, until))
    encoder = fit_encoder(whole, until)
    ours, theirs = (targets_before(encode(log, encoder), until) for log in (whole, cut))
    kept = whole.view.ts < until
    for field in ("next_type", "next_item", "next_different"):
        np.testing.assert_array_equal(getattr(ours, field)[kept], getattr(theirs, field))
        assert (getattr(ours, field)[~kept] == NONE).all()


def test_the_places_of_targets_are_where_they_come_from():
    log = make_log(
        path_of([0, 1, 2, 3, 3 * DAY], ["view", "view", "page_view", "view", "view"], ["i1", "i1", None, "i2", "i3"])
    )
    found = targets_before(encode(log, fit_encoder(log, 2**62)), 2**62)
    assert found.next_at.tolist() == [1, 2, 3, -1, -1]
    assert found.different_at.tolist() == [3, 3, -1, 4, -1]
