"""Bodies of requests: read no further than allowed, no longer than allowed, and as JSON."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, TypeVar

from cartpath.serving.problems import Problem, wrong_values

if TYPE_CHECKING:
    from fastapi import Request
    from pydantic import BaseModel

    Model = TypeVar("Model", bound=BaseModel)

_JSON = ("application/json", "text/json")


async def json_body(request: Request, limit: int, seconds: float) -> Any:
    """Return a request's body as JSON.

    Parameters
    ----------
    request : Request
    limit : int
        Bytes at most, however they are sent: a length that says more is refused unread, and a body without a length
        as soon as it is longer.
    seconds : float
        How long the whole body may take.

    Raises
    ------
    Problem
        413, 408 where it takes longer, 415 if it is said to be something else, 400 if it is no JSON.
    """
    _check_kind(request.headers.get("content-type"))
    raw = await _bytes(request, limit, seconds)
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise Problem(400, "no-json", "the body is not JSON") from None


def checked(model: type[Model], content: Any) -> Model:
    """Return content as a pydantic model; ``Problem`` 422 if it is none."""
    from pydantic import ValidationError

    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise wrong_values(error.errors(include_url=False, include_input=False)) from None


def _check_kind(kind: str | None) -> None:
    """Refuse a body that says it is no JSON; one that does not say what it is may be."""
    name = (kind or _JSON[0]).partition(";")[0].strip().lower()
    if name not in _JSON and not name.endswith("+json"):
        raise Problem(415, "no-json", f"send JSON: Content-Type: {_JSON[0]}")


async def _bytes(request: Request, limit: int, seconds: float) -> bytes:
    told = request.headers.get("content-length", "0")
    if told.isdigit() and int(told) > limit:
        raise _too_large(limit)
    parts, size = [], 0
    try:
        async with asyncio.timeout(seconds):
            async for part in request.stream():
                size += len(part)
                if size > limit:
                    raise _too_large(limit)
                parts.append(part)
    except TimeoutError:
        raise Problem(408, "slow-body", f"the body took longer than {seconds:g} s", {"Connection": "close"}) from None
    return b"".join(parts)


def _too_large(limit: int) -> Problem:
    # Closed: what is still to come of the body is not read.
    detail = f"the body is larger than {limit:,} bytes: send less at once"
    return Problem(413, "body-too-large", detail, {"Connection": "close"})
