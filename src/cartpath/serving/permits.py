"""Who may ask: the key of a request, its scope and its rate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Request, Security
from fastapi.security import APIKeyHeader

from cartpath.access import AccessError
from cartpath.serving.envelope import told_of
from cartpath.serving.problems import Problem

if TYPE_CHECKING:
    from cartpath.serving.service import Service

HEADER = "X-API-Key"
_header = APIKeyHeader(name=HEADER, auto_error=False, description="Made by `cartpath keys create SHOP`.")


class Permit:
    """A dependency of routes: the request's key has a scope, and has not asked too often.

    Parameters
    ----------
    scope : str
        Of ``access.SCOPES``.
    """

    def __init__(self, scope: str) -> None:
        self.scope = scope

    async def __call__(self, request: Request, key: Annotated[str | None, Security(_header)] = None) -> Any:
        """Return whose key it is; ``Problem`` 401, 403 or 429."""
        service: Service = request.app.state.service
        told = told_of(request)
        try:
            known = service.parts.keys.check(key, self.scope)
        except AccessError as error:
            service.parts.metrics.denied(error.reason)
            headers = {"WWW-Authenticate": f'ApiKey header="{HEADER}"'} if error.status == 401 else {}
            name = error.reason.replace("_", "-")
            raise Problem(error.status, name, f"{error.message}: {error.hint}", headers) from None
        told.key_id = known.id
        allowed = service.parts.rates.take(known.id, rate=known.rate)
        told.headers.update(allowed.headers())
        if not allowed.ok:
            service.parts.metrics.rate_limited()
            raise Problem(429, "too-many-requests", "this key asks too often: wait as Retry-After says")
        return known


WRITES, READS, ADMIN = Permit("events:write"), Permit("recommend:read"), Permit("admin")
