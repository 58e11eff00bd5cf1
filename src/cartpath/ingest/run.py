"""Ingest: from what the user names to jobs, and from these to a new generation of the store."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cartpath import config
from cartpath.ingest import registry
from cartpath.ingest.adapter import Adapter
from cartpath.ingest.catalogue import load_items, load_users
from cartpath.ingest.database.job import database_job
from cartpath.ingest.file_sets import file_set
from cartpath.ingest.follow.address import is_stream
from cartpath.ingest.identity import load_identities
from cartpath.ingest.jobs import Progress, ingest_jobs
from cartpath.ingest.options import resolve_options
from cartpath.ingest.reading import FileJob
from cartpath.ingest.sources import expand
from cartpath.ingest.summary import IngestSummary
from cartpath.ingest.zones import in_zone
from cartpath.schema import CartpathError, event_schema


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
    identities: str | Path | None = None,
) -> IngestSummary:
    """Read sources into a workspace; either all of it is stored, or nothing.

    Parameters
    ----------
    workspace : Path
    sources : list of str
        Files, folders, globs; may be empty where ``items``, ``users`` or ``identities`` is given.
    adapter : str or Adapter
    mapping : mapping of canonical column to source column
        Overrides the adapter; ``=value`` is a constant.
    items, users : Path, optional
        Catalogue and user attributes: CSV, Parquet or JSON Lines.
    options : mapping, optional
        The adapter's options and the common ones (``options.COMMON``); of a database also ``database.OPTIONS``.
    database, query : str, optional
        A database's URL, or ``env:NAME``, and what to select there, in place of ``sources``.
    progress : callable, optional
        Called with work done and work in all: the bytes read, and half as much again for building the paths.
    identities : Path, optional
        Which anonymous id belongs to which user: CSV, Parquet or JSON Lines.

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
    mapping = checked_mapping(mapping or {})
    if any(map(is_stream, sources)):
        if database is not None or query is not None:
            raise CartpathError("an ingest reads streams or a database, not both", "leave one of them out")
        from cartpath.ingest.follow.once import ingest_mixed

        return ingest_mixed(
            Path(workspace), sources, chosen, mapping, items, users, options or {}, progress, identities
        )
    tables = (load_items(items) if items else None, load_users(users) if users else None)
    linked = load_identities(identities) if identities else None
    if database is not None or query is not None:
        if sources:
            raise CartpathError("an ingest reads files or a database, not both", "leave one of them out")
        job = database_job(Path(workspace), database, query, chosen, mapping, options or {})
        read = job.followed
        return ingest_jobs(Path(workspace), [job], tables, followed=read, progress=progress, identities=linked)
    values = resolve_options(chosen, options or {})
    if not sources and items is None and users is None and identities is None:
        raise CartpathError("nothing to ingest", "name a file, a folder or a glob, or --database with --query")
    zones = config.load(Path(workspace)).cleaning.time_zones
    paths = expand(sources) if sources else []
    if chosen.files and paths:
        found = file_set(paths, chosen, mapping, values, zones)
        summary = ingest_jobs(Path(workspace), found.jobs, tables, progress=progress, identities=linked)
        summary.tables[:0] = found.lookups
        summary.ignored_files = found.ignored
        return summary
    shared: dict[str, Any] = {}
    jobs = [FileJob(path, chosen, mapping, in_zone(values, path, zones), shared=shared) for path in paths]
    return ingest_jobs(Path(workspace), jobs, tables, progress=progress, identities=linked)


def checked_mapping(mapping: Mapping[str, str]) -> Mapping[str, str]:
    """Return a mapping whose names are canonical columns.

    Raises
    ------
    CartpathError
        If one is not.
    """
    unknown = sorted(set(mapping) - set(event_schema().names))
    if unknown:
        raise CartpathError(
            f"--map: {unknown[0]!r} is no canonical column", f"there are: {', '.join(event_schema().names)}"
        )
    return mapping
