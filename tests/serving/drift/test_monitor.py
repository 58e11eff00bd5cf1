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
    assert np.isnan(found["gap"]).tolist() == [True, False, True]
    assert found["gap"][1] == 90
    assert np.isnan(found["price"]).tolist() == [False, True, True]
    assert observed(log, np.array([1]))["gap"].tolist() == [90]


def test_new_events_of_users_are_counted_once() -> None:
    rows = events(["a", "b"], 10)
    paths = Paths(rows)
    drift = Drift(references_of(log_of(rows)), clock=Clock())
    drift.seen("a", us(START + timedelta(hours=8)))
    drift.seen("a", us(START + timedelta(hours=7)))
    drift.seen("b", us(START + timedelta(hours=9)))
    assert drift.look(paths) == 3 + 1
    assert paths.asked == ["a", "b"]
    assert drift.look(paths) == 0


def test_the_same_people_have_not_moved_and_others_have() -> None:
    users = [f"user {n:03d}" for n in range(100)]
    reference = references_of(log_of(events(users, 24)))
    clock = Clock()
    same, other = Drift(reference, clock=clock), Drift(reference, clock=clock)
    for drift, channel, price in ((same, "web", 10.0), (other, "app", 99.0)):
        paths = Paths(events(users, 24, channel, price))
        for user in users:
            drift.seen(user, us(START))
        assert drift.look(paths) == 2_400
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
        for user in users:
            drift.seen(user, us(START + timedelta(hours=min(hour, 23))))
        drift.look(Paths([row for row in rows if row["ts"] <= START + timedelta(hours=hour)]))
        if hour == 23:
            assert "hour" not in {moved.name for moved in drift.moved()}
    assert "hour" in {moved.name for moved in drift.moved()}


def test_few_values_say_nothing() -> None:
    users = [f"user {n:03d}" for n in range(30)]
    rows = events(users, 24)
    drift = Drift(references_of(log_of(rows)), clock=Clock())
    for user in users[: LEAST // 24]:
        drift.seen(user, us(START))
    drift.look(Paths(rows))
    assert drift.moved() == []
    drift.seen(users[-1], us(START))
    drift.look(Paths(rows))
    assert {moved.n for moved in drift.moved()} == {24 * (LEAST // 24 + 1)}


def test_no_more_users_wait_than_may() -> None:
    drift = Drift(references_of(log_of(events(["a"], 2))))
    for n in range(3 * USERS):
        drift.seen(f"user {n:05d}", us(START))
    paths = Paths(events([f"user {n:05d}" for n in range(USERS)], 1))
    assert drift.look(paths) == USERS


def test_a_user_who_is_gone_meanwhile_counts_nothing() -> None:
    drift = Drift(references_of(log_of(events(["a"], 2))))
    log = log_of(events(["a"], 1))
    drift.seen("a", us(START))
    assert drift.look(lambda users: replace(log, view=earlier(log.view, 0))) == 0


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


def test_no_reference_watches_nothing() -> None:
    drift = Drift({})
    drift.seen("a", 0)
    assert drift.look(lambda users: pytest.fail("asked for paths")) == 0
    assert drift.moved() == []
