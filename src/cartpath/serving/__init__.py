"""The HTTP service: events in, intent and recommendations out; keys, limits, metrics.

``create_app(workspace, settings=None, *, parts=None) -> FastAPI``
    The service of a workspace as an ASGI application.
``Metrics``
    What it tells Prometheus.
``open_state(workspace, url=None)``
    Its live paths.
``run(workspace, *, host, port, workers)``
    The same on Uvicorn, until it is told to end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cartpath.schema.lazy import lazy

if TYPE_CHECKING:
    from cartpath.serving.app import create_app
    from cartpath.serving.metrics import Metrics
    from cartpath.serving.run import run
    from cartpath.serving.state import open_state

__all__ = ["Metrics", "create_app", "open_state", "run"]

lazy(__name__, {"Metrics": "metrics", "create_app": "app", "open_state": "state", "run": "run"})
