"""Keys of which only the first hit counts, such as a transaction whose confirmation page is loaded again."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartpath.store.hashing import combine
from cartpath.store.prepare import HIT, ONCE, SESSION_KEY, USER_KEY
from cartpath.store.run import column
from cartpath.store.snapshot import Snapshot

_NAMES = ("once", "hit", "ts", "user_key")
_TYPES = (np.int64, np.int64, np.int64, np.uint64)


class Once:
    """Remembers the first hit (by time, then source order) of each key; a hit that is stored already stays first."""

    def __init__(self, stored: pa.Table) -> None:
        self._stored = stored
        self._noted: list[pa.Table] = []
        self._keys = np.zeros(0, np.int64)
        self._hits = np.zeros(0, np.int64)

    @classmethod
    def load(cls, snapshot: Snapshot) -> Once:
        """Read what earlier writes kept."""
        empty = pa.table({n: pa.array(np.zeros(0, t)) for n, t in zip(_NAMES, _TYPES, strict=True)})
        return cls(snapshot.table("once", empty))

    @property
    def changed(self) -> bool:
        """Whether new keys were noted."""
        return bool(self._noted)

    def note(self, rows: pa.Table) -> None:
        """Take the keys of rows in source order."""
        if ONCE not in rows.column_names:
            return
        once = column(rows, ONCE)
        at = np.flatnonzero(once != 0)
        if len(at):
            values = (once, _hits(rows), column(rows, "ts"), column(rows, USER_KEY))
            self._noted.append(pa.table({n: v[at] for n, v in zip(_NAMES, values, strict=True)}))

    def settle(self) -> None:
        """Choose the first hit of each key."""
        table = self._first(self._noted)
        self._keys, self._hits = column(table, "once"), column(table, "hit")

    def _first(self, noted: list[pa.Table]) -> pa.Table:
        new = pa.concat_tables([self._stored.slice(0, 0), *noted])
        new = new.take(pa.array(np.argsort(column(new, "ts"), kind="stable")))
        both = pa.concat_tables([self._stored, new])
        _, first = np.unique(column(both, "once"), return_index=True)
        return both.take(pa.array(first))

    def table(self) -> pa.Table:
        """Return all keys with their first hit, to be stored."""
        return self._first(self._noted)

    def keep(self, rows: pa.Table) -> npt.NDArray[np.bool_]:
        """Mark rows without a key, and those of their key's first hit."""
        keep = np.ones(len(rows), np.bool_)
        if ONCE not in rows.column_names or not len(self._keys):
            return keep
        once = column(rows, ONCE)
        at = np.minimum(np.searchsorted(self._keys, once), len(self._keys) - 1)
        return np.asarray((once == 0) | (self._hits[at] == _hits(rows)), np.bool_)


def _hits(rows: pa.Table) -> npt.NDArray[np.int64]:
    """Tell hits apart: a hit's number is that within its user's session; without one, the time stands for it."""
    ts = column(rows, "ts")
    hit = column(rows, HIT) if HIT in rows.column_names else np.zeros(len(rows), np.int64)
    session = column(rows, SESSION_KEY) if SESSION_KEY in rows.column_names else np.zeros(len(rows), np.int64)
    within = np.where(hit != 0, hit, ts * 2 + 1).view(np.uint64)
    mixed: npt.NDArray[np.int64] = combine(column(rows, USER_KEY), session.view(np.uint64), within).view(np.int64)
    return mixed
