"""Erasure."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict

from cartpath.serving.permits import ADMIN
from cartpath.serving.routes.asked import UserId, answer, id_of, problems, service_of

router = APIRouter(tags=["users"])
ERASE = "user.erase"


class Erasure(BaseModel):
    """Evidence of what was removed; the user is named by a salted hash."""

    model_config = ConfigDict(extra="allow")

    seen: bool
    events: int
    evidence: str


@router.delete("/v1/users/{id}", response_model=Erasure, responses=problems(401, 403, 422, 429, 500, 503))
async def delete_user(request: Request, user: UserId, key: Annotated[Any, Depends(ADMIN)]) -> Response:
    """Remove a person everywhere, live paths and store, and refuse the id from now on."""
    service = service_of(request)
    user, outcome = id_of(user, service.limits.id_length), "failed"
    try:
        evidence = await service.write(service.erase, user)
        outcome = "done" if evidence["seen"] else "nothing there"
    finally:
        await service.write(service.parts.audit.write, key.id, ERASE, user, outcome)
    return answer(evidence)
