"""The HTTP service: events in, intent and recommendations out; keys, limits, metrics."""

from typing import TYPE_CHECKING

from cartpath.schema.lazy import lazy

if TYPE_CHECKING:
    from cartpath.serving.metrics import Metrics

__all__ = ["Metrics"]

lazy(__name__, {"Metrics": "metrics"})
