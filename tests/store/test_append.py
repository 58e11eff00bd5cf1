"""A log in pieces gives the same store as in one go: late events, deltas, compaction, counts."""

from __future__ import annotations

import itertools
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartpath import store
from cartpath.store.rebuild import rebuild
from cartpath.store.snapshot import stats_of
from cartpath.store.stats import add_stats
from tests.store.twin import (
    SECOND,
    Row,
    assert_same_store,
    assert_same_view,
    dump_all,
    expected,
    put,
    rows,
    table_of,
    without_duplicates,
    workspace,
)


def totals_of(log: list[Row]) -> store.Totals:
    """The counts of a log, from the twin."""
    users = expected(log)
    events = [event for path in users.values() for event in path["events"]]
    names = [event["event"] for event in events]
    return store.Totals(
        events=len(events),
        users=len(users),
        sessions=sum(len(path["sessions"]) for path in users.values()),
        items=len({event["item"] for event in events} - {None}),
        first_ts=min((event["ts"] for event in events), default=None),
        last_ts=max((event["ts"] for event in events), default=None),
        events_by_type={name: names.count(name) for name in names},
    )


def pieces(log: list[Row], cuts: list[int]) -> list[list[Row]]:
    return [log[a:b] for a, b in itertools.pairwise([0, *sorted(cuts), len(log)])]


@given(log=rows(), cuts=st.lists(st.integers(0, 25), max_size=4), buckets=st.sampled_from([1, 3]))
@settings(max_examples=20)
def test_appending_pieces_equals_one_go(log: list[Row], cuts: list[int], buckets: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        whole, parts = (workspace(Path(folder) / name, buckets) for name in ("whole", "parts"))
        once = put(whole, log)
        done = [put(parts, piece) for piece in pieces(log, cuts)]
        assert_same_store(whole, parts)
        for count in ("stored", "duplicates", "late"):
            assert sum(getattr(d, count) for d in done) == getattr(once, count), count
        assert once.stored + once.duplicates == len(log)
        with store.open_snapshot(parts) as snap:
            assert dump_all(snap) == expected(log)
            assert snap.totals == totals_of(log)
            for bucket, entry in enumerate(snap.manifest.data["buckets"]):
                assert entry["stats"] == stats_of(snap.run(bucket))
        assert store.leftovers(parts) == []


@given(log=rows(once=True), cuts=st.lists(st.integers(0, 25), max_size=3))
@settings(max_examples=12)
def test_chunks_of_one_write_are_one_log(log: list[Row], cuts: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        where = workspace(Path(folder) / "shop", 2)
        with store.writer(where) as writer:
            for piece in pieces(log, cuts):
                writer.add(table_of(piece) if piece else table_of(log).slice(0, 0))
            writer.commit()
        with store.open_snapshot(where) as snap:
            assert dump_all(snap) == expected(log)


def test_a_small_append_makes_a_delta_and_a_larger_one_a_new_base(tmp_path: Path) -> None:
    where = workspace(tmp_path / "shop", 1)

    def log(first: int, n: int) -> list[Row]:
        return [Row("u", (first + i) * SECOND, "view", page=str(first + i)) for i in range(n)]

    def files() -> tuple[str | None, str | None, int]:
        with store.open_snapshot(where) as snap:
            entry = snap.manifest.data["buckets"][0]
            return entry["base"], entry["delta"], len(entry["parts"])

    put(where, log(0, 100))
    base, delta, n = files()
    assert (delta, n) == (None, 1)
    assert base is not None
    part = next((where / "store/events").rglob("*.parquet"))
    before = part.read_bytes(), (where / "store" / base).read_bytes()
    put(where, log(100, 20))  # a fifth: still a delta
    assert files() == (base, "paths/0000/00000002-delta.arrow", 2)
    assert (part.read_bytes(), (where / "store" / base).read_bytes()) == before, "an append rewrites nothing"
    put(where, log(120, 1))
    assert files() == ("paths/0000/00000003-base.arrow", None, 3)
    with store.open_snapshot(where) as snap:
        assert snap.bucket(0).ts.tolist() == [i * SECOND for i in range(121)]


def test_many_parts_become_one_when_the_base_is_written_anew(tmp_path: Path) -> None:
    one, many = workspace(tmp_path / "one", 1), workspace(tmp_path / "many", 1)
    queries = [str(i) if i % 7 == 0 else None for i in range(60)]
    log = [Row(f"u{i % 3}", (i // 3) * SECOND, "view", page=str(i), query=q) for i, q in enumerate(queries)]
    most = 0
    for row in log:
        put(many, [row])
        with store.open_snapshot(many) as snap:
            most = max(most, len(snap.manifest.data["buckets"][0]["parts"]))
            assert all(len(segments) <= 33 for segments in snap.manifest.data["codes"].values())
    put(one, log)
    assert_same_store(one, many)
    assert most < len(log)
    rebuild(many, 2)
    rebuild(one, 2)
    assert_same_store(one, many)


def test_late_events_go_to_their_place_and_are_counted(tmp_path: Path) -> None:
    where = workspace(tmp_path / "shop")
    put(where, [Row("u", t * SECOND, "view", page=str(t)) for t in (10, 20, 15)])
    done = put(where, [Row("u", 5 * SECOND, "buy"), Row("u", 30 * SECOND, "buy"), Row("new", 1, "view")])
    assert (done.stored, done.late) == (3, 1)
    with store.open_snapshot(where) as snap:
        assert [e["ts"] // SECOND for e in dump_all(snap)["u"]["events"]] == [5, 10, 15, 20, 30]
        assert [commit["late"] for commit in snap.commits] == [1, 1]


def test_the_same_log_again_is_all_duplicates(tmp_path: Path) -> None:
    where = workspace(tmp_path / "shop")
    log = [Row("u", 1, "view", event_id="e"), Row("u", 2, "view", props="{}"), Row("v", 3, "buy", price=-0.0)]
    put(where, log)
    done = put(where, log[::-1])
    assert (done.stored, done.duplicates) == (0, 3)
    with store.open_snapshot(where) as snap:
        assert snap.totals == totals_of(log)


def test_a_late_event_may_join_two_derived_sessions(tmp_path: Path) -> None:
    where = workspace(tmp_path / "shop")
    minute = 60 * SECOND
    put(where, [Row("u", 0, "view", device="desk"), Row("u", 40 * minute, "view", device="phone")])
    with store.open_snapshot(where) as snap:
        assert snap.totals.sessions == 2
    put(where, [Row("u", 20 * minute, "view", referrer="r")])
    with store.open_snapshot(where) as snap:
        (session,) = dump_all(snap)["u"]["sessions"]
        assert session == {"start": 0, "end": 40 * minute, "key": None, "context": {"device": "desk"}}
        assert snap.totals.sessions == 1


class TestOnce:
    """Of the hits that share a once-key only the first counts, with all its lines."""

    def lines(self, user: str, ts: int, hit: str | None, **more: Any) -> list[Row]:
        return [Row(user, ts, "buy", item_id=i, hit=hit, once="t", **more) for i in "ab"]

    def stored(self, tmp_path: Path, *logs: list[Row]) -> dict[str, list[int]]:
        where = workspace(tmp_path / "shop", 1)
        for log in logs:
            put(where, log)
        with store.open_snapshot(where) as snap:
            return {user: [e["ts"] for e in path["events"]] for user, path in dump_all(snap).items()}

    def test_the_first_by_time_wins(self, tmp_path: Path) -> None:
        log = self.lines("u", 9, "2") + self.lines("u", 3, "1")
        assert self.stored(tmp_path, log) == {"u": [3, 3]}

    def test_a_hit_number_is_that_of_its_session(self, tmp_path: Path) -> None:
        """The confirmation page seen again in another visit may well have the same hit number."""
        log = self.lines("u", 3, "1", session_id="s1") + self.lines("u", 900, "1", session_id="s2")
        assert self.stored(tmp_path, log) == {"u": [3, 3]}

    def test_another_users_hit_with_the_same_number_is_another_hit(self, tmp_path: Path) -> None:
        assert self.stored(tmp_path, self.lines("u", 3, "1") + self.lines("v", 4, "1")) == {"u": [3, 3]}

    def test_without_hits_the_time_tells_them_apart(self, tmp_path: Path) -> None:
        assert self.stored(tmp_path, self.lines("u", 3, None) + self.lines("u", 4, None)) == {"u": [3, 3]}

    def test_what_is_stored_stays_even_if_an_earlier_hit_comes_later(self, tmp_path: Path) -> None:
        assert self.stored(tmp_path, self.lines("u", 9, "2"), self.lines("u", 3, "1")) == {"u": [9, 9]}

    def test_lines_of_the_first_hit_may_come_in_two_writes(self, tmp_path: Path) -> None:
        first, second = self.lines("u", 3, "1")
        assert self.stored(tmp_path, [first], [second]) == {"u": [3, 3]}

    def test_rows_without_a_key_are_untouched(self, tmp_path: Path) -> None:
        log = [*self.lines("u", 3, "1"), Row("u", 5, "view"), Row("u", 6, "view")]
        assert self.stored(tmp_path, log) == {"u": [3, 3, 5, 6]}

    def test_they_count_as_duplicates(self, tmp_path: Path) -> None:
        where = workspace(tmp_path / "shop", 1)
        assert put(where, self.lines("u", 3, "1")).stored == 2
        done = put(where, [*self.lines("u", 9, "2"), Row("u", 10, "view")])
        assert (done.stored, done.duplicates) == (1, 2)


def test_counts_add_up() -> None:
    base = {"events": 9, "users": 3, "sessions": 4, "first": 5, "last": 8, "by_event": [4, 5]}
    new = {"events": 2, "users": 1, "sessions": 1, "first": 1, "last": 2, "by_event": [0, 1, 1]}
    assert add_stats(base, {}, new) == {
        "events": 11,
        "users": 4,
        "sessions": 5,
        "first": 1,
        "last": 8,
        "by_event": [4, 6, 1],
    }
    assert add_stats(base, new, new)["events"] == 9


def test_a_write_without_rows_changes_nothing(tmp_path: Path) -> None:
    where = workspace(tmp_path / "shop")
    assert put(where, []) == store.Committed(0, 0, 0, 0)
    with store.writer(where) as writer:
        writer.add(table_of([Row("u", 1, "view")]).slice(0, 0))
        assert writer.commit().generation == 0


def test_a_record_batch_is_taken_like_a_table(tmp_path: Path) -> None:
    one, two = workspace(tmp_path / "one"), workspace(tmp_path / "two")
    table = table_of([Row("u", 1, "view"), Row("v", 2, "buy")])
    with store.writer(one) as writer:
        writer.add(table.to_batches()[0])
        writer.commit()
    with store.writer(two) as writer:
        writer.add(pa.Table.from_batches([table.to_batches()[0].slice(0, 1), table.to_batches()[0].slice(1)]))
        writer.commit()
    assert_same_store(one, two)


def test_progress_and_commits_are_told(tmp_path: Path) -> None:
    where, seen = workspace(tmp_path / "shop", 8), []
    log = [Row(f"u{i}", i, "view") for i in range(100)]
    source = {"file": "a.csv", "signature": "s1", "adapter": "generic", "read": 100}
    put(where, log, sources=[source], quarantine={"missing_user": 2}, progress=lambda done, of: seen.append((done, of)))
    assert seen == [(i, 8) for i in range(1, 9)]
    with store.open_snapshot(where) as snap:
        (commit,) = snap.commits
        assert (commit["stored"], commit["quarantine"], snap.sources) == (100, {"missing_user": 2}, [source])
    with store.writer(where) as writer:
        assert writer.known_sources() == {"s1": source}


def test_a_writer_commits_once(tmp_path: Path) -> None:
    where = workspace(tmp_path / "shop")
    with store.writer(where) as writer:
        writer.add(table_of([Row("u", 1, "view")]))
        writer.commit()
        writer.add(table_of([Row("u", 2, "view")]))
        with pytest.raises(RuntimeError, match="commits once"):
            writer.commit()
    with store.open_snapshot(where) as snap:
        assert snap.totals.events == 1
    assert store.leftovers(where) == []


@pytest.mark.parametrize("threads", [1, 4])
def test_threads_do_not_matter(tmp_path: Path, threads: int) -> None:
    rng = np.random.default_rng(3)
    log = [Row(f"u{rng.integers(50)}", int(rng.integers(10**9)), "view", page=str(i)) for i in range(1000)]
    where = workspace(tmp_path / "shop", 16)
    for part in (log[:600], log[600:650], log[650:]):
        with store.writer(where, threads=threads) as writer:
            writer.add(table_of(part))
            writer.commit()
    view, _ = store.view_from_table(table_of(log))
    with store.open_snapshot(where) as snap:
        assert dump_all(snap) == expected(log)
        assert_same_view(snap.bucket(0), snap.bucket(0))
        assert sum(snap.bucket(i).n_events for i in range(16)) == view.n_events


def test_duplicates_over_three_writes(tmp_path: Path) -> None:
    where = workspace(tmp_path / "shop", 1)
    log = [Row("u", i, "view", page=str(i)) for i in range(50)]
    put(where, log)
    put(where, [Row("u", 100, "buy", page="x")])  # in the delta
    done = put(where, [Row("u", 100, "buy", page="x"), log[3], Row("u", 101, "buy")])
    assert (done.stored, done.duplicates) == (1, 2)
    assert without_duplicates(log) == log
