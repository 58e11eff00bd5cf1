"""The thread beside a service."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from cartpath import store
from cartpath.features import Log, read_log, stretch
from cartpath.ingest.run import ingest
from cartpath.schema import CartpathError
from cartpath.serving.drift import Watch
from cartpath.serving.drift.monitor import FIRST_SCORES, LEAST, USERS
from cartpath.serving.metrics import Metrics
from cartpath.simulate import simulate


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("log")
    simulate(folder, users=60, days=10, seed=3)
    store.init(folder / "shop")
    ingest(folder / "shop", [str(folder / "events.parquet")], adapter="cartpath")
    return folder / "shop"


@pytest.fixture(scope="module")
def log(shop: Path) -> Log:
    with store.open_snapshot(shop) as snapshot:
        return read_log(snapshot)


def samples(metrics: Metrics, name: str) -> dict[str, float]:
    return {
        sample.labels.get("name", ""): sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == name
    }


def test_it_tells_the_metrics_and_ends(shop: Path, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cartpath.serving.drift.monitor.LEAST", 100)
    looked = threading.Event()
    view = log.view
    users = view.user_id.to_pylist()[:USERS]

    def paths(asked: Sequence[str]) -> Log:
        assert list(asked) == users
        looked.set()
        return Log(stretch(view, 0, len(users)), log.codes, log.items)

    metrics = Metrics()
    watch = Watch(shop, paths, metrics, every=0.05)
    watch.scored("intent", "v1", np.linspace(0, 1, FIRST_SCORES + LEAST))
    watch.took([{"user_id": user, "event": "view"} for user in users for _ in range(500)])
    watch.took([{"user_id": 7}, {"event": "view"}, "no event", None])
    watch.start()
    assert looked.wait(30)
    watch.close()
    watch.look()
    newest = view.ts[view.offsets[1 : len(users) + 1] - 1].max() / 1e6
    assert samples(metrics, "cartpath_newest_event_timestamp_seconds")[""] == newest
    told = samples(metrics, "cartpath_drift_psi")
    assert {"intent", "event", "gap", "price"} <= set(told)
    assert told["event"] < 0.25  # some of the same shoppers


def test_what_fails_is_logged_and_tried_again(shop: Path, caplog: pytest.LogCaptureFixture) -> None:
    asked = threading.Semaphore(0)

    def paths(users: Sequence[str]) -> Log:
        asked.release()
        watch.took([{"user_id": "a"}])
        raise CartpathError("Redis is away")

    watch = Watch(shop, paths, Metrics(), every=0.01)
    watch.took([{"user_id": "a"}])
    with caplog.at_level(logging.ERROR):
        watch.start()
        assert asked.acquire(timeout=30)
        assert asked.acquire(timeout=30)
        watch.close()
    assert "drift could not be looked at" in caplog.text


def test_closing_what_was_never_started_is_fine(shop: Path) -> None:
    Watch(shop, lambda users: pytest.fail("looked"), Metrics()).close()
