"""The path table in memory equals the twin, and merging equals building at once."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartpath import store
from cartpath.paths.counted import Counted
from cartpath.schema import CartpathError
from cartpath.store import PathView
from cartpath.store.codes import Codes
from cartpath.store.files import load_run, save_run
from cartpath.store.memory import run_from_table
from cartpath.store.run import merge, rows_of, select
from tests.store.twin import GAP, SECOND, Row, assert_same_view, dump, expected, rows, table_of, without_duplicates

MINUTE = 60 * SECOND


def path_of(log: list[Row], user: str = "u") -> dict:
    view, codes = store.view_from_table(table_of(log), GAP)
    return dump(view, codes.text)[user]


@given(log=rows())
@settings(max_examples=150)
def test_a_view_equals_the_twin(log: list[Row]) -> None:
    view, codes = store.view_from_table(table_of(log), GAP)
    assert dump(view, codes.text) == expected(log)


@given(log=rows(), data=st.data())
@settings(max_examples=100)
def test_merging_equals_building_at_once(log: list[Row], data: st.DataObject) -> None:
    log = without_duplicates(log)
    cut = data.draw(st.integers(0, len(log)))
    codes = Codes()
    whole = run_from_table(table_of(log), GAP, codes)
    if not 0 < cut < len(log):
        return
    x, y = (run_from_table(table_of(part), GAP, codes) for part in (log[:cut], log[cut:]))
    merged = merge(x, y, GAP)
    np.testing.assert_array_equal(merged.user_key, whole.user_key)
    assert_same_view(merged.view(), whole.view())


@given(log=rows(), data=st.data())
def test_selecting_users_equals_building_from_theirs(log: list[Row], data: st.DataObject) -> None:
    whole = run_from_table(table_of(log), GAP, codes := Codes())
    chosen = sorted(data.draw(st.sets(st.integers(0, len(whole.user_key) - 1))))
    names = {whole.user_id[row].as_py() for row in chosen}
    some = select(whole, np.array(chosen, np.int64), GAP)
    assert dump(some.view(), codes.text) == expected([row for row in log if row.user_id in names])
    assert rows_of(whole, some.user_key).tolist() == chosen


def ties_of(view: PathView) -> tuple[int, int]:
    """Events at the time of another one before them, of the same user and not of the same step; users with such."""
    ties, users = 0, set()
    for user, (low, high) in enumerate(pairwise(view.offsets.tolist())):
        for i in range(low + 1, high):
            if view.ts[i] == view.ts[i - 1] and view.event[i] != view.event[i - 1] and view.step[i]:
                ties += 1
                users.add(user)
    return ties, len(users)


@given(log=rows(), data=st.data())
def test_ties_are_known_of_every_run_and_kept_in_its_file(log: list[Row], data: st.DataObject) -> None:
    log = without_duplicates(log)
    codes = Codes()
    run = run_from_table(table_of(log), GAP, codes)
    assert run.ties == ties_of(run.view())
    chosen = sorted(data.draw(st.sets(st.integers(0, len(run.user_key) - 1))))
    some = select(run, np.array(chosen, np.int64), GAP)
    assert some.ties == ties_of(some.view())
    cut = data.draw(st.integers(0, len(log)))
    if 0 < cut < len(log):
        merged = merge(*(run_from_table(table_of(part), GAP, codes) for part in (log[:cut], log[cut:])), GAP)
        assert merged.ties == run.ties
    with tempfile.TemporaryDirectory() as folder:
        save_run(Path(folder) / "run", run, durable=False)
        loaded = load_run(Path(folder) / "run")
        assert loaded.view().ties == run.ties
        # Of before they were kept: not known, and counted by whoever asks.
        save_run(Path(folder) / "old", replace(loaded, ties=None), durable=False)
        view = load_run(Path(folder) / "old").view()
        assert view.ties is None
        assert Counted(view).basis() == Counted(loaded.view()).basis()
        assert (Counted(view).basis().tied_events, Counted(view).basis().tied_users) == run.ties


def test_the_ties_of_one_user_are_not_those_of_the_bucket() -> None:
    view = run_from_table(table_of([Row("u", 5, "a"), Row("u", 5, "b"), Row("v", 6, "a")]), GAP, Codes()).view()
    assert view.ties == (1, 1)
    assert {one.ties for one in view} == {None}
    assert sorted(Counted(one).basis().tied_events for one in view) == [0, 1]


def test_ties_keep_their_place_in_the_source() -> None:
    log = [Row("u", 5, name) for name in "cab"] + [Row("u", 4, "late")]
    assert [event["event"] for event in path_of(log)["events"]] == ["late", "c", "a", "b"]


def test_of_exact_duplicates_the_first_in_the_source_is_kept() -> None:
    log = [Row("u", 9, "view", event_id="e"), Row("u", 1, "buy", event_id="e"), Row("v", 1, "buy", event_id="e")]
    view, codes = store.view_from_table(table_of(log))
    assert {u: [e["event"] for e in p["events"]] for u, p in dump(view, codes.text).items()} == {
        "u": ["view"],
        "v": ["buy"],
    }


@pytest.mark.parametrize(
    "change",
    [
        {"ts": 2},
        {"event": "buy"},
        {"item_id": "i"},
        {"session_id": "s"},
        {"price": 0.0},
        {"quantity": 0},
        {"order_id": ""},
        {"order_value": 0.0},
        {"page": ""},
        {"query": ""},
        {"props": ""},
        {"device": ""},
        {"is_direct": False},
        {"visit_number": 0},
        {"event_id": ""},
    ],
)
def test_a_difference_in_any_column_is_no_duplicate(change: dict) -> None:
    first = Row("u", 1, "view")
    other = Row(**{**vars(first), **change})
    assert len(path_of([first, other, first, other])["events"]) == 2


def test_interleaved_session_ids_are_followed_on_their_own() -> None:
    log = [Row("u", t * MINUTE, "view", session_id=s) for t, s in ((0, "a"), (1, "b"), (2, "a"), (300, "b"))]
    path = path_of(log)
    assert [event["session"] for event in path["events"]] == [0, 1, 0, 1]
    assert [(s["start"], s["end"]) for s in path["sessions"]] == [(0, 2 * MINUTE), (MINUTE, 300 * MINUTE)]


def test_a_gap_ends_a_derived_session_only_when_it_is_exceeded() -> None:
    log = [Row("u", t, "view", page=str(t)) for t in (0, GAP * SECOND, 2 * GAP * SECOND + 1)]
    assert [event["session"] for event in path_of(log)["events"]] == [0, 0, 1]


def test_events_with_a_session_id_do_not_bridge_a_gap_among_those_without() -> None:
    log = [Row("u", 0, "view"), Row("u", 20 * MINUTE, "view", session_id="s"), Row("u", 40 * MINUTE, "view")]
    assert [event["session"] for event in path_of(log)["events"]] == [0, 1, 2]


def test_the_same_session_id_of_two_users_is_two_sessions() -> None:
    view, _ = store.view_from_table(table_of([Row(u, 0, "view", session_id="s") for u in "ab"]))
    assert view.sessions.user.tolist() == [0, 1]


def test_context_comes_from_the_first_event_that_has_any() -> None:
    log = [
        Row("u", 1, "view"),
        Row("u", 2, "view", is_direct=False),
        Row("u", 3, "view", device="phone", is_direct=True),
    ]
    assert path_of(log)["sessions"][0]["context"] == {"is_direct": 0}


def test_lines_of_an_order_are_one_step_and_repeated_views_are_not() -> None:
    lines = [Row("u", 1, "buy", item_id=i, order_id="o") for i in "abc"]
    views = [Row("u", 2, "view", item_id=i) for i in "ab"]
    assert [event["step"] for event in path_of(lines + views)["events"]] == [1, 0, 0, 1, 1]


def test_a_hit_is_one_step_whatever_its_events() -> None:
    log = [Row("u", 1, "buy", hit="1"), Row("u", 1, "view", hit="1"), Row("u", 1, "view", hit="2", item_id="i")]
    assert [event["step"] for event in path_of(log)["events"]] == [1, 0, 1]


def test_near_duplicates_are_flagged_and_kept() -> None:
    log = [Row("u", t, "view", item_id="i") for t in (0, 999_999, 1_999_999)] + [Row("u", 2_000_000, "view")]
    assert [event["flags"] for event in path_of(log)["events"]] == [0, 2, 0, 0]


def test_a_users_slice_counts_its_sessions_from_zero() -> None:
    log = [Row(u, t * 60 * MINUTE, "view") for u in "abc" for t in range(3)]
    view, _ = store.view_from_table(table_of(log))
    for path in view:
        assert path.session.tolist() == [0, 1, 2]
        assert len(path.sessions) == 3
        assert set(path.sessions.user.tolist()) == {0}


def test_arrays_are_read_only() -> None:
    view, _ = store.view_from_table(table_of([Row("u", 1, "view")]))
    with pytest.raises(ValueError, match="read-only"):
        view.ts[0] = 0


def test_a_whole_number_hit_works_like_text() -> None:
    table = table_of([Row("u", 1, "buy", item_id=i) for i in "abc"])
    for kind in (pa.int64(), pa.int32(), pa.string()):
        hits = pa.array([7, 7, None]).cast(kind)
        view, _ = store.view_from_table(table.append_column("_hit", hits))
        assert view.step.tolist() == [1, 0, 1]


@pytest.mark.parametrize("name", ["user_id", "ts", "event"])
def test_required_columns_must_be_there_and_full(name: str) -> None:
    table = table_of([Row("u", 1, "view")])
    with pytest.raises(CartpathError, match=name):
        store.view_from_table(table.drop_columns(name))
    empty = table.set_column(table.column_names.index(name), name, pa.nulls(1, table[name].type))
    with pytest.raises(CartpathError, match=name):
        store.view_from_table(empty)
