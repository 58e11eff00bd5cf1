"""Lists of users that segments read: people keep them, so an erasure names those with the person in them."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from cartpath.store.erasure import Forgotten

_FILE = re.compile(r'(?i)\bfile\(\s*(?:"((?:[^"\\]|\\.)*)"|([^;()]*))')


def files_of(expressions: Mapping[str, str]) -> list[str]:
    """Return the files that segments read, as they are written there.

    Examples
    --------
    >>> files_of({"vip": "file(lists/vip.csv) - file(b c.csv)", "buyers": "did purchase"})
    ['lists/vip.csv', 'b c.csv']
    """
    found = [quoted or plain.strip() for text in expressions.values() for quoted, plain in _FILE.findall(text)]
    return list(dict.fromkeys(filter(None, found)))


def lists_with(workspace: Path, expressions: Mapping[str, str], hashes: set[str]) -> tuple[list[str], list[str]]:
    """Return the lists that a person is in, and those that cannot be read.

    Parameters
    ----------
    workspace : Path
    expressions : mapping of str to str
        ``[segments]``.
    hashes : set of str
        Salted hashes of the person's ids.
    """
    forgotten = Forgotten.load(workspace)
    named, unread = [], []
    for name in files_of(expressions):
        try:
            if any(forgotten.hash(cell) in hashes for cell in _cells(workspace / Path(name).expanduser())):
                named.append(name)
        except FileNotFoundError:
            continue
        except (OSError, csv.Error):
            unread.append(name)
    return named, unread


def _cells(path: Path) -> Iterator[str]:
    """Go through whatever may be an id: whole lines, and their parts."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        for line in file:
            yield line.strip()
            for delimiter in filter(line.__contains__, ',;\t"'):
                row = next(csv.reader([line], delimiter="," if delimiter == '"' else delimiter), [])
                yield from (cell.strip() for cell in row)
