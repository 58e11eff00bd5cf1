import numpy as np
import pytest

from cartpath.features import encode, fit_encoder, session_features
from tests.features.logs import make_log, random_table


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
