"""Sources become canonical events: adapters, readers, validation with a quarantine."""

from cartpath.ingest.adapter import Adapter, Context, Option, Unnested
from cartpath.ingest.chunk import Bad, Chunk, Reason
from cartpath.ingest.file_kinds import FileKind, Role
from cartpath.ingest.mapping import Proposal, propose
from cartpath.ingest.registry import get, names
from cartpath.ingest.run import ingest
from cartpath.ingest.summary import IngestSummary

__all__ = [
    "Adapter",
    "Bad",
    "Chunk",
    "Context",
    "FileKind",
    "IngestSummary",
    "Option",
    "Proposal",
    "Reason",
    "Role",
    "Unnested",
    "get",
    "ingest",
    "names",
    "propose",
]
