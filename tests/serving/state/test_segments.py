"""The log in files: torn tails, a full disk, a flush that fails, many threads in one flush."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cartpath.serving.state import StateDownError
from cartpath.serving.state import segments as files
from cartpath.serving.state.journal import START
from cartpath.serving.state.segments import Segments
from tests.serving.state.places import Place, event


@pytest.fixture
def shop(tmp_path: Path) -> Place:
    return Place(tmp_path / "shop")


def segment(shop: Place, number: int = 1) -> Path:
    return shop.shop / "live" / f"{number:08d}.jsonl"


@pytest.mark.parametrize("torn", [b'{"user_id": "u", "ts', b'{"user_id": "u"}', b"\0" * 9000])
def test_a_torn_tail_is_cut_off(shop: Place, torn: bytes) -> None:
    with shop.open() as state:
        state.append([event(), event(second=1)])
    whole = segment(shop).read_bytes()
    segment(shop).write_bytes(whole + torn)
    with shop.open() as state:
        assert segment(shop).read_bytes() == whole
        assert state.append([event(second=2)]).accepted == 1
    with shop.open() as state:
        assert state.log(["u"]).view.n_events == 3


def test_a_line_that_cannot_be_read_takes_no_other_with_it(shop: Place) -> None:
    with shop.open() as state:
        state.append([event(), event(second=1)])
    data = segment(shop).read_bytes()
    segment(shop).write_bytes(b"\0\0\0\n" + data + b"{no json}\n" * 100)
    with shop.open() as state:
        assert state.log(["u"]).view.n_events == 2
        assert state.health().damaged == 101
    assert shop.absorb().quarantined == 101


def test_a_full_disk_is_told_and_nothing_is_half_taken(shop: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write

    def full(file: int, data: Any) -> int:
        if len(data) > 100:
            return write(file, data[:100])  # part of it still fits
        raise OSError(errno.ENOSPC, "No space left on device")

    with shop.open() as state:
        state.append([event()])
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", full)
            with pytest.raises(StateDownError, match="No space"):
                state.append([event(second=1)])
            assert state.log(["u"]).view.n_events == 1
        assert state.append([event(second=1)]).accepted == 1
    assert segment(shop).read_bytes().count(b"\n") == 2
    with shop.open() as state:
        assert state.log(["u"]).view.n_events == 2
        assert state.health().damaged == 0


def test_what_a_failed_flush_leaves_does_not_count(shop: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(file: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with shop.open() as state:
        state.append([event()])
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", fails)
            with pytest.raises(StateDownError, match="Input/output"):
                state.append([event(second=1)])
            assert not state.health().ok
            with pytest.raises(StateDownError):  # nor is it a duplicate: that would say that it is durable
                state.append([event(second=1)])
        assert state.append([event(second=1)]).accepted == 1
        assert state.append([event(second=1)]).duplicates == 1
        assert state.health().ok
        assert state.log(["u"]).view.n_events == 2
    with shop.open() as state:
        assert state.log(["u"]).view.n_events == 2


def test_whoever_waits_for_a_flush_that_failed_is_told(shop: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where another has gone on meanwhile."""
    log = Segments(shop.shop)
    first = log.write([b"{}\n"])[-1]
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda file: (_ for _ in ()).throw(OSError("no")))
        with pytest.raises(StateDownError):
            log.sync(first)
    assert log.lost(first)
    second = log.write([b"{}\n"])[-1]
    log.sync(second)
    with pytest.raises(StateDownError):
        log.sync(first)
    assert [part.lines for part in log.read(START)] == [[b"{}\n"]]
    log.close()


def test_appends_at_the_same_time_share_a_flush(shop: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    flushes = []

    def slow(file: int) -> None:
        flushes.append(file)
        time.sleep(0.05)

    with shop.open() as state:
        monkeypatch.setattr(os, "fsync", slow)
        together(16, lambda n: state.append([event(f"u{n}")]))
        assert state.health().events == 16
        assert len(flushes) < 8


def together(n: int, work: Callable[[int], Any]) -> None:
    threads = [threading.Thread(target=work, args=(at,)) for at in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_an_append_returns_only_after_its_flush(shop: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed = [0]
    log = Segments(shop.shop)
    monkeypatch.setattr(os, "fsync", lambda file: flushed.__setitem__(0, os.fstat(file).st_size))
    done: list[tuple[int, int]] = []

    def work(n: int) -> None:
        with lock:
            end = log.write([b'{"n": %d}\n' % n])[-1]
        log.sync(end)
        done.append((end[1], flushed[0]))

    lock = threading.Lock()
    together(20, work)
    assert len(done) == 20
    assert all(size <= durable for size, durable in done)
    log.close()


def test_segments_are_closed_and_absorbed_while_serving(shop: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "SEGMENT_BYTES", 500)
    with shop.open() as state:
        for at in range(40):
            state.append([event(second=at, item_id=f"i{at}")])
        before = len(list((shop.shop / "live").glob("*.jsonl")))
        assert before > 3
        done = shop.absorb()
        assert (done.parts, done.stored) == (1, 40 - _lines_in_the_last(shop))
        assert len(list((shop.shop / "live").glob("*.jsonl"))) == 1
        assert state.log(["u"]).view.n_events == 40
        state.refresh()
        assert state.health().events == 40 - done.stored
        assert state.log(["u"]).view.n_events == 40
        assert state.append([event(second=40)]).accepted == 1
    with shop.open() as state:
        assert state.log(["u"]).view.n_events == 41


def _lines_in_the_last(shop: Place) -> int:
    return max((shop.shop / "live").glob("*.jsonl")).read_bytes().count(b"\n")


def test_reads_while_generations_come_and_go(shop: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """No reader ever sees fewer events than were there, or one twice."""
    monkeypatch.setattr(files, "SEGMENT_BYTES", 2000)
    monkeypatch.setattr("cartpath.serving.state.live._LOOK", 0.0)
    stop, wrong, sent = threading.Event(), list[Any](), [0]
    with shop.open() as state:

        def read() -> None:
            while not stop.is_set():
                least = sent[0]
                view = state.log(["u"]).view
                if view.n_events < least or len(set(view.ts.tolist())) != view.n_events:
                    wrong.append((least, view.n_events))

        readers = [threading.Thread(target=read) for _ in range(2)]
        for reader in readers:
            reader.start()
        for at in range(240):
            state.append([event(second=at)])
            sent[0] = at + 1
            if at % 60 == 59:
                shop.absorb()
        stop.set()
        for reader in readers:
            reader.join()
        assert wrong == []
        state.refresh()
        assert state.log(["u"]).view.n_events == 240
