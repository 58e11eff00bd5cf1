"""Import the libraries of an extra, or say which extra is missing: as text features do, which lie below models."""

from cartpath.features.extra import need

__all__ = ["need"]
