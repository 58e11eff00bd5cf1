"""``sequences``: users' items in order, without times, as the data sets of sequential recommendation come."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from cartpath.ingest.adapter import Adapter, Context, Option
from cartpath.ingest.chunk import Bad, Chunk, Reason
from cartpath.ingest.readers import lines
from cartpath.ingest.readers.streams import ByteStream
from cartpath.ingest.sources import sniff_format
from cartpath.schema import CartpathError, Columns, Event, microseconds_of

_USER, _ITEM, _TIME = "user", "item", "time"
_START = microseconds_of("2000-01-01")
_SECOND = 1_000_000
_PROBED = 1000
PAIRS, LINES = "pairs", "lines"


def layout_of(context: Context) -> str:
    """Tell ``user item`` lines (``"pairs"``) from one user a line (``"lines"``).

    Pairs if most of the first lines have two fields, unless others have more and no user comes twice: those are users
    of whom most have one item. Where all lines have two fields and a user of their own, both are the same events.
    """
    chosen: str = context.options["format"]
    if chosen != "auto":
        return chosen
    with ByteStream(context.file) as stream:
        head = stream.read(lines.MAX_LINE).removeprefix(b"\xef\xbb\xbf")
    if not head.strip():
        raise CartpathError(f"{context.file} is empty", "leave the file out")
    first = [line.split() for line in head.split(b"\n")[:_PROBED] if line.strip()]
    full = first[:-1] if len(head) == lines.MAX_LINE and len(first) < _PROBED and len(first) > 1 else first
    two = sum(len(fields) == 2 for fields in full)
    apart = len({fields[0] for fields in full}) == len(full)
    return PAIRS if two * 2 > len(full) and (two == len(full) or not apart) else LINES


def recognise(path: Path) -> str | None:
    """Say why a file looks like sequences: lines of nothing but ids with spaces between them, and no header."""
    if sniff_format(path) != "csv":
        return None
    with ByteStream(path) as stream:
        head = stream.read(lines.BLOCK).removeprefix(b"\xef\xbb\xbf")
    first = [line.split() for line in head.split(b"\n")[:_PROBED] if line.strip()]
    first = first[:-1] if len(first) > 1 else first  # it may be cut
    plain = all(len(fields) > 1 and all(field.isalnum() for field in fields) for fields in first)
    if not first or not plain or not first[0][0].isdigit() or b"\t" in head[:100]:
        return None
    return "its lines are ids with spaces between them"


def read(context: Context) -> Iterator[Chunk]:
    """Yield users, items and times: a user's n-th item is n seconds into the year 2000."""
    parse = _Pairs() if layout_of(context) == PAIRS else _Lines()
    with ByteStream(context.file) as stream:
        line, head = 1, stream.read(lines.BLOCK).removeprefix(b"\xef\xbb\xbf")
        for block in lines.blocks(stream, head, lines.BLOCK):
            bad = [Bad(b.row + line, b.reason, b.raw) for b in block.bad]
            line += block.skipped
            chunk = parse.block(block.data, line)
            chunk.bad[:0] = bad
            chunk.bytes_done = stream.position
            chunk.truncated = stream.truncated if block.final else None
            line += lines.count_lines(block.data)
            yield chunk


class _Parser:
    """Numbers each user's items; a user may go on in a later block."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}

    def block(self, data: bytes, line: int) -> Chunk:
        users: list[str] = []
        items: list[str] = []
        rows: list[int] = []
        times: list[int] = []
        bad: list[Bad] = []
        for number, raw in enumerate(data.split(b"\n"), line):
            fields = self._fields(raw, number, bad)
            if not fields:
                continue
            user, at = fields[0], self._seen.get(fields[0], 0)
            for item in fields[1:]:
                users.append(user)
                items.append(item)
                rows.append(number)
                times.append(_START + at * _SECOND)
                at += 1
            self._seen[user] = at
        table = pa.table({_USER: users, _ITEM: items, _TIME: pa.array(times, pa.timestamp("us", tz="UTC"))})
        return Chunk(_typed(table), np.array(rows, np.int64), bad)

    def _fields(self, raw: bytes, number: int, bad: list[Bad]) -> list[str]:
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            bad.append(Bad(number, Reason.bad_encoding, lines.raw_text(raw)))
            return []
        fields = text.split()
        reason = self._reason(raw, fields)
        if fields and reason:
            bad.append(Bad(number, reason, lines.raw_text(raw), fields[0]))
            return []
        return fields

    def _reason(self, raw: bytes, fields: list[str]) -> str | None:
        return Reason.nul_bytes if b"\0" in raw else None


class _Pairs(_Parser):
    def _reason(self, raw: bytes, fields: list[str]) -> str | None:
        if len(fields) != 2:
            return Reason.wrong_number_of_fields
        return super()._reason(raw, fields)


class _Lines(_Parser):
    def _reason(self, raw: bytes, fields: list[str]) -> str | None:
        if len(fields) < 2:
            return Reason.wrong_number_of_fields
        return super()._reason(raw, fields)


def _typed(table: pa.Table) -> pa.Table:
    types = pa.schema([(_USER, pa.string()), (_ITEM, pa.string()), (_TIME, pa.timestamp("us", tz="UTC"))])
    return table.cast(types)


ADAPTER = Adapter(
    name="sequences",
    description="'user item' lines, or one user a line with all items; the order is the time",
    columns={Columns.user_id: _USER, Columns.item_id: _ITEM, Columns.ts: _TIME},
    defaults={Columns.event: Event.view},
    options={
        "format": Option("auto", "pairs: 'user item' lines; lines: 'user item item ...'", ("auto", PAIRS, LINES)),
        "event": Option(Event.view, "the name of the events"),
    },
    read=read,
    tested_on="real data: MovieLens-1M, Amazon Beauty, and Sports and Outdoors",
    recognise=recognise,
)
