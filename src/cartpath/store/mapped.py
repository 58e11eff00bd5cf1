"""Runs that stay mapped from one question to the next: to map a file afresh costs more than most scans of it.

A mapped page belongs to the system's page cache: it is shared, and taken back where memory is short. Files never
change once they are written, but a store may be put back to an earlier state, so a run is known by what the file
system says of its file as well as by its name.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Collection
from pathlib import Path

from cartpath.store.files import load_run
from cartpath.store.run import Run

#: Of one store at most so many files and bytes stay mapped; each further run is mapped for one question.
MOST_FILES, MOST_BYTES = 1024, 4 << 30

_Stamp = tuple[int, int, int]
_held: dict[Path, dict[str, tuple[_Stamp, Run]]] = {}
_lock = threading.Lock()


def mapped_run(store: Path, name: str) -> Run:
    """Return a run of a store, memory-mapped, as ``load_run`` does.

    Parameters
    ----------
    store : Path
        The workspace's ``store`` folder.
    name : str
        Of the file, relative to it.

    Raises
    ------
    CorruptStoreError
        If the file is missing or damaged.
    """
    path = store / name
    try:
        stat = os.stat(path)
    except OSError:
        return load_run(path)  # which says what is wrong
    stamp = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
    with _lock:
        known = _held.get(store, {}).get(name)
    if known is not None and known[0] == stamp:
        return known[1]
    run = load_run(path)
    with _lock:
        others = _held.setdefault(store, {})
        others.pop(name, None)
        if len(others) < MOST_FILES and sum(s[2] for s, _ in others.values()) + stamp[2] <= MOST_BYTES:
            others[name] = (stamp, run)
    return run


def let_go(store: Path, kept: Collection[str] = ()) -> None:
    """Let the runs of a store go, so that nothing of a deleted file stays.

    Parameters
    ----------
    store : Path
    kept : collection of str
        Names that stay.
    """
    with _lock:
        found = _held.get(store, {})
        for name in set(found) - set(kept):
            del found[name]
