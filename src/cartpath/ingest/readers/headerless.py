"""CSV without a header: whether the first line is data, and whether the lines have the columns that are expected."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from cartpath.ingest.readers.csv_lines import split
from cartpath.ingest.readers.lines import raw_text
from cartpath.schema import CartpathError

#: Bytes, and lines of them, that are looked at.
_HEAD = 1 << 16
_LINES = 20


def is_header(fields: Sequence[str], names: Sequence[str]) -> bool:
    """Whether a file's first line names its columns: it has one of the names, or not a single digit.

    Examples
    --------
    >>> names = ("user_id", "item_id", "timestamp")
    >>> is_header(["1", "pv", "1511544070"], names), is_header(["User ID", "Item ID", "Time1"], names)
    (False, True)
    """
    known = {_plain(name) for name in names}
    return any(_plain(field) in known for field in fields) or not any(re.search(r"\d", field) for field in fields)


def as_declared(fields: list[str], names: Sequence[str]) -> list[str]:
    """Return a header's names, those that differ from declared ones only in case and signs as declared.

    Examples
    --------
    >>> as_declared(["User ID", "When"], ("user_id", "timestamp"))
    ['user_id', 'When']
    """
    known = {_plain(name): name for name in names}
    return [known.get(_plain(field), field) for field in fields]


def check(path: Path, head: bytes, delimiter: str, names: Sequence[str]) -> None:
    """Compare the first lines with the columns that are expected; single lines that are broken do not count.

    Raises
    ------
    CartpathError
        If most lines have another number of fields.
    """
    lines = [line for line in head[:_HEAD].split(b"\n") if line.strip()][:_LINES]
    widths = Counter(len(split(line.decode(errors="replace"), delimiter) or []) for line in lines)
    usual = widths.most_common(1)[0][0]
    if usual != len(names):
        raise CartpathError(
            f"{path} has {usual} columns and no header; expected {len(names)}: {', '.join(names)}; "
            f"its first line is {raw_text(lines[0])[:200]!r}",
            "is it another version of the data, or separated by something else (--option delimiter=tab)?",
        )


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
