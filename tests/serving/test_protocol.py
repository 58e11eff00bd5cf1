"""Clients that take their time with the head of a request."""

from __future__ import annotations

import asyncio
import time

import pytest

pytest.importorskip("httptools")

import uvicorn

from cartpath.serving.protocol import Patience
from cartpath.serving.run import bind


class Hasty(Patience):
    head_seconds = 0.3


async def hello(scope: object, receive: object, send: object) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})  # type: ignore[operator]
    await send({"type": "http.response.body", "body": b"ok"})  # type: ignore[operator]


async def served(*parts: tuple[bytes, float]) -> tuple[bytes, float]:
    """Send parts, each followed by a pause, to a server; return what came until it hung up, and after how long."""
    config = uvicorn.Config(
        hello, port=0, http=Hasty, ws="none", lifespan="off", log_config=None, timeout_keep_alive=60
    )
    server = uvicorn.Server(config)
    bound = bind("127.0.0.1", 0)
    running = asyncio.create_task(server._serve([bound]))
    while not server.started:
        await asyncio.sleep(0.01)
    reader, writer = await asyncio.open_connection(*bound.getsockname())
    began = time.monotonic()
    for part, pause in parts:
        writer.write(part)
        await asyncio.sleep(pause)
    try:
        found = await asyncio.wait_for(reader.read(), 2)
    except TimeoutError:
        found = b"still there"
    except ConnectionError:  # it was sending still when it was hung up on
        found = b""
    took = time.monotonic() - began
    writer.close()
    server.should_exit = True
    await running
    bound.close()
    return found, took


def test_a_client_that_says_nothing_is_let_go() -> None:
    found, took = asyncio.run(served((b"", 0)))
    assert (found, 0.2 < took < 1.5) == (b"", True)


def test_half_a_head_is_not_waited_for_though_it_trickles() -> None:
    drops = [(b"GET / HTTP/1.1\r\n", 0.1), *[(b"A: b\r\n", 0.1)] * 6]
    found, took = asyncio.run(served(*drops))
    assert (found, took < 1.5) == (b"", True)


def test_a_connection_that_has_been_answered_may_wait() -> None:
    found, _ = asyncio.run(served((b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 0.1)))
    assert found == b"still there"


def test_the_head_of_the_next_request_is_not_waited_for_either() -> None:
    whole = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    found, _ = asyncio.run(served((whole, 0.1), (whole[:9], 0)))
    assert found.startswith(b"HTTP/1.1 200")
