"""What an adapter declares and the user asks for, applied to columns found in a flat source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartpath.ingest.adapter import Adapter
from cartpath.ingest.catalogue import items_seen
from cartpath.ingest.chunk import Bad
from cartpath.ingest.normalise import Plan, normalise
from cartpath.ingest.quarantine import raw_rows
from cartpath.ingest.times import Clock
from cartpath.schema import event_schema


@dataclass(frozen=True)
class Looked:
    """What became of some raw rows.

    Attributes
    ----------
    events : pyarrow.Table
        Canonical.
    bad : list of Bad
    blanked : int
        Events of which a value was blanked.
    items : pyarrow.Table, optional
        Catalogue rows seen.
    """

    events: pa.Table
    bad: list[Bad]
    blanked: int
    items: pa.Table | None


class Declared:
    """An adapter's declaration together with the user's mapping and options.

    Parameters
    ----------
    adapter : Adapter
    mapping : mapping of canonical column to source column, or to ``=value``
    options : mapping
        As ``reading.resolve_options`` returns.

    Attributes
    ----------
    columns : dict of canonical column to source column
        Once ``find`` or ``take_all`` was called.
    items : dict of canonical item column to source column

    Examples
    --------
    >>> from cartpath.ingest import get
    >>> from cartpath.ingest.reading import resolve_options
    >>> generic = get("generic")
    >>> declared = Declared(generic, {"ts": "at", "event": "=view"}, resolve_options(generic, {}))
    >>> declared.find(["user_id", "at", "page"], "visits")
    >>> declared.columns
    {'user_id': 'user_id', 'ts': 'at', 'page': 'page'}
    """

    def __init__(self, adapter: Adapter, mapping: Mapping[str, str], options: Mapping[str, Any]) -> None:
        self.adapter, self.options = adapter, options
        self._mapping = {name: column for name, column in mapping.items() if not column.startswith("=")}
        constants = {name: column[1:] for name, column in mapping.items() if column.startswith("=")}
        chosen = {n: v for n, v in options.items() if n in event_schema().names and n in adapter.options}
        self._defaults = {**adapter.defaults, **chosen, **constants}
        self.columns: dict[str, str] = {}
        self.items: dict[str, str] = {}

    def find(self, found: list[str], source: str) -> None:
        """Choose from the columns of a source.

        Raises
        ------
        CartpathError
            If a required column, or one the user named, is absent.
        """
        known = Adapter(**{**vars(self.adapter), "defaults": self._defaults})
        self.columns = known.resolve(found, self._mapping, source)
        self.items = {n: s for n, s in self.adapter.items.items() if s in found}

    def take_all(self) -> None:
        """Take the raw columns that a hook of the adapter produces."""
        self.columns = dict(self._first_names())

    def _first_names(self) -> Iterator[tuple[str, str]]:
        for name in event_schema().names:
            sources = self.adapter.source_names(name)
            if sources:
                yield name, sources[0]

    def wanted(self) -> list[str]:
        """Return the source columns to read."""
        return list(dict.fromkeys([*self.columns.values(), *self.items.values()]))

    def plan(self, *, typed_times: bool = False) -> Plan:
        """Return how the columns become canonical.

        Parameters
        ----------
        typed_times : bool
            Whether times are known to be ISO 8601, as a database writes its own.
        """
        adapter, given = self.adapter, self.options
        clock = Clock(
            given["time_zone"] or adapter.time_zone,
            None if typed_times else given["epoch"] or adapter.epoch,
            None if typed_times else given["time_format"] or adapter.time_format,
        )
        return Plan(self.columns, clock, adapter.events, self._defaults, adapter.divide, given["decimal"])

    def look(self, table: pa.Table, rows: npt.NDArray[np.int64], plan: Plan, *, checked: bool = False) -> Looked:
        """Turn raw rows into events, bad rows, and items.

        Parameters
        ----------
        table : pyarrow.Table (n rows)
            Raw columns.
        rows : int64 array (n,)
            Their numbers in the source.
        plan : Plan
        checked : bool
            Whether text is known to be UTF-8 without NULs.
        """
        done, adapter = normalise(table, plan, checked=checked), self.adapter
        bad = _bad_rows(table, rows, done.reasons, done.user_id)
        items = None
        if adapter.items:
            items = items_seen(table, done.good, adapter.items, adapter.divide, adapter.category_separator)
        return Looked(done.events, bad, done.blanked, items)


def _bad_rows(
    table: pa.Table, rows: npt.NDArray[np.int64], reasons: Mapping[str, npt.NDArray[np.int64]], users: pa.Array
) -> list[Bad]:
    if not reasons:
        return []
    at = np.concatenate(list(reasons.values()))
    why = [reason for reason, which in reasons.items() for _ in which]
    order = np.argsort(at, kind="stable")
    at = at[order]
    named = users.take(pa.array(at)).to_pylist()
    texts = raw_rows(table, at)
    return [
        Bad(int(row), why[place], raw, user)
        for row, place, raw, user in zip(rows[at], order, texts, named, strict=True)
    ]
