"""Uvicorn's reading of HTTP, less patient: a head that is late is not waited for, and what is no HTTP is a problem."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from cartpath.serving.limits import Limits
from cartpath.serving.problems import MEDIA, Problem

_MALFORMED = Problem(400, "no-http", "this is no HTTP request")


class Patience(HttpToolsProtocol):
    """Closes a connection whose next request has begun, or was never begun, and is not there in time.

    Uvicorn lets a client that has sent half a head stay for ever, and one that connects and says nothing.
    """

    #: For the head of a request.
    head_seconds = Limits().head_seconds
    _limit: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._done()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read what came; what begins a request begins to be waited for."""
        idle = self.cycle is None or self.cycle.response_complete
        if idle and self._limit is None:
            self._wait()
        super().data_received(data)

    def on_headers_complete(self) -> None:
        """Have a head: how long a body takes is for whoever reads it."""
        self._done()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP."""
        body = _MALFORMED.body()
        head = (
            "HTTP/1.1 400 Bad Request",
            f"content-type: {MEDIA}",
            f"content-length: {len(body)}",
            "connection: close",
        )
        self.transport.write("\r\n".join([*head, "", ""]).encode("ascii") + body)
        self.transport.close()

    def _wait(self) -> None:
        self._limit = self.loop.call_later(self.head_seconds, self._late)

    def _done(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None

    def _late(self) -> None:
        self._limit = None
        if not self.transport.is_closing():
            self.transport.close()
