"""One batch: what waits becomes a generation, with how far it was read; what cannot be read is left out."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cartpath.ingest.follow.source import ChangedError, Part, Source, StoppedError
from cartpath.ingest.jobs import ingest_jobs
from cartpath.ingest.summary import IngestSummary
from cartpath.store.manifest import current

#: Of the ingest's summary, what a batch tells.
_TOLD = ("files", "read", "stored", "duplicates", "quarantined", "reasons", "generation", "seconds", "source_rows")
#: Records that each batch has, if empty ones.
_ALWAYS = ("shrunk", "failed")


@dataclass
class Batch:
    """What a batch did; ``to_dict`` is a line of ``cartpath ingest --follow --json``.

    Attributes
    ----------
    number : int
        From 1, rising.
    summary : IngestSummary
        All zero where nothing was read, and there is something to tell all the same.
    notes : dict of str to list of dict
        ``shrunk``, ``failed``, and what else there was: ``replaced``, ``changed``, ``missing``, ``truncated``.
    lag : dict of str to int
        What is left to read: ``bytes`` of files, ``entries`` of streams.
    """

    number: int
    summary: IngestSummary
    notes: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    lag: dict[str, int] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON would have it."""
        told = {name: getattr(self.summary, name) for name in _TOLD}
        notes = {name: self.notes.get(name, []) for name in dict.fromkeys((*_ALWAYS, *self.notes))}
        truncated = {"truncated": self.summary.truncated} if self.summary.truncated else {}
        return {"batch": self.number, **told, **notes, **truncated, "lag": self.lag}

    def sentence(self) -> str:
        """Return it in a line."""
        s = self.summary
        left = ", ".join(f"{n:,} {unit}" for unit, n in self.lag.items())
        return (
            f"batch {self.number}: {s.stored:,} stored, {s.duplicates:,} duplicates, {s.quarantined:,} quarantined, "
            f"{s.seconds:.1f} s, generation {s.generation}; waiting: {left}"
        )


def run_batch(workspace: Path, sources: Sequence[Source], stop: threading.Event) -> IngestSummary | None:
    """Take what waits; None if that was nothing.

    A part that cannot be read is told to its source and left out, and the others are read again without it.

    Raises
    ------
    StoppedError
        If ``stop`` was set while reading: nothing is stored.
    WorkspaceBusyError
        If another process writes.
    """
    known = current(workspace).data["sources"]
    taken = {source.name: source.parts(known) for source in sources}
    while any(taken.values()):
        for part in (part for parts in taken.values() for part in parts):
            part.stop, part.error = stop, None
        try:
            summary = _ingest(workspace, sources, taken)
        except StoppedError:
            raise
        except Exception as error:
            if not _leave_out(sources, taken, error):
                raise
            continue
        for source in sources:
            if taken[source.name]:
                source.committed(taken[source.name])
        return summary
    return None


def _ingest(workspace: Path, sources: Sequence[Source], taken: Mapping[str, list[Part]]) -> IngestSummary:
    def kept() -> dict[str, Any]:
        return {source.name: source.kept(taken[source.name]) for source in sources if taken[source.name]}

    return ingest_jobs(workspace, [part for parts in taken.values() for part in parts], followed=kept)


def _leave_out(sources: Sequence[Source], taken: dict[str, list[Part]], error: Exception) -> bool:
    """Take out the parts that failed; whether there are any."""
    found = False
    for source in sources:
        for part in [part for part in taken[source.name] if part.error is not None]:
            found = True
            taken[source.name].remove(part)
            if not isinstance(part.error, ChangedError):
                source.failed(part, getattr(part.error, "message", str(part.error)))
    return found
