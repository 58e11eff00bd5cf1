import numpy as np
import pyarrow as pa
import pytest

from cartpath.features import encode, fit_encoder, gather, session_features
from tests.features.logs import make_log, path_of, random_table


def asked(log, seed):
    """Some moments: a session, and a place after one of its events."""
    at = np.random.default_rng(seed).integers(0, log.view.n_events, 40)
    return log.view.session[at].astype(np.int64), at + 1


@pytest.mark.parametrize("seed", range(6))
def test_counts_agree_with_a_loop(seed):
    log = make_log(random_table(seed, users=10))
    encoder = fit_encoder(log, 2**62)
    sessions, ends = asked(log, seed)
    table = session_features(encode(log, encoder), encoder, sessions, ends)
    view, codes = log.view, log.event_codes
    for row, (session, end) in enumerate(zip(sessions, ends, strict=True)):
        start = view.offsets[view.sessions.user[session]]
        before = np.arange(start, end)
        mine = before[view.session[before] == session]
        other = before[view.session[before] != session]
        got = dict(zip(table.names, table.values[row], strict=True))
        for name in encoder.events.values:
            assert got[f"n_{name}"] == (view.event[mine] == codes[name]).sum()
            assert got[f"before_{name}"] == (view.event[other] == codes[name]).sum()
        assert got["events"] == len(mine)
        assert got["items"] == len(set(view.item[mine].tolist()) - {-1})
        assert got["pages"] == len(set(view.page[mine].tolist()) - {-1})
        assert got["since_start"] == pytest.approx((view.ts[mine[-1]] - view.ts[mine[0]]) / 1e6)
        prices = view.price[mine]
        assert (
            got["mean_price"] == pytest.approx(np.nanmean(prices), nan_ok=True) if (~np.isnan(prices)).any() else True
        )


@pytest.mark.parametrize("seed", range(6))
def test_later_events_change_nothing(seed):
    table = random_table(seed, users=10)
    log = make_log(table)
    encoder = fit_encoder(log, 2**62)
    sessions, ends = asked(log, seed)
    whole = session_features(encode(log, encoder), encoder, sessions, ends).values
    for row in range(10):
        user = int(log.view.sessions.user[sessions[row]])
        path = log.view.user(user)
        from tests.models.cut import cut_path

        short = cut_path(log, path, int(ends[row] - log.view.offsets[user]))
        session = np.array([short.view.session[-1]], np.int64)
        alone = session_features(encode(short, encoder), encoder, session, np.array([short.view.n_events])).values
        np.testing.assert_array_equal(alone[0], whole[row])


def test_anothers_huge_price_does_not_swallow_the_digits_of_mine():
    def mean_price(other):
        mine = path_of([0.0, 1.0], ["view", "view"], ["i1", "i2"], user="mine")
        theirs = path_of([0.0, 1.0], ["view", "view"], ["i1", "i2"], user="theirs")
        table = pa.concat_tables([theirs, mine]).append_column("price", pa.array([other, other, 9.0, 9.88]))
        log = make_log(table)
        encoder = fit_encoder(log, 2**62)
        row = log.view.user_id.to_pylist().index("mine")
        end = log.view.offsets[row + 1 : row + 2]
        found = session_features(encode(log, encoder), encoder, log.view.session[end - 1].astype(np.int64), end)
        return dict(zip(found.names, found.values[0], strict=True))["mean_price"]

    assert mean_price(1e14) == mean_price(1.0) == np.float32(9.44)


def test_a_sessions_context_is_not_known_before_the_event_that_carries_it():
    table = path_of([0.0, 1.0, 2.0], ["view"] * 3, ["i1", "i2", "i3"])
    log = make_log(table.append_column("device", pa.array([None, "phone", "phone"], pa.string())))
    encoder = fit_encoder(log, 2**62)
    encoded = encode(log, encoder)
    found = session_features(encoded, encoder, np.zeros(3, np.int64), np.arange(1, 4))
    device = found.values[:, found.names.index("device")]
    assert device[0] == 0
    assert device[1] == device[2] > 0
    batch = gather(encoded, np.array([0]), np.array([3]))
    at = len(encoder.event_fields) + encoder.session_fields.index("device")
    assert (batch.ids[0, :, at] > 0).tolist() == [False, True, True]
