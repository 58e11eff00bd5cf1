"""Around every request: an id, headers, the log, metrics, and an answer whatever happens."""

from __future__ import annotations

import os
import random
import re
import time
import urllib.parse
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cartpath.serving.logs import log, log_fault
from cartpath.serving.problems import FAULT, MEDIA

if TYPE_CHECKING:
    from fastapi import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: What a slash within an id is, while routes are found: no id has it, and no path can.
SLASH = "\0"
_SLASHED = re.compile(rb"%2f", re.IGNORECASE)
#: Routes whose good answers are not in the log: they are asked for all day by machines.
_QUIET = frozenset({"/livez", "/readyz", "/metrics"})
_NAME = "cartpath"
#: Not of the system each time: that gives the interpreter away, and an id is no secret.
_RANDOM = random.Random(os.urandom(32))


@dataclass
class Told:
    """What a request's route says to what is around it.

    Attributes
    ----------
    request_id : str
        Made up here: one that a client chooses could hold a user's id.
    key_id : str or None
    headers : dict of str to str
        Of the answer.
    """

    request_id: str = field(default_factory=lambda: f"{_RANDOM.getrandbits(128):032x}")
    key_id: str | None = None
    headers: dict[str, str] = field(default_factory=dict)


def told_of(request: Request) -> Told:
    """Return what the envelope of a request is told."""
    told: Told = request.scope[_NAME]
    return told


class Envelope:
    """The outermost layer of the service.

    Parameters
    ----------
    app : ASGIApp
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; see ASGI."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        told, began, status = Told(), time.perf_counter(), 0
        scope[_NAME] = told

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _add_headers(message, told)
            await send(message)

        if SLASH.encode() in scope["path"].encode() or b"%2f" in scope.get("raw_path", b"").lower():
            scope["path"] = _path_of(scope)
        try:
            await self.app(scope, receive, sent)
        except Exception as error:
            log_fault("a request failed", error, request_id=told.request_id, route=_route(scope))
            if not status:
                await _send_fault(sent)
        finally:
            _tell(scope, told, status or 499, time.perf_counter() - began)


def _path_of(scope: Scope) -> str:
    """Return a path in which a slash of an id is none."""
    raw = scope.get("raw_path") or scope["path"].encode()
    return urllib.parse.unquote(_SLASHED.sub(b"%00", raw.replace(b"%00", b"")).decode("ascii", "replace"))


def _add_headers(message: Message, told: Told) -> None:
    headers = message["headers"] = list(message.get("headers", ()))
    headers.append((b"x-request-id", told.request_id.encode()))
    headers.extend((name.encode(), value.encode()) for name, value in told.headers.items())
    # Answers are of a person and of this moment.
    headers.append((b"cache-control", b"no-store"))
    headers.append((b"x-content-type-options", b"nosniff"))


async def _send_fault(send: Send) -> None:
    body = FAULT.body()
    headers = [(b"content-type", MEDIA.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": FAULT.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _route(scope: Scope) -> str:
    """Return a request's route, such as ``/v1/users/{id}/intent``: its path would name the user."""
    return str(getattr(scope.get("route"), "path", "none"))


def _tell(scope: Scope, told: Told, status: int, seconds: float) -> None:
    route, method = _route(scope), scope["method"]
    method = method if method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS") else "other"
    service: Any = getattr(scope["app"].state, "service", None) if "app" in scope else None
    if service is not None:
        service.parts.metrics.request(route, method, status, seconds)
    if route in _QUIET and status < 400:
        return
    about: dict[str, Any] = {"request_id": told.request_id, "method": method, "route": route, "status": status}
    log("request", **about, milliseconds=round(seconds * 1000, 2), key=told.key_id)
