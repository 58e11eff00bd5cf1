"""Streams without following: what is there now, and then an end."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from cartpath.ingest.adapter import Adapter
from cartpath.ingest.follow.address import STREAM_OPTIONS, is_stream
from cartpath.ingest.follow.batch import run_batch
from cartpath.ingest.follow.lock import follower_lock
from cartpath.ingest.follow.source import Source
from cartpath.ingest.follow.sources import open_sources
from cartpath.ingest.jobs import Progress
from cartpath.ingest.run import ingest
from cartpath.ingest.summary import IngestSummary, put_totals
from cartpath.schema import CartpathError
from cartpath.store.manifest import current

_SUMS = ("read", "stored", "duplicates", "quarantined", "source_rows", "not_requested", "blanked", "files", "seconds")


def ingest_mixed(
    workspace: Path,
    sources: Sequence[str],
    adapter: Adapter,
    mapping: Mapping[str, str],
    items: str | Path | None,
    users: str | Path | None,
    options: Mapping[str, Any],
    progress: Progress | None,
    identities: str | Path | None = None,
) -> IngestSummary:
    """Ingest sources of which some are streams: files first, as one generation, then what each stream has."""
    files = [source for source in sources if not is_stream(source)]
    plain = {name: value for name, value in options.items() if name not in STREAM_OPTIONS}
    done = None
    if files or items or users or identities:
        done = ingest(workspace, files, adapter=adapter, mapping=mapping, items=items, users=users, options=plain,
                      progress=progress, identities=identities)  # fmt: skip
    return ingest_streams(workspace, [url for url in sources if is_stream(url)], adapter, mapping, options, done)


def ingest_streams(
    workspace: Path,
    urls: Sequence[str],
    adapter: Adapter,
    mapping: Mapping[str, str],
    options: Mapping[str, Any],
    before: IngestSummary | None = None,
) -> IngestSummary:
    """Read what streams have now, from after what was read before; entries that come meanwhile are left.

    Parameters
    ----------
    workspace : Path
    urls : sequence of str
    adapter : Adapter
    mapping, options : mapping
    before : IngestSummary, optional
        Of other sources, to be added to.

    Returns
    -------
    IngestSummary

    Raises
    ------
    CartpathError
        If a server does not answer, or there is no such stream.
    """
    total, told = before or IngestSummary(), list[str]()
    with ExitStack() as stack:
        for source in open_sources(workspace, urls, adapter, mapping, options, 0, told.append, patient=False):
            stack.callback(source.close)
            stack.enter_context(follower_lock(workspace, source.name))
            source.begin(current(workspace).data.get("followed", {}).get(source.name, {}))
            _drain(workspace, source, total)
            total.truncated += [{"file": source.name, "why": text} for text in told]
            told.clear()
    put_totals(workspace, total)
    return total


def _drain(workspace: Path, source: Source, total: IngestSummary) -> None:
    source.waiting()
    left = source.lag().get("entries", 0)
    while left > 0 and (done := run_batch(workspace, [source], threading.Event())) is not None:
        left -= done.source_rows
        _add(total, done)
    for record in source.notes.take().get("failed", []):
        raise CartpathError(f"{record['file']} cannot be read: {record['why']}")


def _add(total: IngestSummary, done: IngestSummary) -> None:
    sums = {name: getattr(total, name) + getattr(done, name) for name in _SUMS}
    reasons = {r: total.reasons.get(r, 0) + done.reasons.get(r, 0) for r in sorted({*total.reasons, *done.reasons})}
    quarantine = done.quarantine_file or total.quarantine_file
    kept = {"reasons": reasons, "quarantine_file": quarantine, "truncated": [*total.truncated, *done.truncated]}
    vars(total).update({**vars(done), **sums, **kept})
    total.seconds = round(total.seconds, 3)
