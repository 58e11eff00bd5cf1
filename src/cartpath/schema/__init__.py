"""Column names, event vocabulary, errors and units: what every room shares."""

from cartpath.schema.columns import (
    CODED_CONTEXT,
    CONTEXT,
    REQUIRED,
    Columns,
    event_schema,
    item_schema,
)
from cartpath.schema.conventions import OTHER, Z95
from cartpath.schema.errors import (
    CartpathError,
    CorruptStoreError,
    MissingExtraError,
    WorkspaceBusyError,
)
from cartpath.schema.events import CANONICAL_EVENTS, Event
from cartpath.schema.units import MICROSECONDS, iso, microseconds_of, seconds

__all__ = [
    "CANONICAL_EVENTS",
    "CODED_CONTEXT",
    "CONTEXT",
    "MICROSECONDS",
    "OTHER",
    "REQUIRED",
    "Z95",
    "CartpathError",
    "Columns",
    "CorruptStoreError",
    "Event",
    "MissingExtraError",
    "WorkspaceBusyError",
    "event_schema",
    "iso",
    "item_schema",
    "microseconds_of",
    "seconds",
]
