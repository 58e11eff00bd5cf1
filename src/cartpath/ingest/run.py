"""Ingest: from files to a new generation of the store, with every row accounted for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from cartpath import store
from cartpath.ingest import registry
from cartpath.ingest.adapter import Adapter
from cartpath.ingest.ahead import ahead
from cartpath.ingest.catalogue import load_items, load_users
from cartpath.ingest.chunk import Bad, Reason
from cartpath.ingest.database import database_job
from cartpath.ingest.quarantine import Quarantine, remove_orphans
from cartpath.ingest.reading import FileJob, Job, Piece, resolve_options
from cartpath.ingest.sources import expand
from cartpath.schema import CartpathError, Columns, event_schema, iso
from cartpath.store.tables import upsert

#: Small chunks are gathered to this many rows before the store takes them.
_ROWS = 200_000
Progress = Callable[[int, int], None]


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

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON would have it."""
        return dict(vars(self))


def ingest(
    workspace: Path | str,
    sources: list[str],
    *,
    adapter: str | Adapter = "generic",
    mapping: Mapping[str, str] | None = None,
    items: str | Path | None = None,
    users: str | Path | None = None,
    options: Mapping[str, Any] | None = None,
    database: str | None = None,
    query: str | None = None,
    progress: Progress | None = None,
) -> IngestSummary:
    """Read sources into a workspace; either all of it is stored, or nothing.

    Parameters
    ----------
    workspace : Path
    sources : list of str
        Files, folders, globs; may be empty where ``items`` or ``users`` is given.
    adapter : str or Adapter
    mapping : mapping of canonical column to source column
        Overrides the adapter; ``=value`` is a constant.
    items, users : Path, optional
        Catalogue and user attributes: CSV, Parquet or JSON Lines.
    options : mapping, optional
        The adapter's options and the common ones (``reading.COMMON``); of a database also ``database.OPTIONS``.
    database, query : str, optional
        A database's URL, or ``env:NAME``, and what to select there, in place of ``sources``.
    progress : callable, optional
        Called with work done and work in all: the bytes read, and half as much again for building the paths.

    Returns
    -------
    IngestSummary

    Raises
    ------
    CartpathError
        If a source is missing, empty, damaged, or lacks a column; if a database refuses the query.
    WorkspaceBusyError
        If another process writes.
    """
    chosen = registry.get(adapter) if isinstance(adapter, str) else adapter
    mapping = _checked(mapping or {})
    tables = (load_items(items) if items else None, load_users(users) if users else None)
    if database is not None or query is not None:
        if sources:
            raise CartpathError("an ingest reads files or a database, not both", "leave one of them out")
        job = database_job(Path(workspace), database, query, chosen, mapping, options or {})
        return ingest_jobs(Path(workspace), [job], tables, followed=job.followed, progress=progress)
    values = resolve_options(chosen, options or {})
    if not sources and items is None and users is None:
        raise CartpathError("nothing to ingest", "name a file, a folder or a glob, or --database with --query")
    jobs = [FileJob(path, chosen, mapping, values) for path in (expand(sources) if sources else [])]
    return ingest_jobs(Path(workspace), jobs, tables, progress=progress)


def ingest_jobs(
    workspace: Path,
    jobs: Sequence[Job],
    tables: tuple[pa.Table | None, pa.Table | None] = (None, None),
    *,
    followed: Callable[[], Mapping[str, Any]] | None = None,
    progress: Progress | None = None,
) -> IngestSummary:
    """Read jobs into a workspace as one generation; either all of it is stored, or nothing.

    Parameters
    ----------
    workspace : Path
    jobs : sequence of Job
    tables : tuple of pyarrow.Table or None
        Items and users to put beside the events.
    followed : callable, optional
        Asked once everything is read: how far each followed source was read, for ``store.Writer.followed``. It
        becomes current together with the events.
    progress : callable, optional

    Returns
    -------
    IngestSummary
    """
    begin = time.monotonic()
    with store.writer(workspace) as writer:
        summary = _Ingest(workspace, writer, jobs, tables, followed, progress).run()
    with store.open_snapshot(workspace) as snapshot:
        totals = snapshot.totals
    summary.users, summary.sessions, summary.items = totals.users, totals.sessions, totals.items
    summary.first = None if totals.first_ts is None else iso(totals.first_ts)
    summary.last = None if totals.last_ts is None else iso(totals.last_ts)
    summary.seconds = round(time.monotonic() - begin, 3)
    return summary


def _checked(mapping: Mapping[str, str]) -> Mapping[str, str]:
    unknown = sorted(set(mapping) - set(event_schema().names))
    if unknown:
        raise CartpathError(
            f"--map: {unknown[0]!r} is no canonical column", f"there are: {', '.join(event_schema().names)}"
        )
    return mapping


class _Ingest:
    """One run, with the writer lock held."""

    def __init__(
        self,
        workspace: Path,
        writer: store.Writer,
        jobs: Sequence[Job],
        tables: tuple[pa.Table | None, pa.Table | None],
        followed: Callable[[], Mapping[str, Any]] | None,
        progress: Progress | None,
    ) -> None:
        self._workspace, self._writer, self._tables, self._followed = workspace, writer, tables, followed
        known = dict.fromkeys(writer.known_sources())
        self._jobs: list[Job] = []
        for job in jobs:
            if not job.signature or job.signature not in known:
                known[job.signature] = None
                self._jobs.append(job)
        self.summary = IngestSummary(files=len(self._jobs), unchanged_files=len(jobs) - len(self._jobs))
        self._progress = progress
        self._held: list[pa.Table] = []
        self._items: pa.Table | None = None
        self._counts = [dict.fromkeys(("read", "quarantined", "source_rows"), 0) for _ in self._jobs]

    def run(self) -> IngestSummary:
        for job in self._jobs:
            job.open()
        with store.open_snapshot(self._workspace) as snapshot:
            remove_orphans(self._workspace, {a["path"] for a in snapshot.manifest.data["artefacts"]})
        with Quarantine(self._workspace, self._writer.is_forgotten) as quarantine:
            for at, piece in ahead(self._pieces(), leave=self._leave):
                self._take(at, piece, quarantine)
                self._report(sum(job.size for job in self._jobs[:at]) + piece.bytes_done, 0.0)
            self._flush()
            self._put_tables()
            self._commit(quarantine)
        return self.summary

    def _report(self, read: int, built: float) -> None:
        total = sum(job.size for job in self._jobs)
        if self._progress is not None:
            self._progress(read + round(built * (total // 2)), total + total // 2)

    def _pieces(self) -> Iterator[tuple[int, Piece]]:
        for at, job in enumerate(self._jobs):
            for piece in job.pieces():
                yield at, piece

    def _leave(self) -> None:
        """Have jobs that wait for somebody else stop."""
        for job in self._jobs:
            if cancel := getattr(job, "cancel", None):
                cancel()

    def _take(self, at: int, piece: Piece, quarantine: Quarantine) -> None:
        file, events, bad = self._jobs[at].name, piece.events, piece.bad
        read = len(events) + len(bad)
        if len(events):
            gone = self._writer.is_forgotten(events[Columns.user_id])
            if gone.any():
                bad = bad + [Bad(0, Reason.forgotten_user, "", user) for user in
                             events[Columns.user_id].filter(pa.array(gone)).to_pylist()]  # fmt: skip
                events = events.filter(pa.array(~gone))
        quarantine.add(file, bad)
        if len(events):
            self._held.append(events)
            if sum(map(len, self._held)) >= _ROWS:
                self._flush()
        if piece.items is not None and len(piece.items):
            self._items = piece.items if self._items is None else upsert(self._items, piece.items, Columns.item_id)
        if piece.truncated:
            self.summary.truncated.append({"file": file, "why": piece.truncated})
        summary, counts = self.summary, self._counts[at]
        summary.read += read
        summary.quarantined += len(bad)
        summary.source_rows += piece.source_rows
        summary.not_requested += piece.not_requested
        summary.blanked += piece.blanked
        counts["read"] += read
        counts["quarantined"] += len(bad)
        counts["source_rows"] += piece.source_rows

    def _flush(self) -> None:
        if self._held:
            whole = self._held[0] if len(self._held) == 1 else pa.concat_tables(self._held, promote_options="default")
            self._held.clear()
            self._writer.add(whole)

    def _put_tables(self) -> None:
        if self._items is not None:
            self._writer.put_items(self._items)
        items, users = self._tables
        if items is not None:
            self._writer.put_items(items)
        if users is not None:
            self._writer.put_users(users)

    def _commit(self, quarantine: Quarantine) -> None:
        summary = self.summary
        path = quarantine.finish()
        if path is not None:
            self._writer.register_artefact(path)
            summary.quarantine_file = str(path)
        summary.reasons = dict(sorted(quarantine.reasons.items()))
        sources = [{**job.record(), **counts} for job, counts in zip(self._jobs, self._counts, strict=True)]
        total = sum(job.size for job in self._jobs)
        done = self._writer.commit(
            sources=sources,
            quarantine=summary.reasons,
            followed=self._followed() if self._followed else None,
            progress=lambda at, n: self._report(total, at / n),
        )
        summary.stored, summary.duplicates = done.stored, done.duplicates
        if summary.read != summary.stored + summary.duplicates + summary.quarantined:
            raise AssertionError(f"rows are unaccounted for: {summary.to_dict()}")
