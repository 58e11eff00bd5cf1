"""Recommendations, for a user with a stored path or for a path that comes with the request."""

from __future__ import annotations

import time
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from cartpath.serving.answers import Question, Shown
from cartpath.serving.bodies import checked
from cartpath.serving.envelope import told_of
from cartpath.serving.models import RECOMMEND
from cartpath.serving.permits import READS
from cartpath.serving.problems import Problem
from cartpath.serving.routes.asked import K, UserId, answer, body_of, body_schema, id_of, problems, service_of
from cartpath.serving.service import Service

router = APIRouter(tags=["recommendations"])
_ERRORS = (401, 403, 422, 429, 500, 503)


class Item(BaseModel):
    """An item of a slate: its score, and why it is there."""

    item_id: str
    score: float
    why: str


class Recommendations(BaseModel):
    """A slate; ``request_id`` is what feedback names, ``model`` is null where none was asked."""

    request_id: str
    policy: str
    model: str | None
    fallback: bool
    items: list[Item]


class PathAsked(BaseModel):
    """A path, as events without a stored user."""

    model_config = ConfigDict(extra="ignore")

    events: list[Any] = Field(
        default_factory=list, description="The shopper's events so far, as /v1/events takes them."
    )
    k: int = Field(default=20, ge=1, le=200, description="How many items.")


@router.get(
    "/v1/users/{id}/recommendations",
    dependencies=[Depends(READS)],
    response_model=Recommendations,
    responses=problems(*_ERRORS),
)
async def get_recommendations(request: Request, user: UserId, k: K = 20) -> Response:
    """Recommend items to a user as of the latest event; an unknown user gets what is popular."""
    service = service_of(request)
    user = id_of(user, service.limits.id_length)
    shown = await service.ask(Question(RECOMMEND, user, k=k))
    return answer(record(service, told_of(request).request_id, user, shown))


@router.post(
    "/v1/recommendations",
    dependencies=[Depends(READS)],
    response_model=Recommendations,
    responses=problems(400, 408, 413, 415, *_ERRORS),
    openapi_extra=body_schema(PathAsked.model_json_schema()),
)
async def post_recommendations(request: Request) -> Response:
    """Recommend items to whoever has a path that comes in the body; nothing of it is kept."""
    service = service_of(request)
    asked = checked(PathAsked, await body_of(request))
    if len(asked.events) > service.limits.events:
        raise Problem(413, "too-many-events", f"send {service.limits.events:,} events at once at most")
    path = service.path_of(asked.events)
    shown = await service.ask(Question(RECOMMEND, path=path, k=asked.k))
    return answer(record(service, told_of(request).request_id, "", shown))


def record(service: Service, request_id: str, user: str, shown: Shown) -> dict[str, Any]:
    """Write a slate down and return it as it is answered; of a path without a user, no user is written."""
    now = time.time_ns() // 1000
    service.parts.slates.record(request_id, user, now, shown.policy, shown.model or "", shown.slate)
    service.parts.metrics.slate(shown.policy, shown.slate.fallback)
    return {
        "request_id": request_id,
        "policy": shown.policy,
        "model": shown.model,
        "fallback": shown.slate.fallback or shown.model is None,
        "items": items_of(shown),
    }


def items_of(shown: Shown) -> list[dict[str, Any]]:
    """Return the items of a slate as they are answered."""
    return [
        {"item_id": one.item_id, "score": one.score, "why": shown.why or one.why, **_moved(one)}
        for one in shown.slate.items
    ]


def _moved(item: Any) -> dict[str, Any]:
    """Return what else is said of an item: the declarations that moved it, where any did."""
    return {"rules": list(item.rules)} if item.rules else {}
