"""What an adapter declares and the user asks for, applied to columns found in a flat source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartpath.ingest.adapter import Adapter, Context
from cartpath.ingest.catalogue import items_seen
from cartpath.ingest.chunk import Bad
from cartpath.ingest.columns import anonymous_column, own_columns
from cartpath.ingest.event_map import event_map
from cartpath.ingest.normalise import Plan, normalise
from cartpath.ingest.quarantine import bad_rows
from cartpath.ingest.times import Clock
from cartpath.schema import CartpathError, Columns, event_schema


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
    links : pyarrow.Table, optional
        Links between ids that the events show.
    """

    events: pa.Table
    bad: list[Bad]
    blanked: int
    items: pa.Table | None
    links: pa.Table | None


class Declared:
    """An adapter's declaration together with the user's mapping and options.

    Parameters
    ----------
    adapter : Adapter
    mapping : mapping of canonical column to source column, or to ``=value``
    options : mapping
        As ``options.resolve_options`` returns.

    Attributes
    ----------
    columns : dict of canonical column to source column
        Once ``find`` or ``take_all`` was called.
    items : dict of canonical item column to source column

    Examples
    --------
    >>> from cartpath.ingest import get
    >>> from cartpath.ingest.options import resolve_options
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
        self._beside: list[str] = []

    @property
    def mapping(self) -> Mapping[str, str]:
        """What the user said of columns, constants aside."""
        return self._mapping

    def find(self, found: list[str], source: str) -> None:
        """Choose from the columns of a source.

        Raises
        ------
        CartpathError
            If a required column, or one the user named, is absent.
        """
        self._beside = [name for name in self.adapter.read_columns or () if name in found]
        found = [*found, *self.adapter.derived]
        anonymous = anonymous_column(self.adapter, self.options["anonymous"], found, source)
        # Where visitors have an id of their own, a column of users may be absent.
        defaults = {**self._defaults, Columns.user_id: ""} if anonymous else self._defaults
        known = Adapter(**{**vars(self.adapter), "defaults": defaults})
        self.columns = {**known.resolve(found, self._mapping, source), **anonymous}
        if self.options["received"]:
            self.columns[Columns.received] = _named(self.options["received"], found, source)
        self.items = {n: s for n, s in self.adapter.items.items() if s in found}

    def take_all(self) -> None:
        """Take the raw columns that a hook of the adapter produces."""
        self.columns = own_columns(self.adapter, self.options["anonymous"])

    def wanted(self) -> list[str]:
        """Return the source columns to read."""
        listed = [*self.columns.values(), *self.items.values()]
        return list(dict.fromkeys([name for name in listed if name not in self.adapter.derived] + self._beside))

    @property
    def user(self) -> str | None:
        """The source column that names whose a row is, as far as one does."""
        return self.columns.get(Columns.user_id, self.columns.get(Columns.anonymous_id))

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
        events = {**adapter.events, **event_map(given["events"])}
        return Plan(self.columns, clock, events, self._defaults, adapter.divide, given["decimal"])

    def look(
        self,
        table: pa.Table,
        rows: npt.NDArray[np.int64],
        plan: Plan,
        *,
        context: Context | None = None,
        checked: bool = False,
    ) -> Looked:
        """Turn raw rows into events, bad rows, and items.

        Parameters
        ----------
        table : pyarrow.Table (n rows)
            Raw columns.
        rows : int64 array (n,)
            Their numbers in the source.
        plan : Plan
        context : Context, optional
            For the adapter's ``derive``, without which it is not called.
        checked : bool
            Whether text is known to be UTF-8 without NULs.
        """
        raw, adapter = table, self.adapter
        if adapter.derive is not None and context is not None:
            table = adapter.derive(table, context)
        done = normalise(table, plan, checked=checked)
        bad = bad_rows(raw, rows, done)
        items = None
        if adapter.items:
            items = items_seen(table, done.good, adapter.items, adapter.divide, adapter.category_separator)
        return Looked(done.events, bad, done.blanked, items, done.links)


def _named(column: str, found: list[str], source: str) -> str:
    """Return a column the user named with ``--option received``, which the source must have."""
    if column not in found:
        raise CartpathError(f"{source} has no column {column!r}", f"columns found: {', '.join(found) or 'none'}")
    return column
