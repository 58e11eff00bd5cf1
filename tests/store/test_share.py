"""A source read in shares gives the same store as read by one process, with the same codes."""

from __future__ import annotations

import itertools
import pickle
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartpath import store
from cartpath.store.codes import CODED
from cartpath.store.rebuild import rebuild
from cartpath.store.share import ShareWriter
from tests.store.twin import Row, dump_all, expected, put, rows, table_of, workspace


def sent(function: Callable[[Any], Any], items: Sequence[Any], *, progress: Any = None) -> list[Any]:
    """A mapper like that of a cluster: what it is given and what it gives is pickled, and order means nothing."""
    made = {}
    for at in reversed(range(len(items))):
        call, item = pickle.loads(pickle.dumps((function, items[at])))
        made[at] = pickle.loads(pickle.dumps(call(item)))
    return [made[at] for at in range(len(items))]


def put_shares(shop: Path, shares: list[list[list[Row]]]) -> store.Committed:
    """Write shares, each of several chunks, as other processes would."""
    with store.writer(shop, mapper=sent) as writer:
        done = []
        for chunks in shares:
            share = ShareWriter(writer.share_folder(), writer.n_buckets)
            for chunk in chunks:
                share.add(table_of(chunk))
            done.append(pickle.loads(pickle.dumps(share.finish())))
        writer.adopt(done)
        return writer.commit()


def cut(log: list[Row], at: list[int]) -> list[list[Row]]:
    ends = sorted({0, len(log), *(place % (len(log) + 1) for place in at)})
    return [log[a:b] for a, b in itertools.pairwise(ends)]


@settings(max_examples=40)
@given(rows(once=True), st.lists(st.integers(0, 25), max_size=4), st.lists(st.integers(0, 25), max_size=3))
def test_any_cut_gives_what_one_process_gives(log: list[Row], shares: list[int], chunks: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        one, other = workspace(Path(folder) / "one", 3), workspace(Path(folder) / "other", 3)
        put(one, log)
        put_shares(other, [cut(share, chunks) for share in cut(log, shares)])
        with store.open_snapshot(one) as a, store.open_snapshot(other) as b:
            assert dump_all(a) == dump_all(b) == expected(log)
            assert [a.codes(name) for name in CODED.values()] == [b.codes(name) for name in CODED.values()]
            assert a.totals == b.totals
            assert [c["duplicates"] for c in a.commits] == [c["duplicates"] for c in b.commits]
            assert [c["late"] for c in a.commits] == [c["late"] for c in b.commits]
        assert not list((other / "store" / "spill").glob("*"))


@settings(max_examples=20)
@given(rows(once=True), rows(once=True))
def test_shares_after_shares(first: list[Row], second: list[Row]) -> None:
    """The second write finds codes, duplicates and keys of the first."""
    with tempfile.TemporaryDirectory() as folder:
        one, other = workspace(Path(folder) / "one", 2), workspace(Path(folder) / "other", 2)
        for log in (first, second):
            put(one, log)
            half = len(log) // 2
            put_shares(other, [[log[:half]] if half else [], [log[half:]]])
        with store.open_snapshot(one) as a, store.open_snapshot(other) as b:
            assert dump_all(a) == dump_all(b)
            assert a.totals == b.totals
        rebuild(one, 4)
        rebuild(other, 4, mapper=sent)
        with store.open_snapshot(one) as a, store.open_snapshot(other) as b:
            assert dump_all(a) == dump_all(b)


def test_rows_of_this_process_are_built_by_a_mapper_too(tmp_path: Path) -> None:
    log = [Row(f"u{i % 7}", i * 10**6, "view", page=f"/{i % 3}") for i in range(60)]
    shop = workspace(tmp_path / "shop", 4)
    with store.writer(shop, mapper=sent) as writer:
        writer.add(table_of(log))
        writer.commit()
    with store.open_snapshot(shop) as snapshot:
        assert dump_all(snapshot) == expected(log)


def test_a_writer_takes_events_or_shares(tmp_path: Path) -> None:
    shop = workspace(tmp_path / "shop", 2)
    with store.writer(shop) as writer:
        writer.add(table_of([Row("u", 1, "view")]))
        with pytest.raises(RuntimeError, match="not both"):
            writer.adopt([])
    with store.writer(shop) as writer:
        share = ShareWriter(writer.share_folder(), writer.n_buckets)
        share.add(table_of([Row("u", 1, "view")]))
        writer.adopt([share.finish()])
        with pytest.raises(RuntimeError, match="not both"):
            writer.add(table_of([Row("u", 2, "view")]))


def test_a_share_whose_writer_is_gone_cannot_be_written(tmp_path: Path) -> None:
    """A task that outlives its write must not leave files for the next one to find."""
    shop = workspace(tmp_path / "shop", 2)
    with store.writer(shop) as writer:
        folder = writer.share_folder()
    with pytest.raises(FileNotFoundError):
        ShareWriter(folder, 2)
    assert not folder.exists()


def test_two_tries_of_a_task_do_not_meet(tmp_path: Path) -> None:
    shop = workspace(tmp_path / "shop", 1)
    with store.writer(shop) as writer:
        tries = [ShareWriter(writer.share_folder(), 1) for _ in range(2)]
        for number, share in enumerate(tries):
            share.add(pa.table(table_of([Row("u", number, "view")])))
        one, _ = (share.finish() for share in tries)
        writer.adopt([one])
        assert writer.commit().stored == 1
    with store.open_snapshot(shop) as snapshot:
        assert snapshot.bucket(0).ts.tolist() == [0]
