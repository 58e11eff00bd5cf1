"""Telling the layouts apart, and reading each."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow as pa

from cartpath.ingest.adapter import Context
from cartpath.ingest.adapters import sequences as lines_of_ids
from cartpath.ingest.adapters.cotrec import SEQUENCE
from cartpath.ingest.readers import parquet_reader
from cartpath.ingest.readers.lines import BLOCK
from cartpath.ingest.readers.streams import ByteStream
from cartpath.ingest.sequences import sessions, table
from cartpath.ingest.sequences.result import Sequences, events_of, told_of
from cartpath.ingest.sources import sniff_format
from cartpath.ingest.text import single
from cartpath.schema import CartpathError

#: Lines that are looked at to tell the layout.
_PROBED = 1000
_REMEDY = "name the columns in the first line: user,item or user,item,time"
_NAMES = {lines_of_ids.PAIRS: "'user item' lines in order", lines_of_ids.LINES: "one user a line with all items"}


def read_sequences(path: Path) -> Sequences:
    """Read a file, or a folder with a training and a test file of sessions.

    Known are lines of ids (``user item item ...`` as of S3Rec, ``user item`` as of SASRec; the order is the time),
    tables with a header (CSV, TSV, Parquet, JSON Lines; columns of user or session, item and, if there is one, time,
    by their usual names), and Parquet files of sessions in a column ``seq`` (CoTRec).

    Parameters
    ----------
    path : Path

    Returns
    -------
    Sequences

    Raises
    ------
    CartpathError
        If it cannot be told what the file is, or nothing in it can be read.
    """
    if path.is_dir():
        found = sessions.read_folder(path)
    elif not path.exists():
        raise CartpathError(f"no such file or folder: {path}")
    else:
        found = _read_file(path)
    if not len(found.events):
        raise CartpathError(f"{path} has no event that can be read", "; ".join(found.told) or "leave the file out")
    return found


def _read_file(path: Path) -> Sequences:
    kind = sniff_format(path)
    if kind == "parquet":
        with parquet_reader.open_parquet(path) as file:
            names = file.schema_arrow.names
        return sessions.read_file(path) if SEQUENCE in names else table.read(path)
    if kind == "jsonl":
        return table.read(path)
    head = _head(path)
    if (delimiter := table.delimiter_of(head[0])) is not None:
        return table.read(path, delimiter)
    _refuse_tables(path, head)
    return _read_lines(path)


def _head(path: Path) -> list[str]:
    """Return the first lines that are not blank."""
    with ByteStream(path) as stream:
        text = stream.read(BLOCK).removeprefix(b"\xef\xbb\xbf").decode(errors="replace")
    found = [line for line in text.split("\n")[: _PROBED + 1] if line.strip()]
    if not found:
        raise CartpathError(f"{path} is empty", "name a file with events")
    # The last line may be cut.
    return found[:-1][:_PROBED] if len(found) > 1 and len(text) >= BLOCK else found[:_PROBED]


def _refuse_tables(path: Path, head: list[str]) -> None:
    """Refuse lines that are no plain ids, or look like rows of a table whose columns have no names."""
    if any(mark in head[0] for mark in (",", ";", "|", "::")):
        raise CartpathError(f"{path} has no columns that are a user and an item: {head[0][:80].strip()}", _REMEDY)
    fields = [line.split() for line in head]
    if len(fields[0]) == 1:
        raise CartpathError(f"line 1 of {path} has one field: {head[0][:80].strip()}", "lines are: user item item ...")
    widths = Counter(map(len, fields))
    users = Counter(line[0] for line in fields)
    if len(widths) == 1 and max(widths) > 2 and len(users) < len(fields):
        raise CartpathError(
            f"the lines of {path} all have {max(widths)} fields, and users come more than once: is it a table?", _REMEDY
        )


def _read_lines(path: Path) -> Sequences:
    context = Context(path, {"format": "auto", "event": "view"})
    layout = lines_of_ids.layout_of(context)
    chunks = list(lines_of_ids.read(Context(path, {"format": layout, "event": "view"})))
    rows = pa.concat_tables([chunk.table for chunk in chunks])
    told = told_of([bad for chunk in chunks for bad in chunk.bad])
    told += [f"the file ends early: {chunk.truncated}" for chunk in chunks if chunk.truncated]
    users, items = (single(rows[name]) for name in ("user", "item"))
    return Sequences(events_of(users, items), False, _NAMES[layout], told=told)
