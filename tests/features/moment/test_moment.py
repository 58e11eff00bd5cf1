"""Features of a moment: beside a twin in plain Python, on live paths, and without a look ahead."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartpath.features import Log, encode, fit_encoder, log_from_table
from cartpath.features.moment import blocks, columns, session_features
from cartpath.schema import CartpathError
from cartpath.training.leak import changed_after
from tests.features.logs import random_table
from tests.features.moment.logs import rich_log
from tests.features.moment.twin import Moment
from tests.models.cut import cut_path


def asked(log: Log, seed: int, n: int = 20) -> tuple[Any, Any]:
    """Some moments: a session, and a place somewhere after its first event, not always right after one of its own."""
    rng, view = np.random.default_rng(seed), log.view
    at = rng.integers(0, view.n_events, n)
    session = view.session[at].astype(np.int64)
    limit = view.offsets[view.sessions.user[session] + 1]
    return session, np.minimum(at + 1 + rng.integers(0, 3, n) * (rng.random(n) < 0.3), limit)


def rows_of(log: Log, encoder: Any, sessions: Any, ends: Any, zone: str = "UTC") -> Any:
    return session_features(encode(log, encoder), encoder, sessions, ends, zone)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 100_000), st.sampled_from(["UTC", "America/New_York", "Asia/Kolkata"]))
def test_every_column_agrees_with_plain_python(seed: int, zone: str) -> None:
    log = rich_log(seed)
    encoder = fit_encoder(log, int(np.quantile(log.view.ts, 0.8)))
    sessions, ends = asked(log, seed)
    table = rows_of(log, encoder, sessions, ends, zone)
    for values, session, end in zip(table.values, sessions, ends, strict=True):
        expected = Moment(log, encoder, int(session), int(end), zone).all()
        assert set(expected) == set(table.names)
        wanted = [float(expected[name]) for name in table.names]
        close = np.isclose(values, wanted, rtol=1e-5, atol=1e-4, equal_nan=True)
        assert close.all(), [
            (n, v, w) for n, v, w, ok in zip(table.names, values, wanted, close, strict=True) if not ok
        ]


@pytest.mark.parametrize("seed", range(5))
def test_a_live_path_alone_gives_the_same_row_to_the_bit(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    log = rich_log(seed, users=12)
    encoder = fit_encoder(log, 2**62)
    sessions, ends = asked(log, seed)
    monkeypatch.setattr(blocks, "_EVENTS", [1, 60, 10**6][seed % 3])
    whole = rows_of(log, encoder, sessions, ends).values
    for row, (session, end) in enumerate(zip(sessions, ends, strict=True)):
        user = int(log.view.sessions.user[session])
        alone = cut_path(log, log.view.user(user), int(end - log.view.offsets[user]))
        number = session - np.searchsorted(log.view.sessions.user, user)
        found = rows_of(alone, encoder, np.array([number]), np.array([alone.view.n_events])).values
        np.testing.assert_array_equal(found[0], whole[row])


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 100_000))
def test_what_comes_from_a_place_on_changes_nothing(seed: int) -> None:
    log = rich_log(seed)
    encoder = fit_encoder(log, 2**62)
    view = log.view
    lengths = np.diff(view.offsets)
    ends = view.offsets[:-1] + np.random.default_rng(seed).integers(1, lengths + 1)
    sessions = view.session[ends - 1].astype(np.int64)
    before, after = (rows_of(one, encoder, sessions, ends).values for one in (log, changed_after(log, ends, seed)))
    np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("seed", range(3))
def test_every_column_is_documented_and_depends_on_the_encoder_alone(seed: int) -> None:
    log, other = rich_log(seed), rich_log(seed + 50, users=2, events=4)
    encoder = fit_encoder(log, 2**62)
    table = rows_of(log, encoder, *asked(log, seed))
    described = columns(encoder)
    assert [column.name for column in described] == table.names
    assert len(set(table.names)) == len(table.names) >= 200
    assert all(column.unit and len(column.about) > 10 for column in described)
    assert [column.name for column in described if column.unit == "id"] == table.categorical
    assert rows_of(other, encoder, *asked(other, seed)).names == table.names
    none = np.zeros(0, np.int64)
    assert rows_of(log, encoder, none, none).values.shape == (0, len(table.names))


def test_where_times_are_not_known_no_column_tells_of_them() -> None:
    table = random_table(1)
    timed, untimed = (log_from_table(table, timed=flag) for flag in (True, False))
    names = [{column.name for column in columns(fit_encoder(log, 2**62))} for log in (timed, untimed)]
    gone = names[0] - names[1]
    assert names[1] < names[0]
    assert {"since_start", "gap_0", "hour_sin", "days_away", "events_7d", "pace", "weekend", "gap_trend"} <= gone
    assert {"events", "n_view", "items", "cart_value", "event_0", "sessions_before"} <= names[1]


def test_a_place_outside_of_the_session_is_refused() -> None:
    log = rich_log(3)
    encoder = fit_encoder(log, 2**62)
    begins = int(log.view.offsets[1])
    with pytest.raises(CartpathError, match="not after the first event"):
        rows_of(log, encoder, log.view.session[[begins]].astype(np.int64), np.array([begins]))
    with pytest.raises(CartpathError, match="first event on"):
        rows_of(log, encoder, np.array([0]), np.array([begins + 1]))


def test_one_users_path_does_not_depend_on_which_others_are_asked_about() -> None:
    log = rich_log(11, users=20)
    encoder, encoded = fit_encoder(log, 2**62), None
    sessions, ends = asked(log, 11)
    encoded = encode(log, encoder)
    whole = session_features(encoded, encoder, sessions, ends).values
    some = np.random.default_rng(0).permutation(len(ends))[:7]
    np.testing.assert_array_equal(session_features(encoded, encoder, sessions[some], ends[some]).values, whole[some])


def test_a_huge_worth_of_another_does_not_swallow_the_digits_of_mine() -> None:
    log = rich_log(5, users=6)
    encoder = fit_encoder(log, 2**62)
    sessions, ends = asked(log, 5)
    view = log.view
    huge = np.where(np.arange(view.n_events) < view.offsets[1], 1e15, view.price)
    mine = np.flatnonzero(sessions >= np.searchsorted(view.sessions.user, 1))
    other = replace(log, view=replace(view, price=huge))
    before, after = (rows_of(one, encoder, sessions[mine], ends[mine]).values for one in (log, other))
    np.testing.assert_array_equal(before, after)
