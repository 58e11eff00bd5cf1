"""The log is JSON a line, and nobody is in it."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
from fastapi import FastAPI

from cartpath.serving import logs
from cartpath.serving.parts import Parts
from tests.serving.running import ask

PLANTED = "planted-anna@example.org"


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    names = ("cartpath", "uvicorn", "uvicorn.error", "uvicorn.access")
    before = {name: (list(logging.getLogger(name).handlers), logging.getLogger(name).propagate) for name in names}
    stream = io.StringIO()
    logs.write_to(stream)
    yield stream
    for name, (handlers, propagate) in before.items():
        logging.getLogger(name).handlers, logging.getLogger(name).propagate = handlers, propagate


def test_no_personal_data_is_in_the_log(lines: io.StringIO, app: FastAPI, parts: Parts, keys: dict[str, str]) -> None:
    event = {"user_id": PLANTED, "event": "boom", "query": PLANTED, "item_id": PLANTED}
    ask(
        app,
        keys["all"],
        ("POST", "/v1/events", [event, {"event": PLANTED}, {**event, "user_id": f"{PLANTED}-2"}]),
        ("GET", f"/v1/users/{PLANTED}/recommendations?k=2&note={PLANTED}", None),
        ("GET", f"/v1/users/{PLANTED}/intent?drivers={PLANTED}", None),
        ("POST", "/v1/events", [{**event, "user_id": "long"}] * 6),
        ("GET", "/v1/users/long/intent", None),
        ("POST", "/v1/recommendations", {"events": [{**event, "ts": PLANTED}]}),
        ("POST", "/v1/feedback", {"request_id": PLANTED, "item_id": PLANTED, "kind": "click"}),
        ("GET", f"/v1/items/{PLANTED}/similar", None),
        ("GET", f"/{PLANTED}", None),
        ("DELETE", f"/v1/users/{PLANTED}", None),
    )

    def broken(events: object) -> None:
        raise RuntimeError(PLANTED)

    parts.state.append = broken  # type: ignore[method-assign, assignment]
    written = lines.getvalue()
    assert PLANTED not in written
    assert "planted" not in written
    assert keys["all"] not in written
    rows = [json.loads(line) for line in written.splitlines()]
    requests = [row for row in rows if row["message"] == "request"]
    assert len(requests) == 10
    assert {"time", "level", "message", "request_id", "method", "route", "status", "milliseconds", "key"} == set(
        requests[0]
    )
    assert [row["route"] for row in requests[:2]] == ["/v1/events", "/v1/users/{id}/recommendations"]
    assert requests[8]["route"] == "none"
    assert requests[0]["key"] in keys["all"]


def test_a_fault_is_told_by_its_place_alone(
    lines: io.StringIO, app: FastAPI, parts: Parts, keys: dict[str, str]
) -> None:
    def broken(events: object) -> None:
        raise RuntimeError(PLANTED)

    parts.state.append = broken  # type: ignore[method-assign, assignment]
    (answer,) = ask(app, keys["all"], ("POST", "/v1/events", {"user_id": PLANTED}))
    rows = [json.loads(line) for line in lines.getvalue().splitlines()]
    fault = next(row for row in rows if row["message"] == "a request failed")
    assert (fault["error"], fault["request_id"]) == ("RuntimeError", answer.headers["x-request-id"])
    assert any("broken" in place for place in fault["at"])
    assert PLANTED not in lines.getvalue()


def test_an_exception_of_uvicorn_is_told_without_its_message(lines: io.StringIO) -> None:
    try:
        raise ValueError(PLANTED)
    except ValueError:
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application")
    row = json.loads(lines.getvalue())
    assert (row["level"], row["error"]) == ("error", "ValueError")
    assert PLANTED not in lines.getvalue()


def test_health_is_quiet(lines: io.StringIO, app: FastAPI) -> None:
    ask(app, "", ("GET", "/livez", None), ("GET", "/readyz", None), ("GET", "/metrics", None))
    assert '"request"' not in lines.getvalue()
