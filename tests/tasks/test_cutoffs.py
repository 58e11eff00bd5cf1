from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartpath.features import log_from_table
from cartpath.schema import CartpathError
from cartpath.tasks import SLICES, TimeSplit, asked_users, cutoffs, cutoffs_of
from tests.features.logs import START
from tests.tasks.buying import BEGIN, DAY, HOUR, Line, between, cuts_at, lines_of, log_of_lines, named, users_of


def days_of(found, name):
    return [(at - BEGIN) / DAY for at in found.of(name).tolist()]


def split_at(*days):
    return TimeSplit(tuple(BEGIN + day * DAY for day in days))


def test_answers_go_back_from_each_slice_s_end():
    found = cutoffs(split_at(10, 14, 18), "3d", BEGIN, BEGIN + 25 * DAY - 1)
    assert [days_of(found, name) for name in SLICES] == [[1, 4, 7], [11], [15], [19, 22]]
    assert (found.horizon, len(found)) == (3 * DAY, 7)
    assert found.at.tolist() == sorted(found.at.tolist())
    assert found.slice.tolist() == [0, 0, 0, 1, 2, 3, 3]


def test_a_cutoff_may_lie_on_the_slice_s_begin():
    found = cutoffs(split_at(10, 13, 19), "3d", BEGIN, BEGIN + 22 * DAY - 1)
    assert [days_of(found, name) for name in SLICES[1:]] == [[10], [13, 16], [19]]


def test_no_cutoff_is_at_the_first_event():
    # At day 0 nobody is known: a day of training is one cut-off less than its length allows.
    found = cutoffs(split_at(3, 4, 5), "1d", BEGIN, BEGIN + 6 * DAY - 1)
    assert days_of(found, "train") == [1, 2]


def test_a_step_of_its_own():
    found = cutoffs(split_at(4, 8, 12), "2d", BEGIN, BEGIN + 16 * DAY - 1, step="12h")
    assert days_of(found, "train") == [0.5, 1, 1.5, 2]
    assert days_of(found, SLICES[1]) == [4, 4.5, 5, 5.5, 6]


def test_a_horizon_beyond_the_last_event_is_censored():
    # The test slice has 2 days and a microsecond: one answer of 2 days, up to the last event itself.
    found = cutoffs(split_at(10, 14, 18), "2d", BEGIN, BEGIN + 20 * DAY)
    assert found.of("test").tolist() == [BEGIN + 18 * DAY + 1]
    assert found.at.max() + found.horizon == BEGIN + 20 * DAY + 1


def test_slices_without_data_are_left_out():
    # By default the test slice has what is added to the log later.
    found = cutoffs(split_at(10, 15, 20), "3d", BEGIN, BEGIN + 20 * DAY - 1)
    assert [len(found.of(name)) for name in SLICES] == [3, 1, 1, 0]
    empty = cutoffs(split_at(10, 10, 15), "3d", BEGIN, BEGIN + 20 * DAY)
    assert [len(empty.of(name)) for name in SLICES] == [3, 0, 1, 1]


@pytest.mark.parametrize("place", [1, 2, 3])
def test_a_slice_without_room_is_refused(place):
    ends = {1: (10, 12, 16), 2: (10, 14, 16), 3: (10, 14, 18)}[place]
    with pytest.raises(CartpathError) as told:
        cutoffs(split_at(*ends), "3d", BEGIN, BEGIN + 20 * DAY - 1)
    assert f"the {SLICES[place]} slice is 2d long" in told.value.message
    assert "no room for a horizon of 3d" in told.value.message
    assert "shorter horizon" in told.value.hint
    assert "--valid-until" in told.value.hint


def test_a_training_slice_without_room_is_refused():
    with pytest.raises(CartpathError, match="the train slice is 2d long"):
        cutoffs(split_at(2, 14, 18), "3d", BEGIN - 1, BEGIN + 22 * DAY)


def test_a_horizon_beyond_the_data_is_refused():
    with pytest.raises(CartpathError, match="the horizon of 30d is beyond the data, which are of 20d") as told:
        cutoffs(split_at(10, 14, 18), "30d", BEGIN, BEGIN + 20 * DAY - 1)
    assert "from 2024-01-01T00:00:00Z to 2024-01-20T23:59:59.999999Z" in told.value.hint


@pytest.mark.parametrize("wrong", [30, "30", "", "d", "-3d", 2.5, None])
def test_durations_have_units(wrong):
    with pytest.raises(CartpathError, match="not a duration"):
        cutoffs(split_at(10, 14, 18), wrong, BEGIN, BEGIN + 25 * DAY)
    if wrong is not None:
        with pytest.raises(CartpathError, match="not a duration"):
            cutoffs(split_at(10, 14, 18), "3d", BEGIN, BEGIN + 25 * DAY, step=wrong)
        with pytest.raises(CartpathError, match="not a duration"):
            asked_users(log_of_lines([Line("u", 0)]), cuts_at([1], 1), wrong)


def test_asking_every_second_is_refused():
    with pytest.raises(CartpathError, match=r"a step of 1s asks at 604,800 moments of the train slice") as told:
        cutoffs(split_at(10, 14, 18), "3d", BEGIN, BEGIN + 25 * DAY, step="1s")
    assert told.value.hint == "choose a longer step"


@given(
    st.lists(st.integers(1, 60 * 24), min_size=3, max_size=3),
    st.integers(1, 60 * 24),
    st.integers(1, 200),
    st.one_of(st.none(), st.integers(1, 200)),
)
def test_no_two_slices_share_a_moment_of_an_answer(cuts, last, horizon, step):
    split = TimeSplit(tuple(hour * HOUR for hour in sorted(cuts)))
    try:
        found = cutoffs(split, f"{horizon}h", 0, last * HOUR, None if step is None else f"{step}h")
    except CartpathError:
        lengths = [
            min(split.bounds(name)[1], last * HOUR + 1) - max(split.bounds(name)[0], 1) for name in SLICES
        ]  # fmt: skip
        assert horizon > last or any(0 < length < horizon * HOUR for length in lengths)
        return
    for name in SLICES:
        begin, end = split.bounds(name)
        at = found.of(name)
        assert (at >= begin).all()
        assert (at + found.horizon <= min(end, last * HOUR + 1)).all()
        assert (at > 0).all()
        assert (np.diff(at) == (step or horizon) * HOUR).all()
        if len(at):
            # As many as there is room for, the last up to the end.
            assert at[-1] + found.horizon == min(end, last * HOUR + 1)
            assert at[0] - (step or horizon) * HOUR < max(begin, 1)


def test_an_event_at_the_cutoff_is_not_known_and_one_exactly_so_long_before_counts():
    lines = [Line("a", 24), Line("b", 48), Line("c", 72), Line("c", 73)]
    log = log_of_lines(lines)
    rows = asked_users(log, cuts_at([3], 1), "2d")
    assert named(log, rows, "slice") == [("a", BEGIN + 3 * DAY, 0), ("b", BEGIN + 3 * DAY, 0)]
    assert (log.view.ts[rows.ends - 1] < BEGIN + 3 * DAY).all()
    assert [row[0] for row in named(log, asked_users(log, cuts_at([3], 1), "1d"))] == ["b"]
    assert [row[0] for row in named(log, asked_users(log, cuts_at([4], 1)))] == ["a", "b", "c"]


@given(st.integers(0, 10_000), st.sampled_from([None, "view", "purchase"]), st.sampled_from([None, "6h", "3d", "9d"]))
def test_who_is_asked_agrees_with_a_loop(seed, event, within):
    lines = [*lines_of(np.random.default_rng(seed)), Line("u9", 0, "purchase"), Line("u9", 0)]
    log, cuts = log_of_lines(lines), cuts_at([2, 5, 11, 30], 3)
    span = {None: 1000 * DAY, "6h": 6 * HOUR, "3d": 3 * DAY, "9d": 9 * DAY}[within]
    expected = [
        (user, at)
        for user in users_of(lines)
        for at in cuts.at.tolist()
        if between(lines, user, at - span, at, event)
    ]  # fmt: skip
    rows = asked_users(log, cuts, within, event)
    assert named(log, rows) == expected
    view = log.view
    for user, ends, at in zip(rows.user, rows.ends, rows.cutoff, strict=True):
        path = view.ts[view.offsets[user] : view.offsets[user + 1]]
        assert ends - view.offsets[user] == (path < at).sum()
    assert (np.diff(rows.cutoff) >= 0).all()


def test_rows_are_taken_by_slice():
    log = log_of_lines([Line("a", 0), Line("b", 24 * 20)])
    rows = asked_users(log, cutoffs(split_at(6, 12, 18), "3d", BEGIN, BEGIN + 24 * DAY - 1))
    assert [len(rows.of(name)) for name in SLICES] == [1, 2, 2, 3]
    assert [row[0] for row in named(log, rows.of("test"))] == ["a", "a", "b"]
    assert rows.of("test").cutoff.tolist() == [BEGIN + day * DAY for day in (18, 21, 21)]
    assert rows.take(np.array([7, 0])).slice.tolist() == [3, 0]


def test_logs_that_cannot_be_asked_are_refused():
    log = log_of_lines([Line("u", 0), Line("u", 2, "purchase")])
    with pytest.raises(CartpathError, match="no event 'purchse' was ever seen") as told:
        asked_users(log, cuts_at([1], 1), None, "purchse")
    assert told.value.hint == "did you mean 'purchase'?"
    with pytest.raises(CartpathError, match="no events"):
        cutoffs_of(log_of_lines([]), split_at(1, 2, 3), "1d")
    untimed = log_from_table(pa.table({"user_id": ["u"], "ts": [START], "event": ["view"]}), timed=False)
    for ask in (lambda: asked_users(untimed, cuts_at([1], 1)), lambda: cutoffs_of(untimed, split_at(1, 2, 3), "1d")):
        with pytest.raises(CartpathError, match="order of its events alone"):
            ask()


def test_paths_shaped_by_later_events_are_refused():
    log = replace(log_of_lines([Line("u", 0), Line("u", 24 * 20)]), shaped_until=BEGIN + 11 * DAY)
    with pytest.raises(CartpathError, match="cleaned or joined"):
        cutoffs_of(log, split_at(10, 14, 18), "1d")
    assert len(cutoffs_of(log, split_at(11, 14, 18), "1d"))
