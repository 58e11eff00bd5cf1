"""Events go in and are part of their users' paths: at once, once each, in their place, also after a restart."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from cartpath.ingest import Reason
from cartpath.privacy import forget
from cartpath.schema import WorkspaceBusyError
from cartpath.serving.state import open_state
from tests.serving.state.places import Place, event, stored, texts


def items(state: Any, user: str = "u") -> list[str]:
    log = state.log([user])
    return [log.codes("item")[code] for code in log.view.item]


def wait_for(state: Any, generation: int) -> None:
    for _ in range(200):
        state.log(["u"])
        if state.health().generation == generation:
            return
        time.sleep(0.02)
    raise AssertionError(state.health())


def test_an_event_is_seen_by_the_next_read(place: Place) -> None:
    with place.open() as state:
        assert not state.known("u")
        for at in range(5):
            assert state.append([event(second=at, item_id=f"i{at}")]).accepted == 1
            assert items(state) == [f"i{n}" for n in range(at + 1)]
        assert state.known("u")
        assert not state.known("v")


def test_a_repeat_is_a_duplicate_also_after_a_restart(place: Place) -> None:
    one, two = event(event_id="1", item_id="a"), event(second=1, item_id="b")
    with place.open() as state:
        done = state.append([one, one, two])
        assert (done.accepted, done.duplicates, done.rejected) == (2, 1, [])
        assert state.append([{**one, "second": 7}, two]).duplicates == 2
    with place.open() as state:
        done = state.append([{**one, "item_id": "c"}, two, event("v", event_id="1")])
        assert (done.accepted, done.duplicates) == (1, 2)  # an id tells events of one user apart
        assert items(state) == ["a", "b"]


def test_a_bad_event_does_not_reject_the_others(place: Place) -> None:
    sent = [
        event(item_id="a"),
        {"ts": 1577836800, "event": "view"},
        {"user_id": "u", "ts": 1577836800},
        event() | {"ts": "soon"},
        event() | {"ts": 5},
        event() | {"ts": "2999-01-01T00:00:00Z"},
        event(price=-1),
        event(quantity="many"),
        event(page="a\0b"),
        event(item_id={"no": "text"}),
        event(page="\ud800"),
        event(page="x" * 2_000_000),
        ["no object"],
        event(second=1, item_id="b"),
    ]
    with place.open() as state:
        done = state.append(sent)
        assert done.accepted == 2
        assert [(one.index, one.reason) for one in done.rejected] == [
            (1, Reason.missing_user), (2, Reason.missing_event), (3, Reason.unreadable_time),
            (4, Reason.time_before_1995), (5, Reason.time_in_future), (6, Reason.negative_price),
            (7, Reason.wrong_type), (8, Reason.nul_bytes), (9, Reason.wrong_type), (10, Reason.bad_encoding),
            (11, Reason.field_too_large), (12, Reason.malformed_json),
        ]  # fmt: skip
        assert all(one.what for one in done.rejected)
        assert items(state) == ["a", "b"]


def test_an_event_without_a_time_happened_now(place: Place) -> None:
    with place.open() as state:
        before = time.time_ns() // 1000
        state.append([{"user_id": "u", "event": "view"}])
        assert before <= state.log(["u"]).view.ts[0] <= time.time_ns() // 1000


def test_late_events_go_to_their_place(place: Place) -> None:
    place.ingest([event(second=10, item_id="b"), event(second=30, item_id="d")])
    with place.open() as state:
        state.append([event(second=40, item_id="e")])
        state.append([event(second=20, item_id="c"), event(second=0, item_id="a"), event(second=10, item_id="b2")])
        assert items(state) == ["a", "b", "b2", "c", "d", "e"]
    with place.open() as state:
        assert items(state) == ["a", "b", "b2", "c", "d", "e"]


def test_users_come_in_the_order_asked(place: Place) -> None:
    place.ingest([event("v", item_id="a"), event("u", item_id="b")])
    with place.open() as state:
        state.append([event("w", item_id="c"), event("u", 1, item_id="d")])
        log = state.log(["w", "nobody", "u", "w", "v"])
        assert log.view.user_id.to_pylist() == ["w", "nobody", "u", "w", "v"]
        assert log.view.offsets.tolist() == [0, 1, 1, 3, 4, 5]
        assert [log.codes("item")[code] for code in log.view.item] == ["c", "b", "d", "c", "a"]
        assert state.log([]).view.n_users == 0


def test_codes_of_a_generation_stand(place: Place) -> None:
    place.ingest([event(item_id="a"), event(second=1, item_id="b")])
    with place.open() as state:
        first = state.log(["u"])
        known = first.codes("item")
        state.append([event(second=2, item_id="c")])
        again = state.log(["u"])
        assert first.codes is again.codes
        assert known is again.codes("item")
        assert known == ["a", "b", "c"]
        assert again.view.item.tolist() == [0, 1, 2]


def test_what_others_ingest_is_not_counted_twice(place: Place) -> None:
    day = [event(second=at, item_id=f"i{at}", event_id=f"e{at}") for at in range(6)]
    with place.open() as state:
        state.append(day[2:5])
        done = place.ingest(day)
        wait_for(state, done.generation)
        assert items(state) == [f"i{at}" for at in range(6)]
        assert state.health().events == 0
        assert state.append(day[:2]).duplicates == 2


def test_absorbing_changes_no_path_and_empties_the_log(place: Place) -> None:
    place.ingest([event(item_id="a"), event("v", item_id="b")])
    with place.open() as state:
        state.append([event(second=9, item_id="c", query="q"), event("w", 3), event("u", 5, item_id="d")])
        before = texts(state.log(["u", "v", "w"]))
    done = place.absorb()
    assert (done.stored, done.duplicates, done.quarantined, done.parts) == (3, 0, 0, 1)
    assert stored(place.shop, ["u", "v", "w"]) == before
    assert place.absorb().parts == 0
    with place.open() as state:
        assert state.health().events == 0
        assert texts(state.log(["u", "v", "w"])) == before
        assert state.append([event(second=9, item_id="c", query="q")]).duplicates == 1


def test_a_large_log_becomes_several_generations(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cartpath.serving.state.absorbing._GROUP_BYTES", 1)
    monkeypatch.setattr("cartpath.serving.state.segments.SEGMENT_BYTES", 200)
    monkeypatch.setattr("cartpath.serving.state.stream._PIECE", 3)
    monkeypatch.setattr("cartpath.serving.state.stream._PAGE", 3)
    with place.open() as state:
        for at in range(9):
            state.append([event(second=at, item_id=f"i{at}")])
    done = place.absorb()
    assert done.parts == done.generation >= 3
    assert (done.stored, done.duplicates) == (9, 0)
    with place.open() as state:
        assert items(state) == [f"i{at}" for at in range(9)]


def test_a_run_of_absorb_that_was_killed_is_repeated(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    with place.open() as state:
        state.append([event(second=at) for at in range(4)])
    monkeypatch.setattr("cartpath.serving.state.segments.drop_segments", lambda *_: None)
    monkeypatch.setattr("cartpath.serving.state.stream.RedisStream.drop", lambda *_: None)
    assert place.absorb().stored == 4
    assert place.absorb().parts == 0
    with place.open() as state:
        assert state.log(["u"]).view.n_events == 4
        assert state.health().events == 0


def test_a_forgotten_user_is_gone_from_memory_and_from_the_log(place: Place) -> None:
    with place.open() as state:
        state.append([event(query="mine alone"), event("v"), event(second=1)])
        gone = state.forget("u")
        assert (gone.events, gone.lines) == (2, 2)
        assert not state.known("u")
        assert state.forget("u").lines == 0
        state.append([event("v", 1)])
        assert state.log(["u", "v"]).view.offsets.tolist() == [0, 0, 2]
    if place.url is None:
        assert b"mine alone" not in b"".join(path.read_bytes() for path in (place.shop / "live").iterdir())
    with place.open() as state:
        assert "mine alone" not in state.log(["u"]).codes("query")
        assert state.log(["u", "v"]).view.offsets.tolist() == [0, 0, 2]


def test_a_user_whose_id_is_a_number_is_forgotten(place: Place) -> None:
    with place.open() as state:
        state.append([event() | {"user_id": number} for number in (12, "12", 12.0, "12.0", 120)])
        assert state.log(["12"]).view.n_events == 1  # the same event each time
        state.append([event(second=at) | {"user_id": number} for at, number in enumerate((12, 12.0, "12.0"), 1)])
        gone = state.forget("12")
        assert (gone.events, gone.lines) == (4, 4)
    with place.open() as state:
        assert state.known("120")
        assert not state.known("12")


def test_the_command_reaches_live_events_and_has_the_user_refused(place: Place) -> None:
    place.ingest([event(), event("v")])
    with place.open() as state:
        state.append([event(second=1), event("v", 1)])
        record = forget(place.shop, "u")
        done = state.append([event(second=2), event("v", 2)])
        assert (done.accepted, [one.reason for one in done.rejected]) == (1, [Reason.forgotten_user])
        wait_for(state, record["generation"])
        assert state.log(["u", "v"]).view.offsets.tolist() == [0, 0, 3]
    if place.url is None:
        assert record["artefacts"]["live/00000001.jsonl"] == 1
    with place.open() as state:
        assert state.health().events == 2
        assert state.health().damaged == 0


def test_many_threads_at_once(place: Place) -> None:
    with place.open() as state:
        seen: list[int] = []

        def work(thread: int) -> None:
            for at in range(20):
                state.append([event(f"u{thread}", at, event_id=f"{at}"), event("all", at, event_id=f"{at}")])
                seen.append(state.log([f"u{thread}"]).view.n_events - at)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert seen == [1] * 80
        assert state.log(["all"]).view.n_events == 20
        assert state.health().events == 100
    with place.open() as state:
        assert state.health().events == 100


def test_one_process_has_the_embedded_log(place: Place) -> None:
    with place.open():
        if place.url is None:
            with pytest.raises(WorkspaceBusyError, match="redis"):
                open_state(place.shop)
        else:
            open_state(place.shop, place.url).close()


def test_paths_put_together_are_kept_within_bounds(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cartpath.serving.state.epoch._KEPT_BYTES", 30_000)
    with place.open() as state:
        state.append([event(f"u{at}", at) for at in range(20)])
        for at in range(20):
            assert state.log([f"u{at}"]).view is state.log([f"u{at}"]).view
        assert 0 < state._epoch._kept_bytes <= 30_000
        assert len(state._epoch._kept) == 3
        state.append([event("u19", 90)])
        assert state.log(["u19"]).view.n_events == 2
        assert state._epoch._kept_bytes == sum(8_000 + 90 * view.n_events for _, view in state._epoch._kept.values())
