"""What proposes items, one file an idea; each is a next-item model over the items of the whole shop."""

from cartpath.recommend.parts.fitted import Parts, fit_parts
from cartpath.recommend.parts.registry import KINDS, Kind
from cartpath.recommend.parts.sources import Sources

__all__ = ["KINDS", "Kind", "Parts", "Sources", "fit_parts"]
