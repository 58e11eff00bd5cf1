"""Keys of which only the first hit counts, such as a transaction whose confirmation page is loaded again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartpath.schema import Columns
from cartpath.store.files import load_arrays, save_arrays
from cartpath.store.hashing import combine
from cartpath.store.prepare import HIT, ONCE, SESSION_KEY, USER_KEY
from cartpath.store.run import column
from cartpath.store.snapshot import Snapshot

_NAMES = ("once", "hit", "ts", "user_key")
_TYPES = (np.int64, np.int64, np.int64, np.uint64)


@dataclass(frozen=True)
class FirstHits:
    """The hit that counts of each key.

    Attributes
    ----------
    keys, hits : int64 arrays (n,)
        Keys ascending.
    """

    keys: npt.NDArray[np.int64]
    hits: npt.NDArray[np.int64]

    def keep(self, rows: pa.Table) -> npt.NDArray[np.bool_]:
        """Mark rows without a key, and those of their key's first hit."""
        keep = np.ones(len(rows), np.bool_)
        if ONCE not in rows.column_names or not len(self.keys):
            return keep
        once = column(rows, ONCE)
        at = np.minimum(np.searchsorted(self.keys, once), len(self.keys) - 1)
        return np.asarray((once == 0) | (self.hits[at] == _hits(rows)), np.bool_)

    def save(self, path: Path) -> StoredHits:
        """Write them for other processes."""
        save_arrays(path, {"keys": pa.array(self.keys), "hits": pa.array(self.hits)})
        return StoredHits(path)


@dataclass(frozen=True)
class StoredHits:
    """First hits that lie in a file: as good as ``FirstHits``, and light to send."""

    path: Path

    def keep(self, rows: pa.Table) -> npt.NDArray[np.bool_]:
        """Mark rows as ``FirstHits.keep`` does."""
        if ONCE not in rows.column_names:
            return np.ones(len(rows), np.bool_)
        stored = load_arrays(self.path)
        return FirstHits(stored["keys"].to_numpy(), stored["hits"].to_numpy()).keep(rows)


def keyed(rows: pa.Table) -> pa.Table | None:
    """Return what decides which hit of a key is first, of the rows that have a key; None if none has."""
    if ONCE not in rows.column_names:
        return None
    once = column(rows, ONCE)
    at = np.flatnonzero(once != 0)
    if not len(at):
        return None
    values = (once, _hits(rows), column(rows, Columns.ts), column(rows, USER_KEY))
    return pa.table({n: v[at] for n, v in zip(_NAMES, values, strict=True)})


class Once:
    """Remembers the first hit (by time, then source order) of each key; a hit that is stored already stays first."""

    def __init__(self, stored: pa.Table) -> None:
        self._stored = stored
        self._noted: list[pa.Table] = []

    @classmethod
    def load(cls, snapshot: Snapshot) -> Once:
        """Read what earlier writes kept."""
        empty = pa.table({n: pa.array(np.zeros(0, t)) for n, t in zip(_NAMES, _TYPES, strict=True)})
        return cls(snapshot.table("once", empty))

    @property
    def changed(self) -> bool:
        """Whether new keys were noted."""
        return bool(self._noted)

    def note(self, keys: pa.Table | None) -> None:
        """Take keys, as ``keyed`` finds them, in source order."""
        if keys is not None:
            self._noted.append(keys)

    def settle(self) -> FirstHits:
        """Choose the first hit of each key."""
        table = self.table()
        return FirstHits(column(table, "once"), column(table, "hit"))

    def table(self) -> pa.Table:
        """Return all keys with their first hit, to be stored."""
        new = pa.concat_tables([self._stored.slice(0, 0), *self._noted])
        new = new.take(pa.array(np.argsort(column(new, "ts"), kind="stable")))
        both = pa.concat_tables([self._stored, new])
        _, first = np.unique(column(both, "once"), return_index=True)
        return both.take(pa.array(first))


def _hits(rows: pa.Table) -> npt.NDArray[np.int64]:
    """Tell hits apart: a hit's number is that within its user's session; without one, the time stands for it."""
    ts = column(rows, "ts")
    hit = column(rows, HIT) if HIT in rows.column_names else np.zeros(len(rows), np.int64)
    session = column(rows, SESSION_KEY) if SESSION_KEY in rows.column_names else np.zeros(len(rows), np.int64)
    within = np.where(hit != 0, hit, ts * 2 + 1).view(np.uint64)
    mixed: npt.NDArray[np.int64] = combine(column(rows, USER_KEY), session.view(np.uint64), within).view(np.int64)
    return mixed
