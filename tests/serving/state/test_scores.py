"""A day that comes in event by event gives the scores that it gives offline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from cartpath import store, training
from cartpath.features import Log, read_log
from cartpath.models import Pretrained, current_version
from tests.serving.state.places import Place

DAY = 86_400


def days(n: int, users: int = 40) -> list[dict[str, Any]]:
    """Users who keep to a kind of items; the last day has items and pages that nobody had seen."""
    chance = np.random.default_rng(3)
    found = []
    for day in range(n):
        for user in chance.permutation(users)[: users // 2].tolist():
            second = int(chance.integers(0, DAY // 2))
            for step in range(int(chance.integers(1, 6))):
                item = (user % 4) * 10 + int(chance.integers(0, 10)) + (40 if day == n - 1 and step == 3 else 0)
                found.append(
                    {"user_id": f"u{user}", "ts": 1_577_836_800 + day * DAY + second, "item_id": f"i{item}",
                     "event": "add_to_cart" if step == 2 else "view", "page": f"/p{item}", "price": float(item),
                     "event_id": f"{day}-{user}-{step}", "channel": "email" if user % 3 else "paid"}
                )  # fmt: skip
                second += int(chance.integers(1, 3000))
    return sorted(found, key=lambda one: one["ts"])


def test_a_day_replayed_gives_the_offline_scores(tmp_path: Path) -> None:
    log = days(12)
    last = [one for one in log if one["ts"] >= 1_577_836_800 + 11 * DAY]
    before, at_once = Place(tmp_path / "before"), Place(tmp_path / "whole")
    before.ingest(log[: -len(last)])
    at_once.ingest(log)
    training.pretrain(before.shop, epochs=1)
    model = Pretrained.load(current_version(before.shop, "behaviour", ""))
    with store.open_snapshot(at_once.shop) as snapshot, before.open() as state:
        offline = read_log(snapshot)
        seen: dict[str, int] = {}
        for one in last:
            user = one["user_id"]
            assert state.append([one]).accepted == 1
            live = state.log([user])
            row = offline.view.user_id.to_pylist().index(user)
            end = int(offline.view.offsets[row]) + live.view.n_events
            assert offline.view.ts[end - 1] == live.view.ts[-1]
            difference = np.abs(_scores(model, live, live.view.n_events) - _scores(model, offline, end)).max()
            assert difference < 1e-5
            if live.view.n_events > 1:  # one event fewer would be noticed
                assert np.abs(_scores(model, live, live.view.n_events) - _scores(model, offline, end - 1)).max() > 1e-3
            seen[user] = seen.get(user, 0) + 1
        assert len(seen) > 10


def _scores(model: Pretrained, log: Log, end: int) -> Any:
    return model.last_hidden(log, np.array([end], np.int64)).numpy()
