"""Events come in."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel

from cartpath.serving.permits import WRITES
from cartpath.serving.problems import Problem
from cartpath.serving.routes.asked import answer, body_of, body_schema, problems, service_of

router = APIRouter(tags=["events"])

#: What an event needs; other columns of ``schema.event_schema()`` may come too. What is wrong is told in the answer.
_EVENT: dict[str, Any] = {
    "type": "object",
    "description": "An event; the names of an ingest. Without ts it happened now.",
    "properties": {
        "user_id": {"type": "string"},
        "event": {"type": "string", "examples": ["view", "add_to_cart", "purchase"]},
        "ts": {"description": "ISO 8601, or seconds, milliseconds or microseconds since 1970 UTC."},
        "event_id": {"type": "string", "description": "The same event sent again is taken once."},
        "item_id": {"type": "string"},
        "price": {"type": "number"},
        "quantity": {"type": "integer"},
    },
    "example": {"user_id": "u1", "event": "view", "item_id": "i7", "event_id": "e-1"},
}
_BODY = {"oneOf": [_EVENT, {"type": "array", "items": _EVENT}]}


class RejectedEvent(BaseModel):
    """An event that was not taken, by its place in the array."""

    index: int
    reason: str
    what: str


class Accepted(BaseModel):
    """What became of the events."""

    accepted: int
    duplicates: int
    rejected: list[RejectedEvent]


@router.post(
    "/v1/events",
    status_code=202,
    dependencies=[Depends(WRITES)],
    response_model=Accepted,
    responses=problems(400, 401, 403, 408, 413, 415, 422, 429, 500, 503),
    openapi_extra=body_schema(_BODY),
)
async def post_events(request: Request) -> Response:
    """Take one event or an array; acknowledged means durable, and visible to the very next read."""
    service = service_of(request)
    content = await body_of(request)
    events = content if isinstance(content, list) else [content]
    if len(events) > service.limits.events:
        raise Problem(413, "too-many-events", f"send {service.limits.events:,} events at once at most")
    done = await service.write(service.append, events)
    rejected = [{"index": one.index, "reason": one.reason, "what": one.what} for one in done.rejected]
    return answer({"accepted": done.accepted, "duplicates": done.duplicates, "rejected": rejected}, 202)
