"""Sources become canonical events: adapters, readers, validation with a quarantine."""

from cartpath.ingest.adapter import Adapter, Context, Option, Unnested
from cartpath.ingest.chunk import Bad, Chunk, Reason
from cartpath.ingest.registry import get, names

__all__ = ["Adapter", "Bad", "Chunk", "Context", "Option", "Reason", "Unnested", "get", "names"]
