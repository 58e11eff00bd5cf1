import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartpath.schema import MICROSECONDS, CartpathError
from cartpath.tasks import SLICES, IntentTask, TimeSplit, intent_rows, target_seen, time_split
from tests.features.logs import make_log, path_of, random_table

ALL_TRAIN = TimeSplit((2**62, 2**62, 2**62))


def slow_rows(log, split, task):
    """The same with loops: one session, one step at a time."""
    view, target = log.view, log.event_codes.get(task.target)
    rows = []
    for session in range(len(view.sessions)):
        at = np.flatnonzero(view.session == session)
        user = view.sessions.user[session]
        path = np.arange(view.offsets[user], view.offsets[user + 1])
        steps = np.cumsum(view.step[at])
        for step in range(1, steps[-1] + 1):
            seen, later = at[steps <= step], at[steps > step]
            if (view.event[seen] == target).any():
                break
            end, until = int(seen[-1]) + 1, view.ts[at[-1]]
            if task.horizon is None:
                label = (view.event[later] == target).any()
            else:
                limit = view.ts[end - 1] + task.horizon
                label = any(view.event[i] == target and view.ts[i] <= limit for i in path if i >= end)
                until = max(until, limit)
            places = {int(np.searchsorted(split.cuts, moment, side="right")) for moment in (view.ts[at[0]], until)}
            part = places.pop() if len(places) == 1 else -1
            if task.horizon is not None and until > view.ts.max():
                part = -1
            rows.append((session, user, step, end, int(label), part))
    return rows


def as_tuples(rows):
    arrays = (rows.session, rows.user, rows.step, rows.ends, rows.label, rows.slice)
    return list(zip(*(array.tolist() for array in arrays), strict=True))


@given(st.integers(0, 10_000), st.sampled_from([None, 60, 3600, 86_400]))
def test_rows_agree_with_a_loop(seed, horizon):
    log = make_log(random_table(seed, users=6))
    task = IntentTask(horizon=None if horizon is None else horizon * MICROSECONDS)
    split = time_split(log.view)
    assert as_tuples(intent_rows(log, split, task)) == slow_rows(log, split, task)


@given(st.integers(0, 10_000), st.sampled_from([None, 3600]))
def test_the_other_steps_ask_whether_a_further_one_follows(seed, horizon):
    log = make_log(random_table(seed, users=6))
    view, target = log.view, log.event_codes.get("purchase")
    task = IntentTask(horizon=None if horizon is None else horizon * MICROSECONDS)
    rows = intent_rows(log, ALL_TRAIN, task, answered=True)
    wanted = []
    for session in range(len(view.sessions)):
        at = np.flatnonzero(view.session == session)
        user = view.sessions.user[session]
        path = np.arange(view.offsets[user], view.offsets[user + 1])
        steps = np.cumsum(view.step[at])
        for step in range(1, steps[-1] + 1):
            seen, later = at[steps <= step], at[steps > step]
            end = int(seen[-1]) + 1
            if not (view.event[seen] == target).any():
                continue
            label = (view.event[later] == target).any()
            if horizon is not None:
                limit = view.ts[end - 1] + task.horizon
                label = any(view.event[i] == target and view.ts[i] <= limit for i in path if i >= end)
            wanted.append((session, step, end, int(label)))
    assert list(zip(*(getattr(rows, n).tolist() for n in ("session", "step", "ends", "label")), strict=True)) == wanted
    both = np.concatenate([rows.ends, intent_rows(log, ALL_TRAIN, task).ends])
    assert len(np.unique(both)) == len(both)
    assert target_seen(log, rows.ends, "purchase").all()


@given(st.integers(0, 10_000))
def test_a_target_is_seen_from_its_event_on(seed):
    log = make_log(random_table(seed, users=6))
    view, target = log.view, log.event_codes.get("purchase")
    ends = np.arange(view.n_events) + 1
    wanted = [bool((view.event[:end][view.session[:end] == view.session[end - 1]] == target).any()) for end in ends]
    assert target_seen(log, ends, "purchase").tolist() == wanted


@given(st.integers(0, 10_000), st.integers(1, 4))
def test_one_step_is_that_part_of_every_step(seed, k):
    log = make_log(random_table(seed, users=6))
    split = time_split(log.view)
    assert as_tuples(intent_rows(log, split, steps=[k])) == as_tuples(intent_rows(log, split).at(k))


def hits(events, of_hit):
    table = path_of([float(hit) for hit in of_hit], events, [f"i{n}" for n in range(len(events))])
    return table.append_column("_hit", pa.array([str(hit) for hit in of_hit]))


def test_events_of_one_hit_are_one_step():
    # A checkout of three products is one step: the purchase is the third.
    log = make_log(hits(["view", "checkout", "checkout", "checkout", "purchase"], [0, 1, 1, 1, 2]))
    rows = intent_rows(log, ALL_TRAIN)
    assert (rows.step.tolist(), rows.ends.tolist(), rows.label.tolist()) == ([1, 2], [1, 4], [1, 1])


def test_a_purchase_until_the_kth_step_leaves_nothing_to_ask():
    log = make_log(path_of([0, 1, 2, 3], ["view", "purchase", "view", "purchase"]))
    assert intent_rows(log, ALL_TRAIN).step.tolist() == [1]


def test_a_session_that_ends_at_the_kth_step_stays_in():
    log = make_log(path_of([0, 1], ["view", "click"]))
    assert intent_rows(log, ALL_TRAIN, steps=[2]).label.tolist() == [0]


def test_a_log_without_the_target_has_only_negatives():
    log = make_log(path_of([0, 1, 2], ["view"] * 3))
    assert intent_rows(log, ALL_TRAIN).label.tolist() == [0, 0, 0]


def test_a_horizon_reaches_over_sessions_and_not_over_the_end_of_the_log():
    # Sessions end after half an hour: the purchase is in the third, two hours after the first began.
    log = make_log(path_of([0, 60, 120, 121], ["view", "view", "purchase", "view"]))
    hour = 3600 * MICROSECONDS
    assert intent_rows(log, ALL_TRAIN).label.tolist() == [0, 0]
    one, two = (intent_rows(log, ALL_TRAIN, IntentTask(horizon=n * hour)) for n in (1, 2))
    assert (one.label.tolist(), one.slice.tolist()) == ([0, 1], [0, 0])
    assert (two.label.tolist(), two.slice.tolist()) == ([1, 1], [0, -1])


def test_a_horizon_without_length_is_refused():
    with pytest.raises(CartpathError, match="a second or longer"):
        IntentTask(horizon=7)


def test_what_the_answer_is_read_from_lies_within_the_slice():
    minute = 60 * MICROSECONDS
    log = make_log(path_of([0, 100, 200, 300], ["view"] * 4))
    split = TimeSplit((int(log.view.ts[0]) + 150 * minute, 2**62, 2**62))
    rows = intent_rows(log, split, IntentTask(horizon=60 * minute))
    assert [SLICES[place] if place >= 0 else None for place in rows.slice] == ["train", None, "validation", None]
