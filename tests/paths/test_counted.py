from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cartpath.paths.counted import Basis, Counted, merge_basis
from cartpath.paths.counting import Counting
from cartpath.paths.rule import Rule
from cartpath.store.path import EVENT_ARRAYS
from tests.paths.twin import SECOND, Row, buckets_of, logs, path_order, paths_of, periods, step_starts, view_of, within

chosen = st.lists(st.booleans(), min_size=40, max_size=40)


def begins(rows: list[Row], kept: list[int]) -> list[bool]:
    """Whether each kept row is the first kept one of its step."""
    step = np.cumsum(step_starts(rows)).tolist()
    return [k == 0 or step[row] != step[kept[k - 1]] for k, row in enumerate(kept)]


@given(logs, chosen)
def test_paths_are_those_of_the_twin(log: list[Row], mask: list[bool]) -> None:
    rows = path_order(log)
    kept = [i for i in range(len(rows)) if mask[i]]
    counted = Counted(view_of(rows), np.array(kept, np.int64))
    starts = begins(rows, kept)
    assert counted.step.astype(bool).tolist() == starts
    for unit in ("users", "sessions"):
        for steps in (False, True):
            left = [rows[i] for i, first in zip(kept, starts, strict=True) if first or not steps]
            found = counted.paths(unit, steps)
            ts, event = found.take(counted.view.ts), found.take(counted.view.event)
            got = [
                list(zip(ts[a:b], event[a:b], strict=True))
                for a, b in zip(found.offsets, found.offsets[1:], strict=False)
            ]
            names = ("view", "cart", "buy", "refund")
            wanted = [[(row.ts, names.index(row.event)) for row in path] for path in paths_of(left, unit)]
            assert sorted(got) == sorted(wanted)
            users = counted.view.user_id.to_pylist()
            first = [rows[found.rows[a]] if found.rows is not None else rows[a] for a in found.offsets[:-1]]
            assert [users[u] for u in found.user] == [str(row.user) for row in first]
            assert found.session.tolist() == counted.view.session[[rows.index(row) for row in first]].tolist()


@given(logs, periods, st.integers(1, 3))
def test_the_basis_is_that_of_the_twin(log: list[Row], period: tuple[int | None, int | None], buckets: int) -> None:
    since, until = period
    counting = Counting(
        since=-(2**62) if since is None else since * SECOND, until=2**62 if until is None else until * SECOND
    )
    views = buckets_of(log, buckets)
    found = merge_basis([Rule(counting).counted(view).basis() for view in views])
    rows = within(path_order(log), since, until)
    starts = step_starts(rows)
    tied = [
        row.user
        for before, row, first in zip(rows, rows[1:], starts[1:], strict=False)
        if before.user == row.user and before.ts == row.ts and first and before.event != row.event
    ]
    assert found == Basis(
        len({row.user for row in rows}),
        len({(row.user, row.session) for row in rows}),
        len(rows),
        sum(starts),
        len(tied),
        len(set(tied)),
    )


def test_nothing_counts() -> None:
    counted = Counted(view_of([Row(1, 1, "view")]), np.zeros(0, np.int64))
    assert counted.basis() == Basis()
    assert len(counted.paths("users")) == len(counted.paths("sessions", steps=True)) == 0


@pytest.mark.parametrize("unit", ["users", "sessions"])
def test_ten_events_at_one_moment_keep_the_order_of_the_source(unit: str) -> None:
    rows = [Row(1, 5, ("view", "cart", "buy")[i % 3]) for i in range(10)]
    counted = Counted(view_of(rows))
    assert counted.paths(unit).take(counted.view.event).tolist() == [i % 3 for i in range(10)]
    assert counted.basis() == Basis(1, 1, 10, 10, 9, 1)


def test_a_long_path_takes_no_time_that_grows_with_its_square() -> None:
    view = view_of([Row(1, 0, "view", 0), Row(1, 0, "view", 1)])
    n = 100_000
    arrays = {name: np.resize(getattr(view, name), n) for name in EVENT_ARRAYS}
    arrays |= {"ts": np.arange(n, dtype=np.int64), "session": np.arange(n, dtype=np.int32) % 2}
    long = replace(view, offsets=np.array([0, n], np.int64), **arrays)
    found = Counted(long).paths("sessions", steps=True)
    assert found.offsets.tolist() == [0, n // 2, n]
