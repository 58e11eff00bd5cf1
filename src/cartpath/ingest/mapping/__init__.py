"""Looking at an unknown file, and proposing which of its columns is which."""

from cartpath.ingest.mapping.proposal import Proposal, propose

__all__ = ["Proposal", "propose"]
