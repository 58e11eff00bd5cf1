"""Jobs become one generation of the store: their pieces are read, counted, and committed together."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from cartpath import engine, store
from cartpath.ingest.ahead import ahead
from cartpath.ingest.derivation import check_settings, deriving
from cartpath.ingest.gathered import Gathered
from cartpath.ingest.identity import Collector, Identities
from cartpath.ingest.quarantine import FOLDER, Quarantine, remove_orphans
from cartpath.ingest.reading import FileJob, Job, Piece
from cartpath.ingest.shares import Gatherer, Tally, read_shares, received
from cartpath.ingest.summary import IngestSummary, put_totals
from cartpath.ingest.table_job import TableJob

Progress = Callable[[int, int], None]


def ingest_jobs(
    workspace: Path,
    jobs: Sequence[Job],
    tables: tuple[pa.Table | None, pa.Table | None] = (None, None),
    *,
    followed: Callable[[], Mapping[str, Any]] | None = None,
    progress: Progress | None = None,
    identities: Identities | None = None,
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
    identities : Identities, optional
        A file of identities that was read.

    Returns
    -------
    IngestSummary
    """
    begin = time.monotonic()
    check_settings(workspace)
    mapper = engine.map if engine.current().remote else None
    with store.writer(workspace, mapper=mapper) as writer:
        summary = _Ingest(workspace, writer, jobs, tables, followed, progress, identities).run()
    put_totals(workspace, summary)
    summary.seconds = round(time.monotonic() - begin, 3)
    return summary


def _n_files(jobs: Sequence[Job]) -> int:
    return sum(getattr(job, "n_files", 1) for job in jobs)  # a table may be of several files


def _can_be_shared(job: Job) -> bool:
    return isinstance(job, TableJob) or (isinstance(job, FileJob) and not job.adapter.in_order)


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
        identities: Identities | None,
    ) -> None:
        self._workspace, self._writer, self._tables, self._followed = workspace, writer, tables, followed
        known = dict.fromkeys(writer.known_sources())
        self._jobs: list[Job] = []
        for job in jobs:
            if not job.signature or job.signature not in known:
                known[job.signature] = None
                self._jobs.append(job)
        read = _n_files(self._jobs)
        self.summary = IngestSummary(files=read, unchanged_files=_n_files(jobs) - read)
        self._progress = progress
        self._gathered = Gathered()
        self._links = Collector()
        self._identities = self._new(identities, known)
        self._counts = [dict.fromkeys(("read", "quarantined", "source_rows"), 0) for _ in self._jobs]

    def _new(self, identities: Identities | None, known: Mapping[str, Any]) -> Identities | None:
        """Return identities that were not read before, and take their links."""
        if identities is None or identities.record["signature"] in known:
            if identities is not None:
                self.summary.identities = {"file": identities.record["file"], "unchanged": True}
            return None
        self.summary.identities = identities.to_dict()
        self._links.add(identities.links)
        return identities

    def run(self) -> IngestSummary:
        for job in self._jobs:
            job.open()
        with store.open_snapshot(self._workspace) as snapshot:
            registered = {a["path"] for a in snapshot.manifest.data["artefacts"]}
        remove_orphans(self._workspace, registered)
        joins = registered if self._followed else None
        with Quarantine(self._workspace, self._writer.is_forgotten, registered=joins) as quarantine:
            here = list(range(len(self._jobs)))
            # What is no file, or has to be read in order, is read by this process, whatever builds the buckets.
            if engine.current().remote and all(_can_be_shared(job) for job in self._jobs):
                here = [at for at in here if isinstance(self._jobs[at], TableJob)]
                self._take_shares(quarantine)
            self._take_pieces(here, quarantine)
            self._put_tables()
            self._commit(quarantine)
        return self.summary

    def _report(self, read: int, built: float) -> None:
        total = sum(job.size for job in self._jobs)
        if self._progress is not None:
            self._progress(read + round(built * (total // 2)), total + total // 2)

    def _pieces(self, jobs: Sequence[int]) -> Iterator[tuple[int, Piece]]:
        for at in jobs:
            for piece in self._jobs[at].pieces():
                yield at, piece

    def _leave(self) -> None:
        """Have jobs that wait for somebody else stop."""
        for job in self._jobs:
            if cancel := getattr(job, "cancel", None):
                cancel()

    def _take_shares(self, quarantine: Quarantine) -> None:
        files = {at: job for at, job in enumerate(self._jobs) if isinstance(job, FileJob)}
        total = sum(job.size for job in files.values())
        for at, read in read_shares(files, self._writer, lambda done, of: self._report(total * done // of, 0.0)):
            quarantine.adopt(read.quarantine, read.reasons)
            self._gathered.add_items(read.rows(read.items))
            links = read.rows(read.links)
            if links is not None:
                self._links.add(links)
            self._count(at, read.tally)

    def _take_pieces(self, jobs: Sequence[int], quarantine: Quarantine) -> None:
        gatherer = Gatherer(self._writer.add)
        for at, piece in ahead(self._pieces(jobs), leave=self._leave):
            self._take(at, piece, quarantine, gatherer)
            self._report(sum(job.size for job in self._jobs[:at]) + piece.bytes_done, 0.0)
        gatherer.flush()

    def _take(self, at: int, piece: Piece, quarantine: Quarantine, gatherer: Gatherer) -> None:
        events, bad = received(piece, self._writer.is_forgotten)
        quarantine.add(self._jobs[at].name, bad)
        if len(events):
            gatherer.add(events)
        self._gathered.add(piece)
        if piece.links is not None:
            self._links.add(piece.links)
        self.summary.tables += [] if piece.table is None else [piece.table]
        tally = Tally()
        tally.add(piece, len(events), len(bad))
        self._count(at, tally)

    def _count(self, at: int, tally: Tally) -> None:
        summary, counts = self.summary, self._counts[at]
        summary.truncated += [{"file": self._jobs[at].name, "why": why} for why in tally.truncated]
        summary.read += tally.read
        summary.quarantined += tally.quarantined
        summary.source_rows += tally.source_rows
        summary.not_requested += tally.not_requested
        summary.blanked += tally.blanked
        for name in counts:
            counts[name] += getattr(tally, name)

    def _put_tables(self) -> None:
        self._gathered.put(self._writer, *self._tables)
        links = self._links.table()
        if len(links):
            self._writer.put_links(links)
            self.summary.links = len(links)

    def _commit(self, quarantine: Quarantine) -> None:
        summary = self.summary
        if self._followed is not None and not summary.read:
            return  # a batch without events makes no generation
        path = quarantine.finish()
        if path is not None:
            self._writer.register_artefact(path)
            summary.quarantine_file = str(path)
        for old in quarantine.taken:
            self._writer.drop_artefact(f"{FOLDER}/{old.name}")
        summary.reasons = dict(sorted(quarantine.reasons.items()))
        sources = [{**job.record(), **counts} for job, counts in zip(self._jobs, self._counts, strict=True)]
        if self._identities is not None:
            sources.append({**self._identities.record, "read": 0, "quarantined": 0, "source_rows": 0})
        total = sum(job.size for job in self._jobs)
        done = self._writer.commit(
            sources=sources,
            quarantine=summary.reasons,
            followed=self._followed() if self._followed else None,
            derived=deriving(self._workspace),
            progress=lambda at, n: self._report(total, at / n),
        )
        quarantine.drop_taken()
        summary.stored, summary.duplicates, summary.generation = done.stored, done.duplicates, done.generation
        if summary.read != summary.stored + summary.duplicates + summary.quarantined:
            raise AssertionError(f"rows are unaccounted for: {summary.to_dict()}")
