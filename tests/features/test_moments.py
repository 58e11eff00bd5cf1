import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartpath.features import by_session, moments
from tests.features.logs import make_log, random_table


def slow_moments(log):
    view, rows = log.view, []
    for user in range(view.n_users):
        seen: dict[int, dict] = {}
        previous = None
        for at in range(view.offsets[user], view.offsets[user + 1]):
            session = int(view.session[at])
            state = seen.setdefault(session, {"place": 0, "first": int(view.ts[at])})
            start = state["place"] == 0
            state["place"] += int(view.step[at])
            gap = -1.0 if previous is None else (view.ts[at] - previous) / 1e6
            previous = view.ts[at]
            rows.append((user, gap, state["place"], (view.ts[at] - state["first"]) / 1e6, start))
    return rows


@given(st.integers(0, 10_000))
def test_moments_agree_with_a_loop(seed):
    log = make_log(random_table(seed, users=4))
    found = moments(log.view)
    ours = list(zip(found.user, found.gap, found.place, found.since, found.is_start, strict=True))
    assert [tuple(map(float, row)) for row in ours] == [tuple(map(float, row)) for row in slow_moments(log)]


def test_visits_number_the_sessions_of_a_user():
    log = make_log(random_table(3))
    found, view = moments(log.view), log.view
    for user in range(view.n_users):
        first = int(np.searchsorted(view.sessions.user, user))
        at = np.arange(view.offsets[user], view.offsets[user + 1])
        assert (found.visit[at] == view.session[at] - first + 1).all()


@pytest.mark.parametrize("seed", range(5))
def test_session_order_groups_each_session_in_path_order(seed):
    view = make_log(random_table(seed)).view
    order, starts = by_session(view)
    for session in range(len(view.sessions)):
        assert order[starts[session] : starts[session + 1]].tolist() == np.flatnonzero(view.session == session).tolist()
