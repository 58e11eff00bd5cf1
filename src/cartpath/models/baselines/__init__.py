"""Classic next-item models: what a network has to be better than."""

from cartpath.models.baselines.popularity import Popularity

__all__ = ["Popularity"]
