"""What became of slates: clicks and purchases, by the id of the request that showed them."""

from __future__ import annotations

import time
from typing import Any, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from cartpath.serving.bodies import checked
from cartpath.serving.permits import WRITES
from cartpath.serving.problems import Problem
from cartpath.serving.routes.asked import answer, body_of, body_schema, problems, service_of
from cartpath.serving.service import Service

router = APIRouter(tags=["feedback"])
JOINED = "joined"


class Given(BaseModel):
    """A click on an item of a slate, or its purchase."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)

    request_id: str = Field(min_length=1, max_length=200)
    item_id: str = Field(min_length=1, max_length=1000)
    kind: Literal["click", "purchase"]
    ts: int | None = Field(default=None, ge=0, lt=2**53, description="Microseconds since 1970 UTC; now by default.")


class Taken(BaseModel):
    """What became of each: joined, unknown_request, unknown_item or duplicate."""

    joined: int
    outcomes: list[str]


@router.post(
    "/v1/feedback",
    status_code=202,
    dependencies=[Depends(WRITES)],
    response_model=Taken,
    responses=problems(400, 401, 403, 408, 413, 415, 422, 429, 500, 503),
    openapi_extra=body_schema({"oneOf": [(_one := Given.model_json_schema()), {"type": "array", "items": _one}]}),
)
async def post_feedback(request: Request) -> Response:
    """Take one piece of feedback or an array."""
    service = service_of(request)
    content = await body_of(request)
    every = content if isinstance(content, list) else [content]
    if len(every) > service.limits.events:
        raise Problem(413, "too-many-events", f"send {service.limits.events:,} at once at most")
    given = [checked(Given, one) for one in every]
    outcomes = await service.write(_record, service, given)
    return answer({"joined": outcomes.count(JOINED), "outcomes": outcomes}, 202)


def _record(service: Service, given: list[Given]) -> list[str]:
    outcomes: list[Any] = []
    for one in given:
        now = time.time_ns() // 1000 if one.ts is None else one.ts
        outcomes.append(service.parts.feedback.record(one.request_id, one.item_id, one.kind, now))
        if outcomes[-1] == JOINED:
            policy = service.parts.feedback.policy_of(one.request_id)
            service.parts.metrics.feedback(policy or "unknown", one.kind)
        else:
            service.parts.metrics.feedback_unjoined(outcomes[-1])
    return outcomes
