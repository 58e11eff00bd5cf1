"""Probabilities of a user: will a purchase follow, will they stay away, what comes next."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel

from cartpath.serving.answers import Question, Told
from cartpath.serving.permits import READS
from cartpath.serving.routes.asked import UserId, answer, id_of, problems, service_of

router = APIRouter(tags=["scores"])
_PROBLEMS = problems(401, 403, 422, 429, 500, 503)
Drivers = Annotated[int, Query(ge=0, le=50, description="How many of the largest drivers are told.")]


class Score(BaseModel):
    """A probability, whose it is, whether it is the base rate, and what moved it."""

    probability: float
    model: str
    fallback: bool
    drivers: list[dict[str, Any]]


class NextItem(BaseModel):
    """An item that may come next."""

    item_id: str
    probability: float


class NextEvent(BaseModel):
    """A kind of event that may come next."""

    event: str
    probability: float


class Next(Score):
    """The likeliest next items and kinds of events; ``probability`` is that of the first item."""

    items: list[NextItem]
    events: list[NextEvent]


@router.get("/v1/users/{id}/intent", dependencies=[Depends(READS)], response_model=Score, responses=_PROBLEMS)
async def get_intent(request: Request, user: UserId, drivers: Drivers = 3) -> Response:
    """Return the probability that a purchase follows in the session of the user's latest event."""
    return await _scored(request, "intent", user, drivers)


@router.get("/v1/users/{id}/churn", dependencies=[Depends(READS)], response_model=Score, responses=_PROBLEMS)
async def get_churn(request: Request, user: UserId) -> Response:
    """Return the probability that the user stays away, as the churn model was asked when it was fitted."""
    return await _scored(request, "churn", user, 0)


@router.get("/v1/users/{id}/next", dependencies=[Depends(READS)], response_model=Next, responses=_PROBLEMS)
async def get_next(request: Request, user: UserId) -> Response:
    """Return what comes next on the user's path, by the behaviour model."""
    return await _scored(request, "next", user, 0)


async def _scored(request: Request, kind: str, user: str, drivers: int) -> Response:
    service = service_of(request)
    told: Told = await service.ask(Question(kind, id_of(user, service.limits.id_length), k=drivers))
    scored = told.scored
    about = {"probability": scored.probability, "model": told.model, "fallback": scored.fallback}
    return answer({**about, "drivers": list(scored.drivers), **scored.more})
