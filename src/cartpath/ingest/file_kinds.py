"""The kinds of files that a source of several files has: events, catalogue, users, and files to leave alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from cartpath.ingest.sources import PACKED

if TYPE_CHECKING:
    import pyarrow as pa

    from cartpath.ingest.adapter import Adapter, Context

    Hook = Callable[[pa.Table, Context], pa.Table]


class Role:
    """What a kind of file is for."""

    events = "events"
    items = "items"
    users = "users"
    lookup = "lookup"
    ignored = "ignored"


@dataclass(frozen=True)
class FileKind:
    """One kind of file of a set.

    Attributes
    ----------
    name : str
        For people, such as ``item properties``.
    role : str
        One of ``Role``. The files of an ``items`` or ``users`` kind become one table; those of a ``lookup`` kind become
        ``Context.tables[name]``, which the hooks of other kinds read.
    patterns : tuple of str
        Names a file of this kind may have, such as ``events*``; case and packing (``.gz``) do not count.
    columns : tuple
        Columns it must have: a name, or a tuple of names of which one must be there. They tell the kind of a file whose
        name says nothing, and a file of another version of the data set.
    adapter : Adapter, optional
        Of an ``events`` kind: how its rows become events.
    reduce : callable, optional
        ``reduce(table, context)`` drops rows that cannot matter any more, so that a file larger than memory can be
        read; it is called on each piece and on what is gathered. Text columns.
    build : callable, optional
        ``build(table, context)`` makes the table with ``item_id`` or ``user_id`` of all rows gathered. Text columns.
    uses : tuple of str
        Lookup kinds that the hooks read.
    required : bool
        Of a ``lookup`` kind: whether kinds that use it cannot be read without it.
    why : str
        Of an ``ignored`` kind: the reason.
    """

    name: str
    role: str
    patterns: tuple[str, ...] = ()
    columns: tuple[str | tuple[str, ...], ...] = ()
    adapter: Adapter | None = None
    reduce: Hook | None = None
    build: Hook | None = None
    uses: tuple[str, ...] = ()
    required: bool = False
    why: str = ""

    def is_named(self, path: Path) -> bool:
        """Whether a file has a name of this kind.

        Examples
        --------
        >>> FileKind("events", Role.events, ("events*",)).is_named(Path("shop/Events_2015.csv.gz"))
        True
        """
        name = path.name.lower()
        for packed in PACKED:
            name = name.removesuffix(packed)
        return any(fnmatchcase(name, pattern) for pattern in self.patterns)

    def missing(self, found: list[str]) -> list[str]:
        """Return the columns that a file lacks to be of this kind."""
        wanted = [(name,) if isinstance(name, str) else name for name in self.columns]
        return [" or ".join(names) for names in wanted if not set(names) & set(found)]

    def expected(self) -> str:
        """Say which columns it has."""
        return ", ".join(name if isinstance(name, str) else " or ".join(name) for name in self.columns)
