"""Catalogue and user rows that an ingest comes across, kept until its events are read."""

from __future__ import annotations

import pyarrow as pa

from cartpath import store
from cartpath.ingest.reading import Piece
from cartpath.schema import Columns
from cartpath.store.tables import upsert


class Gathered:
    """Items and users of all pieces, one row each; later values replace earlier ones."""

    def __init__(self) -> None:
        self._items: pa.Table | None = None
        self._users: pa.Table | None = None

    def add(self, piece: Piece) -> None:
        """Take what a piece has."""
        self.add_items(piece.items)
        self._users = joined(self._users, piece.users, Columns.user_id)

    def add_items(self, items: pa.Table | None) -> None:
        """Take rows of the catalogue."""
        self._items = joined(self._items, items, Columns.item_id)

    def put(self, writer: store.Writer, items: pa.Table | None, users: pa.Table | None) -> None:
        """Write it, and then the tables that the user named, whose values win."""
        for table in (self._items, items):
            if table is not None:
                writer.put_items(table)
        for table in (self._users, users):
            if table is not None:
                writer.put_users(table)


def joined(old: pa.Table | None, new: pa.Table | None, key: str) -> pa.Table | None:
    """Return a table of items or users with the rows of another after it; either may be None."""
    if new is None or not len(new):
        return old
    return new if old is None else upsert(old, new, key)
