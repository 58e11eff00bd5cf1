"""What is watched of paths, and what moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from cartpath import store
from cartpath.features import Log, earlier, join, log_from_table, stretch
from cartpath.ingest.run import ingest
from cartpath.serving.drift import FEATURES, Drift, references_of, references_of_store
from cartpath.serving.drift.columns import observed
from cartpath.serving.drift.monitor import FIRST_SCORES, LEAST, USERS
from cartpath.simulate import simulate

START = datetime(2026, 3, 1, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def events(users: Sequence[str], n: int, channel: str = "web", price: float = 10.0) -> list[dict[str, Any]]:
    """Return ``n`` views of each user, an hour apart."""
    return [
        {
            "user_id": user,
            "ts": START + timedelta(hours=k),
            "event": "view",
            "item_id": "a",
            "channel": channel,
            "price": price,
        }
        for user in users
        for k in range(n)
    ]


def log_of(rows: list[dict[str, Any]]) -> Log:
    return log_from_table(pa.Table.from_pylist(rows))


class Paths:
    """Live paths, as the state has them: whole, in the order asked."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows = rows
        self.asked: list[str] = []

    def __call__(self, users: Sequence[str]) -> Log:
        self.asked = list(users)
        log = log_of([row for row in self.rows if row["user_id"] in users])
        at = {user: n for n, user in enumerate(log.view.user_id.to_pylist())}
        return replace(log, view=join([stretch(log.view, at[user], at[user] + 1) for user in users]))


def us(when: datetime) -> int:
    return int(when.timestamp()) * 1_000_000


def counted(drift: Drift) -> int:
    """Return how many events are in the window."""
    return int(drift._features["event"].window.counts().sum())


def look_at(drift: Drift, users: Sequence[str], n: int, paths: Paths) -> None:
    """See ``n`` events of each user, and look, as many users at a time as wait."""
    for first in range(0, len(users), USERS):
        for user in users[first : first + USERS]:
            drift.seen(user, n)
        drift.look(paths)


def test_features_of_events_by_hand() -> None:
    rows = [
        ("a", START, "view", "web", None, 3.0),
        ("a", START + timedelta(minutes=1, seconds=30), "purchase", None, None, None),
        ("b", START + timedelta(hours=25), "view", None, "phone", None),
    ]
    names = ("user_id", "ts", "event", "channel", "device", "price")
    log = Paths([dict(zip(names, row, strict=True)) for row in rows])(["a", "b"])
    found = observed(log, np.arange(3))
    assert tuple(found) == FEATURES
    assert found["event"] == {"view": 2, "purchase": 1}
    assert found["channel"] == {"web": 2, None: 1}  # the session's, of its later events too
    assert found["device"] == {None: 2, "phone": 1}
    assert found["hour"] == {"00": 2, "01": 1}
    for name, numbers in (("gap", [np.nan, 90, np.nan]), ("price", [3, np.nan, np.nan])):
        assert np.array_equal(np.asarray(found[name], np.float64), numbers, equal_nan=True)
    assert np.asarray(observed(log, np.array([1]))["gap"]).tolist() == [90]


def test_new_events_of_users_are_counted_once() -> None:
    rows = events(["a", "b"], 10)
    paths = Paths(rows)
    drift = Drift(references_of(log_of(rows)), clock=Clock())
    drift.seen("a")
    drift.seen("a", 2)
    drift.seen("b", 99)  # more than there are, where some were sent twice
    assert drift.look(paths) == us(START + timedelta(hours=9))
    assert paths.asked == ["a", "b"]
    assert counted(drift) == 3 + 10
    assert drift.look(paths) is None
    assert counted(drift) == 3 + 10


def test_the_same_people_have_not_moved_and_others_have() -> None:
    users = [f"user {n:03d}" for n in range(100)]
    reference = references_of(log_of(events(users, 24)))
    clock = Clock()
    same, other = Drift(reference, clock=clock), Drift(reference, clock=clock)
    for drift, channel, price in ((same, "web", 10.0), (other, "app", 99.0)):
        look_at(drift, users, 24, Paths(events(users, 24, channel, price)))
        assert counted(drift) == 2_400
    clock.now = 86_399.0
    assert {moved.name: round(moved.psi, 6) for moved in same.moved()} == dict.fromkeys(
        ("event", "channel", "device", "gap", "price"), 0.0
    )
    found = {moved.name: moved for moved in other.moved()}
    assert found["event"].psi == 0
    assert found["channel"].psi > 0.25
    assert found["price"].psi > 0.25
    assert (found["price"].kind, found["price"].n) == ("feature", 2_400)
    clock.now = 86_400.0  # a day later they have left the window
    assert other.moved() == []


def test_hours_are_compared_only_over_a_whole_day() -> None:
    users = [f"user {n:03d}" for n in range(50)]
    rows = events(users, 24)
    clock = Clock()
    drift = Drift(references_of(log_of(rows)), clock=clock)
    for hour in range(25):
        clock.now = hour * 3600.0
        look_at(drift, users, 1, Paths([row for row in rows if row["ts"] <= START + timedelta(hours=hour)]))
        if hour == 23:
            assert "hour" not in {moved.name for moved in drift.moved()}
    assert "hour" in {moved.name for moved in drift.moved()}


def test_few_values_say_nothing() -> None:
    users = [f"user {n:03d}" for n in range(30)]
    rows = events(users, 24)
    drift = Drift(references_of(log_of(rows)), clock=Clock())
    look_at(drift, users[: LEAST // 24], 24, Paths(rows))
    assert drift.moved() == []
    look_at(drift, users[-1:], 24, Paths(rows))
    assert {moved.n for moved in drift.moved()} == {24 * (LEAST // 24 + 1)}


def test_no_more_users_wait_than_may() -> None:
    drift = Drift(references_of(log_of(events(["a"], 2))))
    for n in range(3 * USERS):
        drift.seen(f"user {n:05d}")
    drift.look(Paths(events([f"user {n:05d}" for n in range(USERS)], 1)))
    assert counted(drift) == USERS


def test_a_user_who_is_gone_meanwhile_counts_nothing() -> None:
    drift = Drift(references_of(log_of(events(["a"], 2))))
    log = log_of(events(["a"], 1))
    drift.seen("a")
    assert drift.look(lambda users: replace(log, view=earlier(log.view, 0))) is None
    assert counted(drift) == 0


def test_scores_are_compared_with_the_first_of_their_version() -> None:
    drift = Drift({})
    rng = np.random.default_rng(1)
    for _ in range(20):
        drift.scored("intent", "v1", rng.random(FIRST_SCORES // 20 + 10))
    assert drift.moved() == []  # 200 after the first ones
    drift.scored("intent", "v1", rng.random(LEAST))
    drift.scored("churn", "v1", rng.random(FIRST_SCORES + LEAST) / 2)
    steady = {moved.name: moved for moved in drift.moved()}
    assert steady["intent"].n == 200 + LEAST
    assert steady["intent"].psi < 0.05
    assert steady["churn"].n == LEAST
    drift.scored("intent", "v1", rng.random(4 * LEAST) / 2)
    assert {moved.name: moved.psi > 0.1 for moved in drift.moved()} == {"intent": True, "churn": False}
    drift.scored("intent", "v2", 0.3)
    assert [moved.name for moved in drift.moved()] == ["churn"]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("log")
    simulate(folder, users=60, days=10, seed=3)
    store.init(folder / "shop")
    ingest(folder / "shop", [str(folder / "events.parquet")], adapter="cartpath")
    return folder / "shop"


def test_the_reference_of_a_store_ends_where_it_is_told_to(shop: Path) -> None:
    whole = references_of_store(shop)
    assert tuple(whole) == FEATURES
    with store.open_snapshot(shop) as snapshot:
        ts = np.concatenate([snapshot.bucket(bucket).ts for bucket in range(snapshot.n_buckets)])
    assert {int(reference.counts.sum()) for reference in whole.values()} == {len(ts)}
    middle = int(np.median(ts))
    half = references_of_store(shop, until=middle)
    assert {int(reference.counts.sum()) for reference in half.values()} == {int((ts < middle).sum())}
    assert int(references_of_store(shop, most=100)["event"].counts.sum()) <= 100
    assert references_of_store(shop, until=0) == {}


def test_without_a_reference_only_the_time_is_told() -> None:
    drift = Drift({})
    assert drift.look(lambda users: pytest.fail("nobody was seen")) is None
    drift.seen("a")
    assert drift.look(Paths(events(["a"], 3))) == us(START + timedelta(hours=2))
    assert drift.moved() == []
