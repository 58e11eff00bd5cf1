"""The routes of the service, a module an idea; each function reads a request, asks, and writes an answer."""

from cartpath.serving.routes.events import router as events
from cartpath.serving.routes.feedback import router as feedback
from cartpath.serving.routes.health import router as health
from cartpath.serving.routes.items import router as items
from cartpath.serving.routes.recommendations import router as recommendations
from cartpath.serving.routes.scores import router as scores
from cartpath.serving.routes.users import router as users

ROUTERS = (events, recommendations, scores, items, feedback, users, health)

__all__ = ["ROUTERS"]
