"""The HTTP service: live paths, routes, metrics."""

__all__: list[str] = []
