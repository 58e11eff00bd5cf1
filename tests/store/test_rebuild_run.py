"""A run made of some of another's events is the run those events would have made."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cartpath.store import FLAG_ROBOT
from cartpath.store.codes import Codes
from cartpath.store.memory import run_from_table
from cartpath.store.run import EMPTY, TYPES, Run, empty_run, rebuild_run, select

from .twin import GAP, SECOND, Row, assert_same_view, rows, table_of


def distinct(log: list[Row]) -> list[Row]:
    """Rows that are no duplicates of each other, so that rows and events are the same."""
    return [replace(row, event_id=f"e{i}") for i, row in enumerate(log)]


def without_context(log: list[Row]) -> list[Row]:
    # A session keeps the context of one event, so that of others is not known any more.
    return [replace(row, device=None, referrer=None, is_direct=None, visit_number=None) for row in log]


def run_of(log: list[Row], codes: Codes) -> Run:
    return run_from_table(table_of(log), GAP, codes)


def place_of(run: Run, log: list[Row], codes: Codes) -> list[int]:
    """The event of each row of the log."""
    at = {int(h): i for i, h in enumerate(run.array("row_hash"))}
    return [at[int(run_of([row], codes).array("row_hash")[0])] for row in log]


@given(rows())
def test_all_events_make_the_same_run(log: list[Row]) -> None:
    run = run_of(log, Codes())
    assert_same_view(rebuild_run(run, np.arange(len(run)), GAP).view(), run.view())
    users = np.arange(len(run.user_key))[::2]
    own = np.concatenate([np.arange(run.offsets[u], run.offsets[u + 1]) for u in users])
    assert_same_view(rebuild_run(run, own, GAP).view(), select(run, users, GAP).view())


@given(rows(), st.integers(0, 2**25 - 1))
def test_some_events_make_the_run_of_these(log: list[Row], bits: int) -> None:
    log = distinct(without_context(log))
    codes = Codes()
    run = run_of(log, codes)
    kept = [i for i in range(len(log)) if bits >> i & 1]
    if not kept:
        assert len(rebuild_run(run, np.zeros(0, np.int64), GAP)) == 0
        return
    events = np.array(sorted(place_of(run, [log[i] for i in kept], codes)))
    assert_same_view(rebuild_run(run, events, GAP).view(), run_of([log[i] for i in kept], codes).view())


@given(rows())
def test_changed_values_are_there_and_marks_stay(log: list[Row]) -> None:
    run = run_of(log, Codes())
    price = np.arange(len(run), dtype=np.float64)
    marked = run.array("flags") | FLAG_ROBOT
    done = rebuild_run(run, np.arange(len(run)), GAP, {"price": price, "flags": marked})
    np.testing.assert_array_equal(done.array("price"), price)
    np.testing.assert_array_equal(done.array("flags"), marked)
    again = select(done, np.arange(len(done.user_key)), GAP)
    np.testing.assert_array_equal(again.array("flags"), marked)


def test_context_goes_over_to_the_next_event_where_its_carrier_is_left_out() -> None:
    log = [
        Row("u", 0, "view"), Row("u", SECOND, "view", device="phone", page="/a"),
        Row("u", 2 * SECOND, "view", page="/b"), Row("u", 9000 * SECOND, "view", device="desk"), Row("v", 0, "view"),
    ]  # fmt: skip
    run = run_of(log, Codes())
    user = [str(u) for u in run.user_id.to_pylist()].index("u")
    lo = int(run.offsets[user])
    keep = np.array([i for i in range(len(run)) if i not in (lo + 1, lo + 3)])
    done = rebuild_run(run, keep, GAP)
    mine = done.view().user(user)
    assert len(mine.sessions) == 1
    assert mine.sessions.context["device"].tolist() == [0]  # the phone
    assert mine.sessions.context_ts.tolist() == [2 * SECOND]


def test_no_events_make_the_empty_run() -> None:
    built, empty = run_of([], Codes()), empty_run()
    assert set(empty.arrays) == {name for name in TYPES if name not in EMPTY}
    assert (empty.ties, len(empty.user_key), empty.user_key.dtype) == (built.ties, 0, built.user_key.dtype)
    assert_same_view(empty.view(), built.view())
