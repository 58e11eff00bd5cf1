"""The HTTP service: live paths, routes, metrics."""

from typing import TYPE_CHECKING

from cartpath.schema.lazy import lazy

if TYPE_CHECKING:
    from cartpath.serving.state import open_state

__all__ = ["open_state"]

lazy(__name__, {"open_state": "state"})
