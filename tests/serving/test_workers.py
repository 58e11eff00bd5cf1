"""Several processes that share their live paths in Redis, their address and their metrics."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import httpx
import pytest

from cartpath.config import FILE_NAME
from tests.serving.fakes import make_keys, make_shop
from tests.serving.state.places import redis_url
from tests.serving.test_process import serving, stop

pytestmark = pytest.mark.redis


def test_what_one_worker_took_every_worker_knows(tmp_path: Path) -> None:
    shop = make_shop(tmp_path / "shop")
    with (shop / FILE_NAME).open("a") as file:
        file.write(f'\n[serve]\nstate = "{redis_url()}"\n')
    key = make_keys(shop)["all"]
    event = {"user_id": "u", "event": "view", "item_id": "i", "event_id": "1"}
    with serving(shop, "--workers", "2") as (address, process):
        answers = []
        for _ in range(30):  # a connection each, so that both are met
            with httpx.Client(base_url=address, headers={"X-API-Key": key}, timeout=60) as client:
                answers.append(client.post("/v1/events", json=event).json())
        assert [answer["accepted"] for answer in answers] == [1] + [0] * 29
        assert {answer["duplicates"] for answer in answers[1:]} == {1}
        counted = httpx.get(f"{address}/metrics", timeout=60).text
        assert 'route="/v1/events",status="202"} 30.0' in counted
        assert stop(process) == 0
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, signal.SIGCONT)
