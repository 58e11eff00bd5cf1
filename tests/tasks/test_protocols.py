"""Protocols, against splits worked out by hand and a plain loop over paths."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartpath.features import Log, log_from_table, user_of_event
from cartpath.schema import CartpathError
from cartpath.tasks import (
    NextItemSplit,
    Questions,
    TimeCuts,
    leave_one_out,
    session_last,
    session_positions,
    time_cuts,
    time_split_last,
)
from tests.features.logs import make_log, random_table

DAY = 86_400


def log_of_rows(rows: list[tuple[str, int, str, str | None]], timed: bool = True, **more: list[str]) -> Log:
    user, second, event, item = zip(*rows, strict=True)
    columns = {
        "user_id": pa.array(user),
        "ts": pa.array(second, pa.timestamp("s", tz="UTC")),
        "event": pa.array(event),
        "item_id": pa.array(item, pa.string()),
    }
    return log_from_table(pa.table({**columns, **more}), timed=timed)


def said(log: Log, asked: Questions) -> dict[str, tuple[int, str]]:
    """User to how many of its events may be seen, and the answer."""
    return {
        log.view.user_id[int(user)].as_py(): (int(end - log.view.offsets[user]), log.codes("item")[truth])
        for user, end, truth in zip(asked.user, asked.ends, asked.truth, strict=True)
    }


def known(split: NextItemSplit) -> dict[str, int]:
    """User to how many of its events may be learned from."""
    view = split.log.view
    counts = split.train_ends - view.offsets[:-1]
    return dict(zip(view.user_id.to_pylist(), counts.tolist(), strict=True))


def test_the_whole_is_all_that_came_before_the_test() -> None:
    items = {"u": "abcab", "v": "xyz", "short": "ab"}
    rows = [(user, place, "view", item) for user, path in items.items() for place, item in enumerate(path)]
    log = log_of_rows(rows)
    assert known(leave_one_out(log).whole()) == {"u": 4, "v": 2, "short": 2}
    cut = time_split_last(log, cuts=TimeCuts(1_000_000, 2_000_000))
    assert known(cut) == dict.fromkeys(items, 1)
    assert known(cut.whole()) == dict.fromkeys(items, 2)
    assert (cut.until, cut.whole().until) == (1_000_000, 2_000_000)
    part = np.array([{"u": 2, "v": 1, "short": 0}[user] for user in log.view.user_id.to_pylist()], np.int8)
    sessions = session_last(log, part=part)
    assert known(sessions) == {"u": 0, "v": 0, "short": 2}
    assert known(sessions.whole()) == {"u": 0, "v": 3, "short": 2}
    assert sessions.whole().whole_ends.tolist() == sessions.whole_ends.tolist()


def test_leave_one_out_by_hand() -> None:
    items = {"u": "abcab", "v": "xyz", "short": "ab"}
    rows = [(user, place, "view", item) for user, path in items.items() for place, item in enumerate(path)]
    split = leave_one_out(log_of_rows(rows, timed=False), filter_seen=True)
    assert said(split.log, split.valid) == {"u": (3, "a"), "v": (1, "y")}
    assert said(split.log, split.test) == {"u": (4, "b"), "v": (2, "z")}
    assert known(split) == {"u": 3, "v": 1, "short": 2}
    assert (split.left_out, split.filter_seen, split.until) == (1, True, None)
    assert set(split.test.time) == {-1}


def test_events_that_are_not_asked_for_are_history() -> None:
    rows = [("u", 0, "view", "a"), ("u", 1, "view", "b"), ("u", 2, "page_view", None), ("u", 3, "view", "c")]
    rows += [("u", 4, "click", "d"), ("u", 5, "add_to_cart", "c")]
    split = leave_one_out(log_of_rows(rows))
    assert said(split.log, split.test) == {"u": (5, "c")}  # a click is not asked for where there are views
    assert split.test.time.tolist() == [5_000_000]
    assert said(split.log, leave_one_out(split.log, events=["view"]).test) == {"u": (3, "c")}
    with pytest.raises(CartpathError, match="no event 'vew'"):
        leave_one_out(split.log, events=["vew"])
    with pytest.raises(CartpathError, match="has an item"):
        leave_one_out(split.log, events=["page_view"])


def test_products_of_one_hit_do_not_tell_each_other() -> None:
    rows = [("u", n, "view", item) for n, item in enumerate("abc")] + [("u", 9, "purchase", i) for i in "de"]
    log = log_of_rows(rows, _hit=["h0", "h1", "h2", "h9", "h9"])
    assert said(log, leave_one_out(log).test) == {"u": (3, "e")}


def test_time_split_by_hand() -> None:
    rows = [("u", 1, "view", "a"), ("u", 11, "view", "b"), ("u", 12, "view", "c"), ("u", 25, "view", "d")]
    rows += [("late", 21, "view", "a"), ("late", 22, "page_view", None), ("late", 23, "view", "e")]
    rows += [("once", 24, "view", "a"), ("early", 2, "view", "a")]
    split = time_split_last(log_of_rows(rows), cuts=TimeCuts(10_000_000, 20_000_000))
    assert said(split.log, split.valid) == {"u": (2, "c")}
    assert said(split.log, split.test) == {"u": (3, "d"), "late": (2, "e")}
    assert known(split) == {"u": 1, "late": 0, "once": 0, "early": 1}
    assert (split.until, split.left_out) == (10_000_000, 1)


def test_days_are_cut_at_midnight() -> None:
    log = log_of_rows([("u", DAY * n + 5, "view", f"i{n}") for n in range(70)])
    assert time_cuts(log.view) == TimeCuts(56 * DAY * 1_000_000, 63 * DAY * 1_000_000)
    hours = log_of_rows([("u", 3600 * n, "view", f"i{n}") for n in range(11)])
    assert time_cuts(hours.view).part_of(hours.view.ts).tolist() == [0] * 9 + [1, 2]


def test_what_has_no_times_cannot_be_cut() -> None:
    with pytest.raises(CartpathError, match="order of events alone"):
        time_split_last(log_of_rows([("u", 1, "view", "a"), ("u", 2, "view", "b")], timed=False))


def test_sessions_that_files_hold_out() -> None:
    rows = [(user, n, "view", i) for user, path in {"t": "ab", "v": "aba", "w": "abb", "x": "a"}.items()
            for n, i in enumerate(path)]  # fmt: skip
    log = log_of_rows(rows, timed=False)
    part = np.array([{"t": 0, "v": 1, "w": 2, "x": 2}[user] for user in log.view.user_id.to_pylist()], np.int8)
    last = session_last(log, part=part)
    assert (said(log, last.valid), said(log, last.test)) == ({"v": (2, "a")}, {"w": (2, "b")})
    assert known(last) == {"t": 2, "v": 0, "w": 0, "x": 0}
    assert last.left_out == 1
    every = session_positions(log, part=part)
    assert list(zip(every.test.ends - log.view.offsets[every.test.user], every.test.truth, strict=True)) == [
        (1, log.codes("item").index("b")), (2, log.codes("item").index("b"))
    ]  # fmt: skip


def test_sessions_that_time_holds_out() -> None:
    rows = [("u", DAY * n + s, "view", f"i{s}") for n in range(20) for s in range(3)]
    split = session_positions(log_of_rows(rows))
    assert len(split.valid) == len(split.test) == 2 * 2  # two days each, every item but the first of the day
    assert known(split) == {"u": 16 * 3}
    assert split.until == 16 * DAY * 1_000_000


def test_a_tenth_of_the_users_is_held_out_where_nothing_says_which() -> None:
    log = log_of_rows([(f"u{u}", n, "view", f"i{n}") for u in range(40) for n in range(3)], timed=False)
    split = session_last(log)
    assert len(split.valid) == len(split.test) == 4
    assert sum(count == 0 for count in known(split).values()) == 8


def test_too_little_to_ask_says_so() -> None:
    with pytest.raises(CartpathError, match="finds nothing to ask"):
        leave_one_out(log_of_rows([("u", 1, "view", "a"), ("u", 2, "view", "b")]))
    with pytest.raises(CartpathError, match="no event has an item"):
        leave_one_out(log_of_rows([("u", 1, "view", None)]))


def splits(log: Log) -> list[NextItemSplit]:
    found = []
    for protocol in (leave_one_out, time_split_last, session_positions, session_last):
        with suppress(CartpathError):  # a small log may have no session after a cut
            found.append(protocol(log))
    return found


def test_every_protocol_finds_questions_in_a_log_of_some_size() -> None:
    assert len(splits(make_log(random_table(1, users=150, events=25)))) == 4


@given(st.integers(0, 300))
def test_nothing_asked_is_learned(seed: int) -> None:
    log = make_log(random_table(seed, users=25, events=25))
    view, users = log.view, user_of_event(log.view)
    for split in splits(log):
        trained = set(split.train_places().tolist())
        assert trained == {p for p in range(view.n_events) if p < split.train_ends[users[p]]}
        for asked in (split.valid, split.test):
            for user, end, truth, time in zip(asked.user, asked.ends, asked.truth, asked.time, strict=True):
                assert view.offsets[user] < end < view.offsets[user + 1]
                came = [p for p in range(end, view.offsets[user + 1]) if view.item[p] == truth and view.ts[p] == time]
                assert came
                assert split.train_ends[user] <= came[0]
                assert split.until is None or split.until <= time
        if split.until is not None:
            assert (view.ts[split.train_places()] < split.until).all()


@given(st.integers(0, 200))
def test_leave_one_out_is_what_a_loop_over_paths_gives(seed: int) -> None:
    log = make_log(random_table(seed, users=10, events=15))
    split = leave_one_out(log)
    usual = {log.event_codes.get(name) for name in ("view", "add_to_cart", "purchase")}
    expected = {}
    for row, path in enumerate(log.view):
        touched = [p for p in range(path.n_events) if path.item[p] >= 0 and path.event[p] in usual]
        steps = np.cumsum(path.step)
        if len(touched) >= 3 and steps[touched[-2]] > 1:
            expected[row] = int(path.item[touched[-1]])
    assert dict(zip(split.test.user.tolist(), split.test.truth.tolist(), strict=True)) == expected
    assert split.left_out == log.view.n_users - len(expected)
