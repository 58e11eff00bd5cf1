"""Errors as RFC 9457 has them: every answer that is not a result is ``application/problem+json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from cartpath.models.extra import need

if TYPE_CHECKING:
    from fastapi import FastAPI, Request
    from fastapi.responses import Response

MEDIA = "application/problem+json"
#: Problems that answers of the service may be, by status, for the description of the service.
DESCRIBED: Mapping[int, str] = {
    400: "The request cannot be understood",
    401: "No key, or a wrong one",
    403: "The key may not do this",
    404: "There is no such thing",
    408: "The body took too long",
    413: "The body is too large",
    415: "The body is not JSON",
    422: "A value is not what it should be",
    429: "Too many requests of this key",
    500: "A fault of the service",
    503: "The service cannot answer now",
}


class Problem(Exception):
    """An answer that is an error.

    Parameters
    ----------
    status : int
    name : str
        What kind of problem it is, for programs: ``no-key``, ``body-too-large`` …
    detail : str
        What is wrong and what to do, for people.
    headers : mapping of str to str, optional
    **more
        Further members.

    Examples
    --------
    >>> Problem(404, "unknown-item", "no item 'x'").to_dict()["type"]
    'urn:cartpath:problem:unknown-item'
    """

    def __init__(
        self, status: int, name: str, detail: str, headers: Mapping[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(name)
        self.status, self.name, self.detail = status, name, detail
        self.headers, self.more = dict(headers or {}), more

    def to_dict(self) -> dict[str, Any]:
        """Return its members."""
        title = HTTPStatus(self.status).phrase
        about = {"type": f"urn:cartpath:problem:{self.name}", "title": title, "status": self.status}
        return {**about, "detail": self.detail, **self.more}

    def body(self) -> bytes:
        """Return it as it is sent."""
        # ASCII alone: half a pair of surrogates, which JSON may carry, is no UTF-8.
        return json.dumps(self.to_dict()).encode("ascii")


def busy(detail: str, seconds: int = 1) -> Problem:
    """Return the problem of a service that has too much to do."""
    return Problem(503, "busy", detail, {"Retry-After": str(seconds)})


def response_of(problem: Problem) -> Response:
    """Return a problem as a response."""
    from fastapi.responses import Response

    return Response(problem.body(), problem.status, problem.headers, MEDIA)


def install(app: FastAPI) -> None:
    """Let an application answer every error as a problem."""
    need("fastapi", "the service", "serve")
    from fastapi.exceptions import RequestValidationError
    from starlette.exceptions import HTTPException

    async def of_problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        return response_of(error)

    async def of_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return response_of(_of_status(error.status_code, error.headers))

    async def of_values(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return response_of(wrong_values(list(error.errors())))

    app.add_exception_handler(Problem, of_problem)
    app.add_exception_handler(HTTPException, of_http)
    app.add_exception_handler(RequestValidationError, of_values)


def wrong_values(errors: list[Any]) -> Problem:
    """Return the problem of values that pydantic refuses; what was sent is not repeated."""
    told = [{"where": ".".join(str(part) for part in one["loc"]), "what": one["msg"]} for one in errors]
    first = f"{told[0]['where']}: {told[0]['what']}" if told else "a value is not what it should be"
    return Problem(422, "wrong-value", first, errors=told)


def _of_status(status: int, headers: Mapping[str, str] | None) -> Problem:
    """Return the problem of an error that the framework found."""
    names = {404: ("no-such-path", "there is nothing at this path"), 405: ("wrong-method", "not by this method")}
    name, detail = names.get(status, (HTTPStatus(status).phrase.lower().replace(" ", "-"), HTTPStatus(status).phrase))
    return Problem(status, name, detail, headers)


#: A fault of the service: what it was is in the log, under the request's id, and not in the answer.
FAULT = Problem(500, "fault", "a fault of the service: its log says more under the id of this request")
