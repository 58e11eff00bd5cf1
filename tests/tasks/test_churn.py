import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartpath.schema import CartpathError
from cartpath.tasks import SLICES, ChurnTask, TimeSplit, churn_at, churn_rows
from tests.tasks.buying import (
    BEGIN,
    DAY,
    HOUR,
    Line,
    between,
    changed_from,
    cuts_at,
    known,
    lines_of,
    log_of_lines,
    named,
    users_of,
)


def labels(lines, days, horizon, task):
    log = log_of_lines(lines)
    rows = churn_at(log, cuts_at(days, horizon), task)
    return {(user, (at - BEGIN) / DAY): label for user, at, label in named(log, rows, "label")}


def test_who_comes_back_within_the_horizon_has_not_churned():
    lines = [Line("back", 0), Line("back", 71), Line("late", 0), Line("late", 72), Line("gone", 0), Line("new", 48)]
    assert labels(lines, [1], 2, ChurnTask("2d")) == {("back", 1): 0, ("late", 1): 1, ("gone", 1): 1}


def test_an_event_at_the_cutoff_belongs_to_the_future_and_one_at_the_horizon_s_end_to_beyond():
    lines = [Line("at", 0), Line("at", 24), Line("end", 0), Line("end", 72)]
    assert labels(lines, [1], 2, ChurnTask("2d")) == {("at", 1): 0, ("end", 1): 1}
    assert labels(lines, [2], 2, ChurnTask("2d")) == {("at", 2): 1, ("end", 2): 0}


def test_of_purchases_a_visit_is_no_return():
    lines = [Line("u", 0, "purchase"), Line("u", 30), Line("viewer", 0), Line("viewer", 30, "purchase")]
    assert labels(lines, [1], 2, ChurnTask("2d", event="purchase")) == {("u", 1): 1}
    assert labels(lines, [1], 2, ChurnTask("2d")) == {("u", 1): 0, ("viewer", 1): 0}


def test_who_was_active_too_long_ago_is_not_asked_about():
    lines = [Line("old", 0), Line("old", 100), Line("new", 60)]
    assert labels(lines, [3], 2, ChurnTask("2d", "1d")) == {("new", 3): 1}
    assert labels(lines, [3], 2, ChurnTask("2d", "3d")) == {("old", 3): 0, ("new", 3): 1}


@given(
    st.integers(0, 10_000),
    st.sampled_from([None, "view", "purchase"]),
    st.sampled_from([(None, 1000 * DAY), ("3d", 3 * DAY), ("30h", 30 * HOUR)]),
    st.sampled_from([0.25, 1, 4]),
)
def test_rows_agree_with_a_loop(seed, event, within, horizon):
    lines = [*lines_of(np.random.default_rng(seed)), Line("u9", 0, "purchase"), Line("u9", 0)]
    log, cuts = log_of_lines(lines), cuts_at([2, 5, 11, 18], horizon)
    expected = [
        (user, at, int(not between(lines, user, at, at + cuts.horizon, event)))
        for user in users_of(lines)
        for at in cuts.at.tolist()
        if between(lines, user, at - within[1], at, event)
    ]
    rows = churn_at(log, cuts, ChurnTask(f"{int(horizon * 24)}h", within[0], event))
    assert named(log, rows, "label") == expected


@given(st.integers(0, 10_000), st.sampled_from([None, "purchase"]))
def test_what_comes_after_changes_answers_alone(seed, event):
    rng = np.random.default_rng(seed)
    lines = [*lines_of(rng, most=20), Line("u9", 0, "purchase"), Line("u9", 300, "purchase")]
    other = changed_from(lines, 8, rng)
    cuts, task = cuts_at([8], 4), ChurnTask("4d", "5d", event)
    found = [(log := log_of_lines(of), churn_at(log, cuts, task)) for of in (lines, other)]
    assert sorted(known(*found[0])) == sorted(known(*found[1]))


def split_at(*days):
    return TimeSplit(tuple(BEGIN + day * DAY for day in days))


def visits(*hours):
    return [Line(f"u{place}", 24 * day) for place, of in enumerate(hours) for day in of]


def test_rows_of_all_slices():
    # u0 comes every day; u1 comes on day 0 and once more, in the test slice.
    lines = visits(range(16), [0, 14])
    log = log_of_lines([*lines, Line("u0", 16 * 24 - 1)])
    rows = churn_rows(log, split_at(4, 8, 12), ChurnTask("2d"))
    # Cut-offs are days 2, 4 and 6, 8 and 10, and an hour before day 14: the last event is an hour before day 16.
    assert [len(rows.of(name)) for name in SLICES] == [2, 4, 4, 2]
    answers = {name: [row[2] for row in named(log, rows.of(name), "label")] for name in SLICES}
    assert list(answers.values()) == [[0, 1], [0, 0, 1, 1], [0, 0, 1, 1], [0, 0]]


def test_a_training_slice_of_one_kind_is_refused():
    everyday = log_of_lines(visits(range(17), range(17)))
    with pytest.raises(CartpathError, match="none of the 2 rows of the train slice stay away for 2d") as told:
        churn_rows(everyday, split_at(4, 8, 12), ChurnTask("2d"))
    assert "another horizon" in told.value.hint
    gone = log_of_lines(visits([0], [0], [16]))
    with pytest.raises(CartpathError, match="all of the 2 rows of the train slice stay away for 2d"):
        churn_rows(gone, split_at(4, 8, 12), ChurnTask("2d"))


def test_a_training_slice_without_users_is_refused():
    log = log_of_lines(visits([0, 16], range(5, 16)))
    with pytest.raises(CartpathError, match="nobody is asked about in the train slice") as told:
        churn_rows(log, split_at(4, 8, 12), ChurnTask("2d", "1d"))
    assert "longer time" in told.value.hint


def test_a_log_without_purchases_or_the_event_is_refused():
    log = log_of_lines(visits(range(17)))
    for event in ("purchase", "viev"):
        with pytest.raises(CartpathError, match=f"no event '{event}' was ever seen") as told:
            churn_rows(log, split_at(4, 8, 12), ChurnTask("2d", event=event))
        assert "view" in told.value.hint
