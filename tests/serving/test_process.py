"""A service in a process of its own: started, asked, stopped while it works, and started again."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.serving.fakes import make_keys, make_shop


@contextmanager
def serving(shop: Path, *more: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run ``cartpath serve`` at a free port; yield its address and the process, which may have ended."""
    command = [sys.executable, "-c", "from cartpath.cli import main; main()", "serve", str(shop), "--port", "0", *more]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": "src:."})
    lines: list[str] = []
    try:
        assert process.stderr is not None
        address = ""
        for line in process.stderr:
            lines.append(line)
            if line.startswith("serving "):
                address = line.split()[-1]
                break
        assert address, "".join(lines)
        reader = threading.Thread(target=lambda: lines.extend(process.stderr or ()), daemon=True)
        reader.start()
        _wait(address)
        process.lines = lines  # type: ignore[attr-defined]
        yield address, process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        if process.stderr is not None:
            process.stderr.close()


def _wait(address: str) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            if httpx.get(f"{address}/readyz", timeout=10).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError("the service is not ready")


def stop(process: subprocess.Popen[str]) -> int:
    process.send_signal(signal.SIGTERM)
    return process.wait(30)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_shop(tmp_path_factory.mktemp("process") / "shop")


@pytest.fixture(scope="module")
def key(shop: Path) -> str:
    return make_keys(shop)["all"]


def test_what_was_acknowledged_is_there_after_a_stop_and_a_start(shop: Path, key: str) -> None:
    headers = {"X-API-Key": key}
    events = [{"user_id": f"u{n % 7}", "event": "view", "item_id": f"i{n}", "event_id": str(n)} for n in range(50)]
    with serving(shop) as (address, process), httpx.Client(base_url=address, headers=headers, timeout=30) as client:
        assert client.post("/v1/events", json=events).json()["accepted"] == 50
        assert client.get("/livez").json() == {"status": "ok"}
        stopped = time.monotonic()
        assert stop(process) == 0
        assert time.monotonic() - stopped < 15
    rows = [json.loads(line) for line in process.lines if line.startswith("{")]  # type: ignore[attr-defined]
    assert {"request"} <= {row["message"] for row in rows}
    with serving(shop) as (address, process), httpx.Client(base_url=address, headers=headers, timeout=30) as client:
        again = client.post("/v1/events", json=[*events, {**events[0], "event_id": "new"}]).json()
        assert (again["accepted"], again["duplicates"]) == (1, 50)
        gone = client.delete("/v1/users/u3").json()
        assert (gone["seen"], gone["live_events"]) == (True, 7)
        refused = client.post("/v1/events", json=[{**events[3], "event_id": "later"}]).json()
        assert [row["reason"] for row in refused["rejected"]] == ["forgotten_user"]
        assert stop(process) == 0


def test_no_odd_client_is_a_fault_and_a_stop_lets_requests_end(shop: Path, key: str) -> None:
    with serving(shop) as (address, process):
        host, _, port = address.removeprefix("http://").partition(":")
        at = (host, int(port))
        what_is_no_http_is_a_problem(at)
        a_large_body_is_refused_unread(at, key)
        a_large_body_without_a_length_is_hung_up_on(at, key)
        a_second_service_is_refused(shop)
        assert httpx.get(f"{address}/livez").status_code == 200
        with socket.create_connection(at, timeout=20) as connection:
            body = b'{"user_id": "slow", "event": "view"}'
            connection.sendall(_head(key, f"Content-Length: {len(body)}") + body[:10])
            time.sleep(0.3)
            process.send_signal(signal.SIGTERM)
            time.sleep(0.3)
            connection.sendall(body[10:])
            answer = connection.recv(65536)
            assert answer.startswith(b"HTTP/1.1 202"), answer
        assert process.wait(30) == 0


def _head(key: str, about: str) -> bytes:
    return f"POST /v1/events HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\n{about}\r\n\r\n".encode()


def what_is_no_http_is_a_problem(at: tuple[str, int]) -> None:
    with socket.create_connection(at, timeout=20) as connection:
        connection.sendall(b"\x16\x03\x01\x02\x00 this is TLS\r\n\r\n")
        answer = _all(connection)
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"application/problem+json" in answer


def a_large_body_is_refused_unread(at: tuple[str, int], key: str) -> None:
    with socket.create_connection(at, timeout=20) as connection:
        connection.sendall(_head(key, "Content-Length: 10000000") + b"x" * 1000)
        answer = _all(connection)
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"application/problem+json" in answer


def a_large_body_without_a_length_is_hung_up_on(at: tuple[str, int], key: str) -> None:
    with socket.create_connection(at, timeout=20) as connection:
        connection.sendall(_head(key, "Transfer-Encoding: chunked"))
        try:
            for _ in range(160):
                connection.sendall(b"10000\r\n" + b" " * 65536 + b"\r\n")
        except OSError:
            return
        assert _all(connection).startswith(b"HTTP/1.1 413")


def a_second_service_is_refused(shop: Path) -> None:
    command = [sys.executable, "-c", "from cartpath.cli import main; main()", "serve", str(shop), "--port", "0"]
    env = os.environ | {"PYTHONPATH": "src:."}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=env)
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr


def _all(connection: socket.socket) -> bytes:
    found: Any = b""
    while part := connection.recv(65536):
        found += part
    return bytes(found)


def test_an_address_that_is_taken_and_a_folder_that_is_no_shop(shop: Path, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from cartpath.cli import app

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = CliRunner().invoke(app, ["serve", str(shop), "--port", port])
        assert (done.exit_code, "address already in use" in done.stderr) == (2, True)
        assert "choose another --port" in done.stderr
    done = CliRunner().invoke(app, ["serve", str(tmp_path)])
    assert (done.exit_code, "is not a Cartpath workspace" in done.stderr) == (2, True)
    done = CliRunner().invoke(app, ["serve", str(shop), "--workers", "2"])
    assert (done.exit_code, "redis://" in done.stderr) == (2, True)
