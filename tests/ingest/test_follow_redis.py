"""Following a Redis stream: each entry once, acknowledged only after it is stored; what is missing is said."""

from __future__ import annotations

import json
import os
import random
import secrets
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from cartpath import ingest, store
from cartpath.ingest.follow.stream import StreamSource
from cartpath.schema import CartpathError
from tests.ingest.following import Batches, asked, events, make_shop
from tests.ingest.test_follow_kills import start

pytestmark = pytest.mark.redis


class Stream:
    """A stream of this test alone."""

    def __init__(self) -> None:
        import redis

        self.server = os.environ["CARTPATH_TEST_REDIS"].rstrip("/")
        self.key = f"cartpath-test-{secrets.token_hex(6)}"
        self.url = f"{self.server}/0/{self.key}"
        self.redis = redis.Redis.from_url(self.server)

    def add(self, first: int, last: int, **more: Any) -> None:
        pipe = self.redis.pipeline()
        for n in range(first, last):
            pipe.xadd(self.key, {"user_id": f"u{n % 7}", "ts": 1_577_836_800 + n, "event": "view"}, **more)
        pipe.execute()

    def pending(self) -> int:
        return sum(group["pending"] for group in self.redis.xinfo_groups(self.key))


@pytest.fixture
def stream() -> Iterator[Stream]:
    made = Stream()
    yield made
    made.redis.delete(made.key)
    made.redis.close()


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return make_shop(tmp_path / "shop")


class Follower(Batches):
    def __init__(self, shop: Path, stream: Stream, **options: str) -> None:
        said: list[str] = []
        super().__init__(shop, StreamSource(shop, stream.url, asked(), options, said.append), said)


def quarantined(shop: Path) -> list[dict[str, Any]]:
    return [row for path in (shop / "quarantine").glob("*") for row in pq.read_table(path).to_pylist()]


def test_entries_are_read_once_and_acknowledged(shop: Path, stream: Stream) -> None:
    stream.add(0, 10)
    follower = Follower(shop, stream)
    assert follower.counts() == (10, 0, 0)
    assert follower.counts() == (0, 0, 0)
    stream.add(10, 15)
    assert follower.counts() == (5, 0, 0)
    assert stream.pending() == 0
    assert follower.source.lag() == {"entries": 5} or follower.source.waiting() == 0
    stream.add(15, 18)
    assert Follower(shop, stream).counts() == (3, 0, 0)


def test_what_is_there_now_without_following(shop: Path, stream: Stream) -> None:
    stream.add(0, 12)
    for expected in (12, 0):
        done = ingest.ingest(shop, [stream.url])
        assert (done.read, done.stored, done.users) == (expected, expected, 7)
    stream.add(12, 16)
    stream.redis.xtrim(stream.key, maxlen=1, approximate=False)
    cut = ingest.ingest(shop, [stream.url])
    assert cut.stored == 1
    assert "3 entries after" in cut.truncated[0]["why"]
    stream.add(16, 17)
    assert ingest.ingest(shop, [stream.url]).stored == 1
    with pytest.raises(CartpathError, match="no stream at"):
        ingest.ingest(shop, [f"{stream.server}/{stream.key}-none"])


def test_entries_as_fields_or_json_and_bad_ones_with_their_id(shop: Path, stream: Stream) -> None:
    add = stream.redis.xadd
    good = {"user_id": 7, "ts": "2020-01-01", "event": "view", "price": 2.5}
    add(stream.key, {"user_id": "u1", "ts": "2020-01-01", "event": "view", "price": "1.5"})
    add(stream.key, {"data": json.dumps(good, indent=1)})
    bad = [
        add(stream.key, {"json": "{broken"}).decode(),
        add(stream.key, {"colour": "red"}).decode(),
        add(stream.key, {b"user_id": b"\xff\n"}).decode(),
    ]
    done = Follower(shop, stream).batch()
    assert (done.stored, done.quarantined) == (2, 3)
    rows = sorted(quarantined(shop), key=lambda row: row["row"])
    assert [row["reason"] for row in rows] == ["malformed_json", "missing_user", "bad_encoding"]
    assert [row["raw"].partition(" ")[0] for row in rows] == bad
    assert [row["row"] for row in rows] == [3, 4, 5]
    assert '"colour": "red"' in rows[1]["raw"]


def test_the_field_that_holds_json_can_be_named(shop: Path, stream: Stream) -> None:
    row = json.dumps({"user_id": "u1", "ts": "2020-01-01", "event": "view"})
    stream.redis.xadd(stream.key, {"body": row, "trace": "1"})
    stream.redis.xadd(stream.key, {"other": row})
    assert Follower(shop, stream, field="body", group="mine").counts() == (1, 0, 1)
    assert [group["name"] for group in stream.redis.xinfo_groups(stream.key)] == [b"mine"]


def test_without_the_columns_nothing_is_taken_at_first(shop: Path, stream: Stream) -> None:
    stream.redis.xadd(stream.key, {"who": "u1"})
    follower = Follower(shop, stream)
    assert follower.counts() == (0, 0, 0)
    assert "no column for 'user_id'" in follower.notes["failed"][0]["why"]
    follower.batch()
    assert follower.notes == {}
    stream.add(0, 2)
    assert follower.counts() == (2, 0, 1)
    stream.redis.xadd(stream.key, {"who": "u1"})
    assert follower.counts() == (0, 0, 1)


def test_killed_between_swap_and_acknowledgement(shop: Path, stream: Stream) -> None:
    stream.add(0, 25)
    with start(shop, stream.url, "ack") as process:
        process.wait(60)
    assert process.returncode == -9
    assert stream.pending() == 25
    stream.add(25, 30)
    follower = Follower(shop, stream)
    assert follower.counts() == (5, 0, 0)
    assert stream.pending() == 0
    with store.open_snapshot(shop) as snapshot:
        assert snapshot.totals.events == 30


def test_killed_before_the_swap_all_comes_again(shop: Path, stream: Stream) -> None:
    stream.add(0, 25)
    with start(shop, stream.url, "12") as process:
        process.wait(60)
    assert process.returncode == -9
    assert stream.pending() == 25
    assert Follower(shop, stream).counts() == (25, 0, 0)
    assert stream.pending() == 0


def test_entries_cut_off_before_they_were_read_are_said(shop: Path, stream: Stream) -> None:
    stream.add(0, 10)
    follower = Follower(shop, stream)
    follower.batch()
    stream.add(10, 30)
    stream.redis.xtrim(stream.key, maxlen=4, approximate=False)
    assert follower.counts() == (4, 0, 0)
    (note,) = follower.notes["missing"]
    assert (note["entries"], note["why"]) == (16, "deleted")
    assert "16 entries after" in follower.said[0]
    stream.redis.xtrim(stream.key, maxlen=0, approximate=False)
    assert follower.counts() == (0, 0, 0)
    assert follower.notes == {}


def test_a_stream_made_anew_is_read_from_its_start(shop: Path, stream: Stream) -> None:
    stream.add(0, 10)
    follower = Follower(shop, stream)
    follower.batch()
    stream.redis.delete(stream.key)
    assert follower.counts() == (0, 0, 0)
    assert follower.notes["missing"][0]["why"] == "made anew"
    stream.redis.xadd(stream.key, {"user_id": "new", "ts": "2020-01-01", "event": "view"})
    assert follower.counts() == (1, 0, 0)
    stream.redis.delete(stream.key)
    stream.redis.xadd(stream.key, {"user_id": "old", "ts": "2020-01-01", "event": "view"}, id="5-1")
    assert Follower(shop, stream).counts() == (1, 0, 0)


def test_a_group_that_was_destroyed_or_read_by_another_loses_nothing(shop: Path, stream: Stream) -> None:
    stream.add(0, 10)
    follower = Follower(shop, stream)
    follower.batch()
    (group,) = stream.redis.xinfo_groups(stream.key)
    stream.add(10, 14)
    stream.redis.xgroup_destroy(stream.key, group["name"])
    assert sum(follower.batch().stored for _ in range(2)) == 4
    stream.add(14, 20)
    stream.redis.xreadgroup(group["name"], "somebody", {stream.key: ">"}, count=3)
    assert Follower(shop, stream).counts() == (6, 0, 0)
    assert stream.pending() == 0


def test_a_dropped_connection_is_made_again(shop: Path, stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("cartpath.ingest.follow.stream.now", lambda: clock[0])
    stream.add(0, 5)
    follower = Follower(shop, stream)
    follower.batch()
    stream.add(5, 9)
    read = follower.source._redis.xreadgroup

    def torn(*args: Any, **named: Any) -> Any:
        """The server has delivered the entries; the answer is lost."""
        read(*args, **named)
        raise ConnectionResetError("torn")

    monkeypatch.setattr(follower.source._redis, "xreadgroup", torn)
    assert follower.counts() == (0, 0, 0)
    assert follower.said[-1].endswith("asked again in 0.5 s")
    monkeypatch.setattr(follower.source._redis, "xreadgroup", read)
    assert follower.counts() == (0, 0, 0)
    clock[0] += 0.5
    assert follower.counts() == (4, 0, 0)
    assert follower.said[-1].endswith("answers again")
    assert stream.pending() == 0


def test_a_server_that_is_away_is_asked_in_growing_pauses(
    shop: Path, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr("cartpath.ingest.follow.stream.now", lambda: clock[0])
    stream.add(0, 5)
    follower = Follower(shop, stream)
    with monkeypatch.context() as away:

        def refuse(*_: Any) -> None:
            raise ConnectionRefusedError("away")

        away.setattr(follower.source._redis, "xinfo_stream", refuse)
        for pause in (0.5, 1.0, 2.0):
            assert follower.counts() == (0, 0, 0)
            assert follower.said[-1].endswith(f"asked again in {pause:g} s")
            clock[0] += pause
    assert follower.counts() == (5, 0, 0)


def test_the_password_stays_out_of_everything(shop: Path, stream: Stream) -> None:
    stream.redis.config_set("requirepass", "")  # the server of the tests has none
    stream.add(0, 1)
    with pytest.raises(CartpathError) as refused:
        StreamSource(shop, stream.url.replace("redis://", "redis://:s3cret@"), asked(), {}, str)
    assert "s3cret" not in str(refused.value)
    with pytest.raises(CartpathError) as unread:
        StreamSource(shop, "redis://:s3cret@host:1/", asked(), {}, str)
    assert "s3cret" not in str(unread.value)


@pytest.mark.slow
def test_killed_many_times(shop: Path, stream: Stream) -> None:
    rng, done, stop = random.Random(3), [0], threading.Event()

    def produce() -> None:
        while not stop.is_set():
            size = rng.randrange(1, 400)
            stream.add(done[0], done[0] + size)
            done[0] += size
            time.sleep(rng.random() * 0.4)

    thread = threading.Thread(target=produce)
    thread.start()
    for turn in range(20):
        with start(shop, stream.url, *(["ack"] if turn % 3 == 0 else [])) as process:
            if turn % 3:
                time.sleep(rng.uniform(0.05, 1.5))
                process.kill()
            process.wait()
    stop.set()
    thread.join()
    follower = Follower(shop, stream)
    while follower.batch().read:
        pass
    assert sum(events(shop).values()) == done[0]
    with store.open_snapshot(shop) as snapshot:
        assert sum(commit["stored"] for commit in snapshot.commits) == done[0]
        assert sum(commit["duplicates"] for commit in snapshot.commits) == 0
    assert stream.pending() == 0
