"""CSV line by line, for the parts of a file that are not clean: every line that can be read is."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field

from cartpath.ingest.chunk import Bad, Reason
from cartpath.ingest.readers.lines import MAX_LINE, raw_text

#: Lines that a quoted field may span.
MAX_JOINED = 200
csv.field_size_limit(4 * MAX_LINE)


@dataclass
class Lines:
    """What was read.

    Attributes
    ----------
    fields : list of list of str
    rows : list of int
        Line of each, from 0.
    bad : list of Bad
        Lines that could not be read, from 0.
    carry : bytes
        The end, where a quote is open that the next block may close.
    """

    fields: list[Sequence[str]] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    bad: list[Bad] = field(default_factory=list)
    carry: bytes = b""


def split(text: str, delimiter: str) -> list[str] | None:
    """Split a record into its fields; None if a quote is open at its end.

    Examples
    --------
    >>> split('1,"a ""b"", c",2', ",")
    ['1', 'a "b", c', '2']
    >>> split('1,"a', ",") is None
    True
    """
    if '"' not in text:
        return text.split(delimiter)
    try:
        return next(csv.reader([text], delimiter=delimiter, strict=True), [])
    except csv.Error as error:
        if "end of data" in str(error):
            return None
    try:
        return next(csv.reader([text], delimiter=delimiter), [])
    except csv.Error:
        return []


def read_lines(data: bytes, delimiter: str, n_fields: int, user_at: int | None, final: bool) -> Lines:
    """Read lines one at a time.

    Parameters
    ----------
    data : bytes
        Whole lines.
    delimiter : str
    n_fields : int
        That a record must have.
    user_at : int, optional
        Which field is the user, to name the user of a bad row.
    final : bool
        Whether nothing follows that could close an open quote.
    """
    lines = data.split(b"\n")
    ended = not lines[-1]
    if ended:
        lines.pop()
    out = Lines()
    at = 0
    while at < len(lines):
        line = lines[at].removesuffix(b"\r")
        if not line:
            at += 1
            continue
        # A line that cannot be kept is still split: it may be the beginning of a longer record that is bad as a whole.
        large = len(line) > MAX_LINE
        fields, used = [] if large else split(line.decode(errors="replace"), delimiter), 1
        if fields is None:
            fields, used = _join(lines, at, delimiter, n_fields)
            if used == 0 and not final:
                out.carry = b"\n".join(lines[at:]) + (b"\n" if ended else b"")
                break
        used = max(used, 1)
        record = line if used == 1 else b"\n".join(lines[at : at + used])
        bad = _bad(at, record, fields, n_fields, user_at)
        if bad is not None:
            out.bad.append(bad)
        elif fields is not None:
            out.fields.append(fields)
            out.rows.append(at)
        at += used
    return out


def _bad(at: int, record: bytes, fields: list[str] | None, n_fields: int, user_at: int | None) -> Bad | None:
    if reason := _unreadable(record):
        return Bad(at, reason, raw_text(record))
    if fields is None:
        return Bad(at, Reason.unclosed_quote, raw_text(record))
    if len(fields) == n_fields:
        return None
    user = fields[user_at] if user_at is not None and user_at < len(fields) else None
    return Bad(at, Reason.wrong_number_of_fields, raw_text(record), user or None)


def _unreadable(line: bytes) -> str | None:
    if len(line) > MAX_LINE:
        return Reason.field_too_large
    if b"\0" in line:
        return Reason.nul_bytes
    try:
        line.decode()
    except UnicodeDecodeError:
        return Reason.bad_encoding
    return None


def _join(lines: list[bytes], at: int, delimiter: str, n_fields: int) -> tuple[list[str] | None, int]:
    """Join lines to a record whose quote closes; (None, 1) if there is none, (None, 0) if it may come later."""
    size = len(lines[at])
    for end in range(at + 1, at + MAX_JOINED):
        if end >= len(lines):
            return None, 0
        size += len(lines[end]) + 1
        if size > MAX_LINE:
            return None, 1
        if b'"' not in lines[end]:
            continue
        text = b"\n".join(lines[at : end + 1]).decode(errors="replace").removesuffix("\r")
        try:
            fields = next(csv.reader([text], delimiter=delimiter, strict=True), [])
        except csv.Error as error:
            if "end of data" in str(error):
                continue
            return None, 1
        return (fields, end + 1 - at) if len(fields) == n_fields else (None, 1)
    return None, 1
