"""What an ingest did, in numbers that add up."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cartpath import store
from cartpath.schema import iso


@dataclass
class IngestSummary:
    """What an ingest did; ``to_dict`` is what ``cartpath ingest --json`` prints.

    Attributes
    ----------
    read, stored, duplicates, quarantined : int
        Candidate events, and what became of them: ``read = stored + duplicates + quarantined``.
    source_rows, not_requested : int
        Rows of the sources, and events that were not asked for.
    reasons : dict of str to int
        Quarantined rows by reason.
    users, sessions, items : int
        In the shop, after.
    first, last : str or None
        Times of the shop's first and last event, ISO 8601.
    seconds : float
    files, unchanged_files : int
        Files read, and files that were ingested before and are left alone.
    truncated : list of dict
        Files that ended early: ``file``, ``why``.
    blanked : int
        Events of which a value was blanked.
    quarantine_file : str or None
    tables : list of dict
        Files of a set that are no events, as catalogue, users or lookup tables: ``kind``, ``files``, ``rows`` read,
        ``entries`` they made, and ``left_out`` rows by reason.
    ignored_files : list of dict
        Files of a set that are left alone: ``file``, ``why``.
    links : int
        Links between ids that events and a file of identities showed, each pair once.
    identities : dict or None
        What a file of identities held: ``file``, ``rows``, ``links``, and the rows left out, ``without_id`` and
        ``unreadable_time``. Where it was read before, only ``file`` and ``unchanged``.
    generation : int
        Of the store: the one that was written, or that is current if there was nothing to write.
    """

    read: int = 0
    stored: int = 0
    duplicates: int = 0
    quarantined: int = 0
    source_rows: int = 0
    not_requested: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    users: int = 0
    sessions: int = 0
    items: int = 0
    first: str | None = None
    last: str | None = None
    seconds: float = 0.0
    files: int = 0
    unchanged_files: int = 0
    truncated: list[dict[str, str]] = field(default_factory=list)
    blanked: int = 0
    quarantine_file: str | None = None
    tables: list[dict[str, Any]] = field(default_factory=list)
    ignored_files: list[dict[str, str]] = field(default_factory=list)
    links: int = 0
    identities: dict[str, Any] | None = None
    generation: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON would have it."""
        return dict(vars(self))


def put_totals(workspace: Path, summary: IngestSummary) -> None:
    """Put into a summary what the shop holds now."""
    with store.open_snapshot(workspace) as snapshot:
        totals = snapshot.totals
        summary.generation = summary.generation or snapshot.generation
    summary.users, summary.sessions, summary.items = totals.users, totals.sessions, totals.items
    summary.first = None if totals.first_ts is None else iso(totals.first_ts)
    summary.last = None if totals.last_ts is None else iso(totals.last_ts)
