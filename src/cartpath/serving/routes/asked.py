"""What routes share: the service of a request, ids in paths, numbers in queries, bodies and answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Path, Query, Request
from fastapi.responses import Response

from cartpath.serving.bodies import json_body
from cartpath.serving.envelope import SLASH
from cartpath.serving.problems import DESCRIBED, MEDIA, Problem

if TYPE_CHECKING:
    from cartpath.serving.service import Service

UserId = Annotated[str, Path(alias="id", min_length=1, description="The user's id, as in the events.")]
ItemId = Annotated[str, Path(alias="id", min_length=1, description="The item's id, as in the events.")]
K = Annotated[int, Query(ge=1, le=200, description="How many items.")]
_ENCODER = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"))


def service_of(request: Request) -> Service:
    """Return the service that a request came to."""
    service: Service = request.app.state.service
    return service


def id_of(text: str, limit: int) -> str:
    """Return an id as it was sent, slashes included.

    Raises
    ------
    Problem
        422 if it is longer than ``limit``.
    """
    if len(text) > limit:
        raise Problem(422, "wrong-value", f"an id has {limit:,} characters at most")
    return text.replace(SLASH, "/")


async def body_of(request: Request) -> Any:
    """Return the JSON body of a request, within the limits of its service."""
    service = service_of(request)
    return await json_body(request, int(service.settings.body_limit), service.limits.body_seconds)


def answer(content: Any, status: int = 200) -> Response:
    """Return JSON; FastAPI's own way checks and copies it first."""
    return Response(_ENCODER.encode(content).encode("ascii"), status, media_type="application/json")


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the description of the problems that a route may answer with."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {status: {"description": DESCRIBED[status], "content": {MEDIA: {"schema": schema}}} for status in statuses}


def body_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the description of a JSON body that the route reads itself, once the key is known to be good."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}
