"""kill -9 at random moments: what was acknowledged is there."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cartpath.store.live_lines import live_segments
from tests.serving.state.places import Place

ROOT = Path(__file__).resolve().parents[3]


def killed(place: Place, first: int, seconds: float) -> list[str]:
    """Append in another process, kill it, and return the ids that it said were accepted."""
    command = [sys.executable, str(Path(__file__).with_name("appending.py")), str(place.shop), str(first)]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    with subprocess.Popen(
        [*command, *([place.url] if place.url else [])], stdout=subprocess.PIPE, text=True, env=environment
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        time.sleep(seconds)
        child.kill()
        said = child.stdout.read()
    whole = said[: said.rfind("\n") + 1]
    return whole.split()


def check_kills(place: Place, kills: int) -> None:
    chance, told = random.Random(kills), set[str]()
    for kill in range(kills):
        found = killed(place, 1_000_000 * (kill + 1), chance.uniform(0.02, 0.4))
        told |= set(found)
        if kill % 4 == 3:
            place.absorb()
    assert told
    with place.open() as state:
        assert state.health().damaged == 0
        log = state.log([f"u{n}" for n in range(7)])
        assert log.view.n_events >= len(told)
        assert sum(state.append([_again(one) for one in sorted(told)[at : at + 500]]).accepted
                   for at in range(0, len(told), 500)) == 0  # fmt: skip


def _again(event_id: str) -> dict[str, object]:
    at = int(event_id.partition("-")[0])
    return {"user_id": f"u{at % 7}", "ts": 1_577_836_800 + at % 3600, "event": "view", "event_id": event_id}


def test_three_kills(place: Place) -> None:
    check_kills(place, 3)


@pytest.mark.slow
def test_twenty_kills(place: Place) -> None:
    check_kills(place, 20)


def test_every_byte_a_line_may_be_torn_at(tmp_path: Path) -> None:
    place = Place(tmp_path / "shop")
    with place.open() as state:
        state.append([{"user_id": "u", "ts": 1_577_836_800 + at, "event": "view"} for at in range(3)])
    file = live_segments(place.shop)[0]
    data = file.read_bytes()
    last = data.rfind(b"\n", 0, -1) + 1
    for size in range(last, len(data) + 1):
        file.write_bytes(data[:size])
        with place.open() as state:
            assert state.log(["u"]).view.n_events == 2 + (size == len(data))
    assert json.loads(data[last:])["ts"] == 1_577_836_802_000_000
