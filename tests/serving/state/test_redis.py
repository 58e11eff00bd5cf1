"""Redis away and back, Redis that forgot, and several processes on one stream."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cartpath.cli import app
from cartpath.config import Settings, StoreSettings
from cartpath.config.serve import ServeSettings
from cartpath.schema import CartpathError
from cartpath.serving.state import StateDownError, open_state
from tests.serving.state.places import Place, event, redis_url

pytestmark = pytest.mark.redis


class Server:
    """A Redis server of this test alone, which can be stopped."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder)]
        kept = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""]
        self._process = subprocess.Popen([*command, *kept], stdout=subprocess.DEVNULL)
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError("redis-server does not start")

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    if shutil.which("redis-server") is None:
        pytest.skip("no redis-server on the PATH")
    made = Server(tmp_path)
    made.start()
    yield made
    made.stop()


def test_redis_down_and_back(tmp_path: Path, server: Server) -> None:
    place = Place(tmp_path / "shop", server.url)
    with place.open() as state:
        state.append([event()])
        server.stop()
        for _ in range(2):
            with pytest.raises(StateDownError, match="does not answer"):
                state.append([event(second=1)])
            with pytest.raises(StateDownError):
                state.log(["u"])
        assert not state.health().ok
        server.start()
        assert state.append([event(second=1)]).accepted == 1
        assert state.health().ok
        assert state.health().facts["appendonly"]
        assert state.log(["u"]).view.n_events == 2
    server.stop()
    with pytest.raises(CartpathError, match="does not answer"):
        open_state(place.shop, server.url)


def test_redis_that_came_back_with_less_is_believed(tmp_path: Path, server: Server) -> None:
    place = Place(tmp_path / "shop", server.url)
    with place.open() as state:
        state.append([event(), event(second=1)])
        server.stop()
        shutil.rmtree(tmp_path / "appendonlydir")
        with pytest.raises(StateDownError):
            state.log(["u"])
        server.start()
        assert state.log(["u"]).view.n_events == 0
        assert state.append([event()]).accepted == 1
        assert state.log(["u"]).view.n_events == 1


def test_a_second_process_sees_the_next_read_and_knows_repeats(tmp_path: Path) -> None:
    place = Place(tmp_path / "shop", redis_url())
    try:
        with place.open() as one, place.open() as two:
            assert one.append([event(event_id="1", query="q")]).accepted == 1
            assert two.log(["u"]).view.n_events == 1
            assert two.append([event(event_id="1"), event(event_id="2", query="r")]).duplicates == 1
            assert [log.codes("query") for log in (one.log(["u"]), two.log(["u"]))] == [["q", "r"]] * 2
            assert two.forget("u").lines == 2
    finally:
        place.clean()


def test_absorbed_entries_stay_until_everybody_has_read_the_generation(tmp_path: Path) -> None:
    place = Place(tmp_path / "shop", redis_url())
    try:
        with place.open() as slow, place.open() as other:
            other.append([event(), event(second=1)])
            assert place.absorb().stored == 2
            assert slow._epoch.snapshot.generation == 0
            slow._looked = time.monotonic() + 60  # it has not looked for a newer generation yet
            assert slow.log(["u"]).view.n_events == 2
            assert slow.health().facts["entries"] == 2
            slow.refresh()
            assert slow.log(["u"]).view.n_events == 2
            assert slow.health().events == 0
        place.absorb()
        with place.open() as state:
            assert state.health().facts["entries"] == 0
    finally:
        place.clean()


def test_the_command_deletes_what_redis_has_of_a_person(tmp_path: Path) -> None:
    place = Place(tmp_path / "shop", redis_url())
    (place.shop / "cartpath.toml").write_text(
        Settings(StoreSettings(2), serve=ServeSettings(state=redis_url())).to_toml()
    )
    try:
        with place.open() as state:
            state.append([event(), event("v"), event(second=1)])
        done = CliRunner().invoke(app, ["forget", str(place.shop), "--user", "u", "--json"])
        assert (done.exit_code, json.loads(done.stdout)["live_entries"]) == (0, 2)
        with place.open() as state:
            assert state.health().facts["entries"] == 1
    finally:
        place.clean()


def test_an_array_of_many_events(tmp_path: Path) -> None:
    place = Place(tmp_path / "shop", redis_url())
    try:
        with place.open() as state:
            done = state.append([event(f"u{at}", at) for at in range(300)])
            assert (done.accepted, done.duplicates) == (300, 0)
            assert state.append([event(f"u{at}", at) for at in range(310)]).accepted == 10
            assert state.health().events == 310
    finally:
        place.clean()
