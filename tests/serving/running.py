"""An application of a test, started and asked in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from fastapi import FastAPI

from cartpath.serving.service import Service


@asynccontextmanager
async def started(app: FastAPI, key: str = "") -> AsyncIterator[httpx.AsyncClient]:
    """A client of a started application, once its models are loaded."""
    async with app.router.lifespan_context(app):
        service: Service = app.state.service
        for _ in range(6000):
            if not service.parts.models.loading:
                break
            await asyncio.sleep(0.01)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        headers = {"X-API-Key": key} if key else {}
        async with httpx.AsyncClient(transport=transport, base_url="http://shop", headers=headers) as client:
            yield client


def ask(app: FastAPI, key: str, *requests: tuple[Any, ...]) -> list[httpx.Response]:
    """Start an application, send requests one after the other, stop it, and return the answers.

    A request is a method, a path, a body (None for none), and a key in place of the usual one where it has one.
    """

    async def sent() -> list[httpx.Response]:
        async with started(app, key) as client:
            return [await _sent(client, *request) for request in requests]

    return asyncio.run(sent())


async def _sent(client: httpx.AsyncClient, method: str, path: str, body: Any, key: str | None = None) -> httpx.Response:
    headers = {} if key is None else {"X-API-Key": key}
    return await client.request(method, path, json=body, headers=headers)
