"""The service as an ASGI application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from cartpath import __version__, config
from cartpath.serving.envelope import Envelope
from cartpath.serving.limits import Limits
from cartpath.serving.parts import Parts, open_parts
from cartpath.serving.problems import install
from cartpath.serving.routes import ROUTERS
from cartpath.serving.service import Service

_ABOUT = "Events in, recommendations and purchase intent out, as of the last click."
_PROBLEM = {
    "type": "object",
    "description": "An error, as RFC 9457 has it.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
}


def create_app(
    workspace: Path | str,
    settings: config.ServeSettings | None = None,
    *,
    limits: Limits | None = None,
    parts: Parts | None = None,
) -> FastAPI:
    """Make the service of a workspace; its parts are opened when the application starts, and closed when it stops.

    Parameters
    ----------
    workspace : Path
    settings : ServeSettings, optional
        By default those of the workspace.
    limits : Limits, optional
    parts : Parts, optional
        By default the workspace's own. They are closed with the application either way.

    Returns
    -------
    FastAPI
        With the running ``Service`` in ``app.state.service``.

    Raises
    ------
    CartpathError
        If this is no workspace.
    """
    path = Path(workspace)
    settings = config.load(path).serve if settings is None else settings
    limits = Limits() if limits is None else limits

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        opened = parts if parts is not None else await asyncio.to_thread(open_parts, path, settings, limits)
        app.state.service = Service(path, settings, limits, opened)
        try:
            yield
        finally:
            await asyncio.to_thread(app.state.service.close)

    app = FastAPI(
        title="Cartpath", version=__version__, description=_ABOUT, lifespan=life, docs_url=None, redoc_url=None
    )
    install(app)
    app.add_middleware(Envelope)
    for router in ROUTERS:
        app.include_router(router)
    app.openapi = lambda: _described(app)  # type: ignore[method-assign]
    return app


def _described(app: FastAPI) -> dict[str, Any]:
    """Return the description of the service: FastAPI's, with problems where FastAPI would describe its own errors."""
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        schemas = schema.setdefault("components", {}).setdefault("schemas", {})
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        schemas["Problem"] = _PROBLEM
        app.openapi_schema = schema
    return app.openapi_schema
