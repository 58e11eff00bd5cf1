"""Files of next-item research as events: sequences, sessions and tables, and what is known of their items."""

from cartpath.ingest.sequences.attributes import read_items
from cartpath.ingest.sequences.read import read_sequences
from cartpath.ingest.sequences.result import Sequences

__all__ = ["Sequences", "read_items", "read_sequences"]
