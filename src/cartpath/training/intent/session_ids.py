"""Ids of sessions as their source wrote them: the path table keeps their hashes, the event store the texts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cartpath.schema import Columns
from cartpath.store import PathView, Snapshot
from cartpath.store.hashing import hash_strings
from cartpath.store.manifest import STORE
from cartpath.store.owners import Owners
from cartpath.store.prepare import USER_KEY
from cartpath.store.spill import Spill, SpilledRows

Index = npt.NDArray[np.int64]
_ISO = "%Y-%m-%dT%H:%M:%SZ"


class SessionIds:
    """Finds the ids of a bucket's sessions.

    Parameters
    ----------
    snapshot : Snapshot
    owners : Owners
        Where ids are stitched, an owner has sessions of events that are stored in the buckets of others.
    folder : Path
        For those, sorted by owner; made here, and removed by ``close``.
    """

    def __init__(self, snapshot: Snapshot, owners: Owners, folder: Path) -> None:
        self._store, self._entries = snapshot.workspace / STORE, snapshot.manifest.data["buckets"]
        self._spill = Spill(folder, snapshot.n_buckets)
        self._moved: dict[int, SpilledRows] = dict(self._of_owners(owners)) if len(owners) else {}

    def close(self) -> None:
        """Remove what was sorted."""
        self._spill.close()

    def texts(self, bucket: int, keys: Index) -> pa.StringArray:
        """Return the id of each session key, null where it has none (n,).

        Parameters
        ----------
        bucket : int
        keys : int64 array (n,)
            As ``Sessions.key``; 0 is a session without an id.
        """
        found = [_distinct(table[Columns.session_id]) for table in self._read(bucket, [Columns.session_id])]
        if bucket in self._moved:
            found.append(_distinct(self._moved[bucket].read()[Columns.session_id]))
        texts = pa.concat_arrays([pa.nulls(0, pa.string()), *found])
        hashes = hash_strings(texts).view(np.int64)
        order = np.argsort(hashes)
        at = np.minimum(np.searchsorted(hashes[order], keys), max(len(order) - 1, 0))
        row = order[at] if len(order) else np.zeros(len(keys), np.int64)
        known = (hashes[row] == keys) & (keys != 0) if len(order) else np.zeros(len(keys), np.bool_)
        return texts.take(pa.array(row, mask=~known))

    def _read(self, bucket: int, names: list[str]) -> Iterator[pa.Table]:
        for part in self._entries[bucket]["parts"]:
            with pq.ParquetFile(self._store / part) as file:
                if Columns.session_id in file.schema_arrow.names:
                    yield file.read(names)

    def _of_owners(self, owners: Owners) -> list[tuple[int, SpilledRows]]:
        names = [Columns.user_id, Columns.session_id]
        for table in (table for bucket in range(len(self._entries)) for table in self._read(bucket, names)):
            at = owners.find(hash_strings(table[Columns.user_id]))
            moved = table.select([Columns.session_id]).filter(pa.array(at >= 0))
            rows = moved.append_column(USER_KEY, pa.array(owners.owner_key[at[at >= 0]]))
            rows = rows.filter(rows[Columns.session_id].is_valid()).group_by(rows.column_names).aggregate([])
            if len(rows):
                self._spill.add(rows)
        return self._spill.filled()


def _distinct(ids: pa.ChunkedArray) -> pa.StringArray:
    found = ids.drop_null().unique()
    return found.cast(pa.string())


def with_made_up(ids: pa.StringArray, view: PathView, session: Index) -> pa.StringArray:
    """Fill in ids of sessions that have none: the user's id, ``@``, and the session's first moment in UTC.

    No two such sessions of a user begin at the same time, and what comes later in a session leaves it as it is.

    Parameters
    ----------
    ids : pyarrow.StringArray (n,)
        Null where the source has none.
    view : PathView
    session : int64 array (n,)
        Rows of the view's sessions.

    Examples
    --------
    >>> from cartpath.features import log_from_table
    >>> when = pa.array([0, 9000], pa.timestamp("s", tz="UTC"))
    >>> log = log_from_table(pa.table({"user_id": ["u", "u"], "ts": when, "event": ["view"] * 2}))
    >>> with_made_up(pa.nulls(1, pa.string()), log.view, np.array([1])).to_pylist()
    ['u@1970-01-01T02:30:00.000000Z']
    """
    if not ids.null_count:
        return ids
    start = pa.array(view.sessions.start[session]).cast(pa.timestamp("us", tz="UTC"))
    users = view.user_id.take(pa.array(view.sessions.user[session]))
    return pc.coalesce(ids, pc.binary_join_element_wise(users, pc.strftime(start, format=_ISO), "@"))
