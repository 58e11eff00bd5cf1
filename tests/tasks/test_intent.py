import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartpath.tasks import SLICES, IntentTask, TimeSplit, every_step, intent_rows, time_split
from tests.features.logs import make_log, path_of, random_table


def slow_rows(log, split, task):
    view, target = log.view, log.event_codes.get(task.target)
    rows = []
    for session in range(len(view.sessions)):
        at = np.flatnonzero(view.session == session)
        steps = np.cumsum(view.step[at])
        if steps[-1] < task.k:
            continue
        seen, later = at[steps <= task.k], at[steps > task.k]
        if (view.event[seen] == target).any():
            continue
        times = view.ts[at]
        places = {int(np.searchsorted(split.cuts, moment, side="right")) for moment in (times.min(), times.max())}
        label = int((view.event[later] == target).any())
        rows.append((session, int(seen[-1]) + 1, label, places.pop() if len(places) == 1 else -1))
    return rows


@given(st.integers(0, 10_000), st.integers(1, 4))
def test_rows_agree_with_a_loop(seed, k):
    log = make_log(random_table(seed, users=6))
    task, split = IntentTask(k=k), time_split(log.view)
    found = intent_rows(log, split, task)
    ours = list(
        zip(found.session.tolist(), found.ends.tolist(), found.label.tolist(), found.slice.tolist(), strict=True)
    )
    assert ours == slow_rows(log, split, task)
    assert (found.user == log.view.sessions.user[found.session]).all()


def hits(events, of_hit):
    import pyarrow as pa

    table = path_of([float(hit) for hit in of_hit], events, [f"i{n}" for n in range(len(events))])
    return table.append_column("_hit", pa.array([str(hit) for hit in of_hit]))


def test_events_of_one_hit_are_one_step():
    # A checkout of three products is one step: the purchase is the third.
    log = make_log(hits(["view", "checkout", "checkout", "checkout", "purchase"], [0, 1, 1, 1, 2]))
    split = TimeSplit((2**62, 2**62, 2**62))
    rows = intent_rows(log, split, IntentTask(k=2))
    assert (rows.ends.tolist(), rows.label.tolist()) == ([4], [1])
    assert len(intent_rows(log, split, IntentTask(k=3))) == 0


def test_a_purchase_until_the_kth_step_leaves_nothing_to_ask():
    log = make_log(path_of([0, 1, 2, 3], ["view", "purchase", "view", "purchase"]))
    split = TimeSplit((2**62, 2**62, 2**62))
    assert len(intent_rows(log, split, IntentTask(k=2))) == 0
    assert intent_rows(log, split, IntentTask(k=1)).label.tolist() == [1]


def test_a_log_without_the_target_has_only_negatives():
    log = make_log(path_of([0, 1, 2], ["view"] * 3))
    rows = intent_rows(log, TimeSplit((2**62, 2**62, 2**62)), IntentTask(k=2))
    assert rows.label.tolist() == [0]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("k", [1, 2, 3])
def test_every_step_asks_what_the_kth_asks(seed, k):
    log = make_log(random_table(seed, users=10))
    split, task = time_split(log.view), IntentTask(k=k)
    every = every_step(log, split, "train", task)
    rows = intent_rows(log, split, task).of("train")
    assert every.asked[rows.ends - 1].all()
    assert (every.label[rows.ends - 1] == rows.label).all()
    # Nothing outside the slice is asked about.
    at = np.flatnonzero(every.asked)
    assert (split.slice_of(log.view.ts[at], log.view.ts[at]) == SLICES.index("train")).all()
