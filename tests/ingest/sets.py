"""Reading sets of files in tests, without a store."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from cartpath.ingest import Adapter, get
from cartpath.ingest.file_sets import FileSet, file_set
from cartpath.ingest.options import resolve_options
from cartpath.ingest.sources import expand

#: What may stand where a time belongs: offsets that agree, one there is not, and no time at all.
ZONES = ("2014-04-07T12:00:00+02:00", "2014-04-07T10:00:00Z", "2014-04-07T05:00:00-05:00", "2014-04-07T10:00:00+99:00",
         "noon")  # fmt: skip
NOON = "2014-04-07T10:00:00+00:00"


@dataclass
class Read:
    events: list[dict[str, Any]] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    items: dict[str, dict[str, Any]] = field(default_factory=dict)
    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)
    truncated: list[str] = field(default_factory=list)
    not_requested: int = 0
    found: FileSet = field(default_factory=FileSet)

    def column(self, name: str) -> list[Any]:
        return [event.get(name) for event in self.events]


def read_set(source: Path, adapter: str | Adapter, **options: Any) -> Read:
    """Read a folder or file through an adapter's kinds of files; events are in the order of the files."""
    chosen = get(adapter) if isinstance(adapter, str) else adapter
    out = Read(found=file_set(expand([str(source)]), chosen, {}, resolve_options(chosen, options)))
    for job in out.found.jobs:
        job.open()
        for piece in job.pieces():
            out.events += _plain(piece.events)
            out.reasons.update(bad.reason for bad in piece.bad)
            out.not_requested += piece.not_requested
            for rows, key, into in ((piece.items, "item_id", out.items), (piece.users, "user_id", out.users)):
                into.update({row[key]: row for row in (rows.to_pylist() if rows is not None else [])})
            if piece.table is not None:
                out.tables[piece.table["kind"]] = piece.table
            if piece.truncated:
                out.truncated.append(piece.truncated)
    return out


def _plain(events: pa.Table) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = events.to_pylist()
    return [{**row, "ts": row["ts"].isoformat()} for row in rows]


def put(folder: Path, **files: str) -> Path:
    """Write files by name, ``events_csv="..."`` for events.csv, and return their folder."""
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        stem, _, suffix = name.rpartition("_")
        (folder / f"{stem}.{suffix}").write_text(text, encoding="utf-8")
    return folder
