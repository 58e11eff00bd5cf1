"""Reading files in tests, without a store."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from cartpath.ingest import Bad, get
from cartpath.ingest.options import resolve_options
from cartpath.ingest.reading import FileJob
from cartpath.schema import event_schema

HEADER = b"user_id,ts,event,item_id,price,quantity\n"
GOOD = b"u1,2020-01-01 00:00:00,view,i1,1.5,2\n"


@dataclass
class Outcome:
    events: pa.Table
    bad: list[Bad]
    read: int
    source_rows: int
    not_requested: int
    blanked: int
    truncated: list[str]

    @property
    def reasons(self) -> dict[str, int]:
        return dict(Counter(bad.reason for bad in self.bad))

    def rows(self, reason: str) -> list[int]:
        return sorted(bad.row for bad in self.bad if bad.reason == reason)

    def column(self, name: str) -> list[Any]:
        return self.events[name].to_pylist()


def read(path: Path, adapter: str = "generic", mapping: dict[str, str] | None = None, **options: Any) -> Outcome:
    chosen = get(adapter)
    job = FileJob(path, chosen, mapping or {}, resolve_options(chosen, options))
    job.open()
    pieces = list(job.pieces())
    tables = [piece.events for piece in pieces if len(piece.events)]
    plain = pa.concat_tables([_plain(table) for table in tables], promote_options="default") if tables else pa.table({})
    return Outcome(
        events=plain,
        bad=[bad for piece in pieces for bad in piece.bad],
        read=sum(len(piece.events) + len(piece.bad) for piece in pieces),
        source_rows=sum(piece.source_rows for piece in pieces),
        not_requested=sum(piece.not_requested for piece in pieces),
        blanked=sum(piece.blanked for piece in pieces),
        truncated=[piece.truncated for piece in pieces if piece.truncated],
    )


def _plain(table: pa.Table) -> pa.Table:
    types = {field.name: field.type for field in event_schema()}
    return pa.table({name: table[name].cast(types.get(name, table[name].type)) for name in table.column_names})


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path
