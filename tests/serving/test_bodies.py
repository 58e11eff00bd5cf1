"""Bodies that are too large, too slow, of another kind, or no JSON."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from cartpath.config import ServeSettings
from cartpath.serving.app import create_app
from cartpath.serving.limits import Limits
from cartpath.serving.parts import Parts
from tests.serving.running import started
from tests.serving.test_app import problem

LIMIT = 2000


def post(app: FastAPI, key: str, content: bytes | AsyncIterator[bytes], **headers: str) -> httpx.Response:
    async def sent() -> httpx.Response:
        async with started(app, key) as client:
            return await client.post("/v1/events", content=content, headers=headers)

    return asyncio.run(sent())


@pytest.fixture
def small(shop: Path, parts: Parts) -> FastAPI:
    limits = replace(Limits(), body_seconds=0.2)
    return create_app(shop, ServeSettings(body_limit=LIMIT), limits=limits, parts=parts)


def test_a_body_of_the_limit_is_taken_and_one_more_byte_is_not(small: FastAPI, keys: dict[str, str]) -> None:
    fits = b'{"user_id": "' + b"u" * (LIMIT - 15) + b'"}'
    assert len(fits) == LIMIT
    assert post(small, keys["all"], fits).status_code == 202


def test_a_body_that_says_it_is_too_large_is_not_read(small: FastAPI, keys: dict[str, str]) -> None:
    answer = post(small, keys["all"], b" " * (LIMIT + 1))
    problem(answer, 413, "body-too-large")
    assert answer.headers["connection"] == "close"


def test_a_body_without_a_length_is_read_no_further_than_the_limit(small: FastAPI, keys: dict[str, str]) -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while read < 100 * LIMIT:
            read += 500
            yield b" " * 500

    problem(post(small, keys["all"], endless()), 413, "body-too-large")
    assert read <= LIMIT + 1000


def test_a_slow_body_is_not_waited_for(small: FastAPI, keys: dict[str, str]) -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield b"["
        await asyncio.sleep(3)
        yield b"]"

    began = time.monotonic()
    problem(post(small, keys["all"], slow()), 408, "slow-body")
    assert time.monotonic() - began < 2.5


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 1500, b"9" * 1999])
def test_what_is_no_json(small: FastAPI, keys: dict[str, str], content: bytes) -> None:
    if content == b"9" * 1999:  # JSON, and no event
        assert post(small, keys["all"], content).json()["accepted"] == 0
    else:
        problem(post(small, keys["all"], content), 400, "no-json")


@pytest.mark.parametrize(
    ("kind", "status"), [("text/plain", 415), ("application/json; charset=utf-8", 202), ("application/x+json", 202)]
)
def test_the_kind_of_a_body(small: FastAPI, keys: dict[str, str], kind: str, status: int) -> None:
    answer = post(small, keys["all"], b'{"user_id": "u"}', **{"Content-Type": kind})
    assert answer.status_code == status
    if status == 415:
        problem(answer, 415, "no-json")
