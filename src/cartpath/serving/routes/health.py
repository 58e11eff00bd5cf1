"""How the service is: none of this waits for the models or for the disk."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel

from cartpath.serving.metrics import CONTENT_TYPE
from cartpath.serving.permits import READS
from cartpath.serving.problems import Problem
from cartpath.serving.routes.asked import answer, problems, service_of

router = APIRouter(tags=["health"])


class Status(BaseModel):
    """How it is, in a word."""

    status: str


class LoadedModels(BaseModel):
    """What is loaded, and why other things are not."""

    models: list[dict[str, Any]]
    missing: dict[str, str]


@router.get("/livez", response_model=Status)
async def livez() -> Response:
    """Tell that the process answers."""
    return answer({"status": "ok"})


@router.get("/readyz", response_model=Status, responses=problems(503))
async def readyz(request: Request) -> Response:
    """Tell whether the configured scorers are loaded and events can be taken."""
    why = await service_of(request).not_ready()
    if why is not None:
        raise Problem(503, "not-ready", why, {"Retry-After": "5"})
    return answer({"status": "ready"})


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(request: Request) -> Response:
    """Return what Prometheus reads."""
    service = service_of(request)
    await service.measure()
    return Response(service.parts.metrics.text(), media_type=CONTENT_TYPE)


@router.get(
    "/v1/models",
    dependencies=[Depends(READS)],
    response_model=LoadedModels,
    responses=problems(401, 403, 429, 500),
)
async def models(request: Request) -> Response:
    """Return which models answer, with their versions."""
    loaded = service_of(request).parts.models.current
    return answer({"models": loaded.to_list(), "missing": dict(loaded.missing)})
