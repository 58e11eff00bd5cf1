"""A source that is a set of files: what kind each of them is, and the jobs they make."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from cartpath.ingest.adapter import Adapter
from cartpath.ingest.file_kinds import FileKind, Role
from cartpath.ingest.readers import csv_reader, json_reader, parquet_reader
from cartpath.ingest.reading import FileJob, Job
from cartpath.ingest.sources import sniff_format
from cartpath.ingest.table_job import TableJob
from cartpath.ingest.zones import in_zone
from cartpath.schema import CartpathError

#: What people put beside their data.
_PAPERS = FileKind("papers", Role.ignored, ("*readme*", "licen[cs]e*"), why="a text about the data")


@dataclass
class FileSet:
    """What a set of files is to be read as.

    Attributes
    ----------
    jobs : list of Job
    lookups : list of dict
        Tables read already, as ``IngestSummary.tables`` tells them.
    ignored : list of dict
        ``file`` and ``why``.
    """

    jobs: list[Job] = field(default_factory=list)
    lookups: list[dict[str, Any]] = field(default_factory=list)
    ignored: list[dict[str, str]] = field(default_factory=list)


def file_set(
    paths: list[Path],
    adapter: Adapter,
    mapping: Mapping[str, str],
    options: Mapping[str, Any],
    zones: Mapping[str, str] | None = None,
) -> FileSet:
    """Tell the kind of every file and return the jobs of the set.

    Parameters
    ----------
    paths : list of Path
    adapter : Adapter
        With ``files``.
    mapping : mapping of canonical column to ``=value``
    options : mapping
        As ``resolve_options`` returns.
    zones : mapping of str to str, optional
        Pattern of file names to the zone of their times; see ``zones.in_zone``.

    Raises
    ------
    CartpathError
        If a file is of no kind or lacks a column, or a table that a kind needs is not among the files.
    """
    named = next((name for name, column in mapping.items() if not column.startswith("=")), None)
    if named is not None:
        raise CartpathError(
            f"adapter {adapter.name} reads several kinds of files, so --map {named}=COLUMN does not say of which",
            "write the declaration of your own files, see docs/adapters.md",
        )
    kinds: dict[str, list[Path]] = {}
    told: list[tuple[Path, FileKind]] = []
    for path in paths:
        told.append((path, kind_of(path, adapter, options["delimiter"])))
        kinds.setdefault(told[-1][1].name, []).append(path)
    found = FileSet()
    found.ignored = [{"file": str(p), "why": kind.why} for p, kind in told if kind.role == Role.ignored]
    tables = _lookups(adapter, kinds, options, found)
    for path, kind in told:
        digest = _digest(kind, adapter, tables)
        if kind.role == Role.events and kind.adapter is not None:
            found.jobs.append(FileJob(path, kind.adapter, mapping, in_zone(options, path, zones or {}), tables, digest))
        elif kind.role in (Role.items, Role.users) and kinds[kind.name][0] == path:
            found.jobs.append(TableJob(kinds[kind.name], kind, adapter.name, options, tables, digest))
    if not found.jobs:
        raise CartpathError(
            f"nothing to read for adapter {adapter.name}: {', '.join(str(path) for path in paths)}", _reads(adapter)
        )
    return found


def kind_of(path: Path, adapter: Adapter, delimiter: str = "") -> FileKind:
    """Tell a file's kind: by its name if its columns agree, else by its columns.

    Raises
    ------
    CartpathError
        If it is of none, or is named as one whose columns it lacks; the message says what was expected and found.
    """
    named = [kind for kind in (*adapter.files, _PAPERS) if kind.is_named(path)]
    for kind in named:
        if kind.role == Role.ignored:
            return kind
    for kind in named:
        if kind.adapter is not None and kind.adapter.header and sniff_format(path) == "csv":
            found = _columns(path, delimiter, kind.adapter.header)
            if not kind.missing(found):
                return kind
    found = _columns(path, delimiter)
    candidates = [kind for kind in adapter.files if kind.columns and not kind.missing(found)]
    candidates.sort(key=lambda kind: (kind in named, len(kind.columns)))
    if candidates:
        return candidates[-1]
    raise _unknown(path, adapter, named, found)


def _columns(path: Path, delimiter: str, names: tuple[str, ...] = ()) -> list[str]:
    form = sniff_format(path)
    if form == "csv":
        return list(csv_reader.layout_of(path, delimiter, names).names)
    if form == "jsonl":
        return json_reader.columns_of(path)
    with parquet_reader.open_parquet(path) as file:
        columns: list[str] = file.schema_arrow.names
        return columns


def _unknown(path: Path, adapter: Adapter, named: list[FileKind], found: list[str]) -> CartpathError:
    has = f"columns found: {', '.join(found) or 'none'}"
    if named:
        kind = named[0]
        return CartpathError(
            f"{path} is named as {kind.name} of {adapter.name} but lacks {', '.join(kind.missing(found))}; "
            f"columns expected: {kind.expected()}; {has}",
            "it is another version of the data set, or another file: leave it out or rename it",
        )
    return CartpathError(f"{path} is no file that adapter {adapter.name} knows; {has}", _reads(adapter))


def _reads(adapter: Adapter) -> str:
    kinds = [f"{kind.name} ({kind.expected() or ' or '.join(kind.patterns)})" for kind in adapter.files]
    return f"it reads {'; '.join(kinds)}"


def _lookups(
    adapter: Adapter, kinds: Mapping[str, list[Path]], options: Mapping[str, Any], found: FileSet
) -> dict[str, pa.Table]:
    """Read the lookup tables there are, and refuse files that cannot be read without one that is absent."""
    tables = {}
    for kind in (kind for kind in adapter.files if kind.role == Role.lookup):
        if kind.name in kinds:
            job = TableJob(kinds[kind.name], kind, adapter.name, options)
            pieces = list(job.pieces())
            tables[kind.name] = job.result
            found.lookups += [piece.table for piece in pieces if piece.table is not None]
            continue
        users = [other for other in adapter.files if kind.name in other.uses and other.name in kinds]
        if kind.required and users:
            raise CartpathError(
                f"{kinds[users[0].name][0]} cannot be read without {kind.name} ({' or '.join(kind.patterns)})",
                "name the whole folder",
            )
    return tables


def _digest(kind: FileKind, adapter: Adapter, tables: Mapping[str, pa.Table]) -> str:
    """Return a hash of the tables that a kind's hooks read; its files are read anew when one has changed."""
    used = [tables[name] for name in kind.uses if name in tables]
    if not used:
        return ""
    rows = repr([table.to_pydict() for table in used])
    return hashlib.sha256(f"{adapter.name}:{rows}".encode()).hexdigest()[:16]
