"""Reading sources on an engine of several processes: each reads a share of them, the one that writes adopts all."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from cartpath import engine, store
from cartpath.ingest.chunk import Bad, Reason
from cartpath.ingest.gathered import joined
from cartpath.ingest.identity import Collector
from cartpath.ingest.quarantine import IsForgotten, Quarantine
from cartpath.ingest.reading import FileJob, Piece
from cartpath.schema import Columns
from cartpath.store.erasure import Forgotten
from cartpath.store.share import Share, ShareWriter, must_see

#: Small chunks are gathered to this many rows before the store takes them.
ROWS = 200_000
Progress = Callable[[int, int], None]


@dataclass
class Tally:
    """Counts of what was read; see ``IngestSummary``."""

    read: int = 0
    quarantined: int = 0
    source_rows: int = 0
    not_requested: int = 0
    blanked: int = 0
    truncated: list[str] = field(default_factory=list)

    def add(self, piece: Piece, events: int, bad: int) -> None:
        """Count a piece of which so many events are kept, and so many rows are not."""
        self.read += events + bad
        self.quarantined += bad
        self.source_rows += piece.source_rows
        self.not_requested += piece.not_requested
        self.blanked += piece.blanked
        self.truncated += [piece.truncated] if piece.truncated else []


class Gatherer:
    """Gathers small chunks into larger ones.

    Parameters
    ----------
    sink : callable
        Takes the larger ones.
    """

    def __init__(self, sink: Callable[[pa.Table], None]) -> None:
        self._sink = sink
        self._held: list[pa.Table] = []

    def add(self, events: pa.Table) -> None:
        """Take a chunk."""
        self._held.append(events)
        if sum(map(len, self._held)) >= ROWS:
            self.flush()

    def flush(self) -> None:
        """Hand on what is held."""
        if self._held:
            whole = self._held[0] if len(self._held) == 1 else pa.concat_tables(self._held, promote_options="default")
            self._held.clear()
            self._sink(whole)


def received(piece: Piece, is_forgotten: IsForgotten) -> tuple[pa.Table, list[Bad]]:
    """Return a piece's events but those of forgotten users, which are among its bad rows."""
    events, bad = piece.events, piece.bad
    if not len(events):
        return events, bad
    gone = is_forgotten(events[Columns.user_id])
    if gone.any():
        users = events[Columns.user_id].filter(pa.array(gone)).to_pylist()
        bad = bad + [Bad(0, Reason.forgotten_user, "", user) for user in users]
        events = _anew(events.filter(pa.array(~gone)))
    return events, bad


def _anew(events: pa.Table) -> pa.Table:
    """Encode text anew: what only a forgotten user wrote must not stay in a dictionary."""
    for at, name in enumerate(events.column_names):
        if pa.types.is_dictionary(events[name].type):
            plain = events[name].cast(events[name].type.value_type)
            events = events.set_column(at, name, plain.dictionary_encode())
    return events


@dataclass(frozen=True)
class ShareRead:
    """What became of a share.

    Attributes
    ----------
    share : Share
        Its events.
    tally : Tally
    reasons : dict of str to int
        Rows quarantined, by reason.
    quarantine, items, links : Path or None
        Files of the rows quarantined, of the items seen, and of the links between ids.
    """

    share: Share
    tally: Tally
    reasons: dict[str, int]
    quarantine: Path | None
    items: Path | None
    links: Path | None

    def rows(self, path: Path | None) -> pa.Table | None:
        """Return what one of its files of items or links holds, None if there is none."""
        if path is None:
            return None
        with pa.OSFile(str(path)) as file:
            return pa.ipc.open_file(file).read_all()


@dataclass(frozen=True)
class ShareReader:
    """Reads a share; call it with a job.

    Attributes
    ----------
    folder : Path
        Where it puts what it reads.
    n_buckets : int
    forgotten : Forgotten
    """

    folder: Path
    n_buckets: int
    forgotten: Forgotten

    def __call__(self, job: FileJob) -> ShareRead:
        """Read a share to its end."""
        must_see(job.path)
        must_see(self.folder)
        tally, items, links = Tally(), None, Collector()
        writer = ShareWriter(self.folder, self.n_buckets)
        gatherer = Gatherer(writer.add)
        try:
            with Quarantine(self.folder, self.forgotten.mask, self.folder) as quarantine:
                for piece in job.pieces():
                    events, bad = received(piece, self.forgotten.mask)
                    tally.add(piece, len(events), len(bad))
                    quarantine.add(job.name, bad)
                    if len(events):
                        gatherer.add(events)
                    items = joined(items, piece.items, Columns.item_id)
                    if piece.links is not None:
                        links.add(piece.links)
                gatherer.flush()
                file = quarantine.finish()
            return ShareRead(
                writer.finish(), tally, dict(quarantine.reasons), file, self._saved(items), self._saved(links.table())
            )
        finally:
            writer.close()

    def _saved(self, table: pa.Table | None) -> Path | None:
        if table is None or not len(table):
            return None
        path = self.folder / f"{secrets.token_hex(8)}.table"
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
        return path


def read_shares(
    jobs: Mapping[int, FileJob], writer: store.Writer, progress: Progress | None = None
) -> list[tuple[int, ShareRead]]:
    """Read files on the current engine, and let the writer adopt their events.

    Parameters
    ----------
    jobs : mapping of int to FileJob
        Opened, by their place.
    writer : store.Writer
    progress : callable, optional
        Called with shares read and shares in all.

    Returns
    -------
    list of (int, ShareRead)
        In source order, each with the place of its job.
    """
    shares = [(at, share) for at, job in jobs.items() for share in job.shares()]
    reader = ShareReader(writer.share_folder(), writer.n_buckets, writer.forgotten)
    done = engine.map(reader, [share for _, share in shares], progress=progress)
    writer.adopt([read.share for read in done])
    return [(at, read) for (at, _), read in zip(shares, done, strict=True)]
