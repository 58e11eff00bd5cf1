"""A query as a source: its rows become events as those of a flat file do."""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from cartpath import store
from cartpath.ingest.adapter import Adapter, Option
from cartpath.ingest.ahead import ahead
from cartpath.ingest.database.address import Address
from cartpath.ingest.database.columns import MOMENT, Shape, check
from cartpath.ingest.database.errors import check_query
from cartpath.ingest.database.order import Unique
from cartpath.ingest.database.query import FETCH, Query
from cartpath.ingest.declared import Declared
from cartpath.ingest.normalise import is_text
from cartpath.ingest.options import resolve_options
from cartpath.ingest.reading import Piece
from cartpath.schema import CartpathError, Columns

#: Rows a chunk.
ROWS = 50_000
#: Characters of the query that name it.
_BEGIN = 80
#: Options that a database has besides those of the adapter.
OPTIONS: dict[str, Option] = {
    "order": Option("", "a unique, increasing column of the result, by which a reading goes on where it ended"),
    "since": Option("", "only rows after the last one of the ingest before; needs order", ("", "last")),
}


def database_job(
    workspace: Path,
    database: str | None,
    query: str | None,
    adapter: Adapter,
    mapping: Mapping[str, str],
    options: Mapping[str, Any],
) -> DatabaseJob:
    """Return the job of reading a query.

    Parameters
    ----------
    workspace : Path
        Knows how far the query was read before.
    database : str
        A URL, or ``env:NAME``.
    query : str
    adapter : Adapter
    mapping : mapping
    options : mapping
        The adapter's, the common ones, and ``OPTIONS``.

    Raises
    ------
    CartpathError
        If an option, the URL or the query is wrong, or the adapter does not read tables.
    """
    if not database or not query:
        raise CartpathError("--database and --query go together", '--database URL --query "select ..."')
    if adapter.read or adapter.unnest or adapter.derive or adapter.files:
        raise CartpathError(
            f"adapter {adapter.name} reads files of its own form, not a table",
            "use generic with --map, or an adapter that only names columns",
        )
    ours = {name: value for name, value in options.items() if name in OPTIONS}
    rest = {name: value for name, value in options.items() if name not in OPTIONS}
    chosen = resolve_options(Adapter(adapter.name, "", options=OPTIONS), ours)
    if chosen["since"] and not chosen["order"]:
        raise CartpathError("--option since=last needs an order", "add --option order=COLUMN")
    declared = Declared(adapter, mapping, resolve_options(adapter, rest))
    return DatabaseJob(workspace, Address(database), query, declared, chosen["order"], chosen["since"] == "last")


class DatabaseJob:
    """A query, an adapter, and what the user asked for; see ``database_job``.

    Parameters
    ----------
    workspace : Path
    address : Address
    query : str
    declared : Declared
    order : str
        A column of the result, or empty.
    newer : bool
        Whether only rows after those of the ingest before are read.
    """

    size = 0
    signature = ""  # an answer changes, so it is always read

    def __init__(
        self, workspace: Path, address: Address, query: str, declared: Declared, order: str, newer: bool
    ) -> None:
        text = check_query(query)
        self._workspace, self._declared, self._order, self._newer = workspace, declared, order, newer
        self._query = Query(address, text, order)
        words = address.scrub(" ".join(text.split()))
        self.name = f"{address.name}: {words[:_BEGIN]}{'…' if len(words) > _BEGIN else ''}"
        self._key = f"{address.name} {hashlib.sha256(text.encode()).hexdigest()[:16]}"

    def record(self) -> dict[str, Any]:
        """Return what the manifest keeps of it, beyond the counts."""
        return {"file": self.name, "adapter": self._declared.adapter.name}

    def followed(self) -> dict[str, Any]:
        """Return how far the query was read, under a name for the manifest; nothing without an order."""
        known = self._query.last is not None
        return {self._key: {"order": self._order, "last": self._query.last}} if self._order and known else {}

    def open(self) -> None:
        """Run the query and look at its columns; no row is read yet.

        Raises
        ------
        CartpathError
            If the database cannot be reached, refuses the query, or a column is missing or of an unfit type.
        """
        query = self._query
        query.start(self._last() if self._newer else None)
        try:
            self._look(query)
        except BaseException:
            query.close()
            raise

    def _look(self, query: Query) -> None:
        declared = self._declared
        declared.find(query.names, self.name)
        check(declared.columns, query.kinds, query.names, self.name)
        if self._order and query.names.count(self._order) != 1:
            raise CartpathError(
                f"{self.name}: --option order={self._order}: the result must have one column of that name",
                f"it has: {', '.join(query.names)}",
            )
        used, items = declared.columns, declared.items
        text = {column for name, column in used.items() if is_text(name)}
        text |= {column for name, column in items.items() if name != Columns.price}
        wanted = list(dict.fromkeys([*declared.wanted(), *([self._order] if self._order else [])]))
        lenient = set(items.values()) - set(used.values())
        self._shape = Shape(query.names, wanted, query.kinds, set(wanted) - text, lenient)
        query.shown = self._order or used.get(Columns.ts, "")

    def _last(self) -> Any:
        """Return the order column's value up to which the query was read before; None where it was not."""
        with store.open_snapshot(self._workspace) as snapshot:
            known = snapshot.manifest.data.get("followed", {}).get(self._key)
        if known is None:
            return None
        if known["order"] != self._order:
            raise CartpathError(
                f"the query was read in the order of {known['order']!r} before, not of {self._order!r}",
                f"give --option order={known['order']}, or leave --option since=last out to read all of it",
            )
        return known["last"]

    def pieces(self) -> Iterator[Piece]:
        """Yield the result's events."""
        kinds, at = self._query.kinds, self._declared.columns.get(Columns.ts, "")
        plan = self._declared.plan(typed_times=at in kinds and kinds[at].group == MOMENT)
        first = 1
        try:
            with _few_collections():
                for table in ahead(self._tables(), 1):  # the next rows are fetched while these are looked at
                    done = self._declared.look(table, np.arange(first, first + len(table)), plan)
                    first += len(table)
                    yield Piece(
                        done.events, done.bad, len(table), 0, done.blanked, first - 1, done.items, links=done.links
                    )
        finally:
            self._query.close()

    def cancel(self) -> None:
        """Have the database stop, whatever it is doing; from another thread."""
        self._query.cancel()

    def _tables(self) -> Iterator[pa.Table]:
        """Yield the rows in tables of about ``ROWS``; of fewer where types change within the result."""
        held: list[pa.Table] = []
        check_order = Unique(self._order) if self._order else None
        for batch in self._query.batches():
            table = self._shape.table(batch)
            if check_order is not None:
                check_order(table)
            if held and (table.schema != held[0].schema or sum(map(len, held)) >= ROWS):
                yield pa.concat_tables(held).combine_chunks()
                held.clear()
            held.append(table)
        if held:
            yield pa.concat_tables(held).combine_chunks()


@contextmanager
def _few_collections() -> Iterator[None]:
    """Look for garbage more rarely: a fetch makes thousands of tuples, none of them part of a cycle.

    At Python's usual threshold that search is half of the time it takes to fetch rows.
    """
    before = gc.get_threshold()
    gc.set_threshold(20 * FETCH, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
