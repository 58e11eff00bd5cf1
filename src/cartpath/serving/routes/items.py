"""Items beside an item."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel

from cartpath.serving.answers import Question, Shown
from cartpath.serving.permits import READS
from cartpath.serving.routes.asked import ItemId, K, answer, id_of, problems, service_of
from cartpath.serving.routes.recommendations import Item, items_of

router = APIRouter(tags=["items"])


class Similar(BaseModel):
    """Items that go with one."""

    policy: str
    model: str | None
    items: list[Item]


@router.get(
    "/v1/items/{id}/similar",
    dependencies=[Depends(READS)],
    response_model=Similar,
    responses=problems(401, 403, 404, 422, 429, 500, 503),
)
async def get_similar(request: Request, item: ItemId, k: K = 20) -> Response:
    """Return items that go with one, the closest first."""
    service = service_of(request)
    shown: Shown = await service.ask(Question("similar", item=id_of(item, service.limits.id_length), k=k))
    about: dict[str, Any] = {"policy": shown.policy, "model": shown.model}
    return answer({**about, "items": items_of(shown)})
