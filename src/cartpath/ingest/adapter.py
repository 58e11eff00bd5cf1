"""What an adapter is: a small declaration of how one kind of source becomes canonical events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cartpath.schema import REQUIRED, CartpathError, Columns

if TYPE_CHECKING:
    import pyarrow as pa

    from cartpath.ingest.chunk import Chunk
    from cartpath.ingest.file_kinds import FileKind


@dataclass(frozen=True)
class Option:
    """A choice the user has with an adapter.

    Attributes
    ----------
    default : bool, str, int or float
        Also says the type.
    description : str
        One line.
    choices : tuple of str
        The values allowed, if not all are.
    """

    default: Any
    description: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Context:
    """What an adapter's hooks are told.

    Attributes
    ----------
    file : Path
        The file being read.
    options : mapping
        Every option of the adapter with its value.
    tables : mapping of str to pyarrow.Table
        The lookup tables of a set of files, by their kind; all columns are text.
    left_out : Counter
        Where hooks of catalogue and user files count the rows they leave out, by reason.
    state : dict
        Where hooks keep what they need from one piece of the file to the next.
    shared : dict
        Kept from file to file of one ingest, for an adapter that has to remember; files come in the order named.
    """

    file: Path
    options: Mapping[str, Any]
    tables: Mapping[str, pa.Table] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)
    state: dict[str, Any] = field(default_factory=dict)
    shared: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Unnested:
    """What ``unnest`` makes of a chunk of nested rows.

    Attributes
    ----------
    events : pyarrow.Table (n candidate events)
        Raw columns under the names that ``Adapter.columns`` gives, and ``Columns.row`` (int64): the source row
        each comes from. May have ``Columns.hit`` and ``Columns.once``, which the store understands.
    source_rows : int
        Rows of the source this came from.
    not_requested : int
        Events the user did not ask for (impressions); not part of ``read``.
    items : pyarrow.Table, optional
        Catalogue rows seen, canonical item columns; need not be distinct.
    """

    events: pa.Table
    source_rows: int
    not_requested: int = 0
    items: pa.Table | None = None


@dataclass(frozen=True)
class Adapter:
    """How one kind of source becomes canonical events.

    Attributes
    ----------
    name, description : str
        Its name on the command line, and one line about it.
    columns : mapping of canonical column to source column
        The source column is a name, or a tuple of names of which the first that is present counts. A source column
        that is absent is no error unless it is required (user, time, event) and has no default.
    identity : bool
        Whether source columns that bear a canonical name are taken without being listed.
    events : mapping of source event to canonical event
        Names not listed are kept as they are.
    defaults : mapping of canonical column to value
        For rows (or sources) that have no value.
    divide : mapping of canonical column to float
        Units: ``{"price": 1_000_000}`` for prices in micros.
    epoch : {None, "s", "ms", "us", "ns"}
        The unit of numeric times; None tells it from each number's size.
    time_zone : str
        Of times without an offset, an IANA name.
    time_format : str, optional
        ``strptime`` format of times that are not ISO 8601.
    anonymous : str or tuple of str
        Where the id of a visitor who is not logged in stands, beside the user's: an event without a user is that
        visitor's, and one with both says that they are one person. No error if it is absent.
    items : mapping of canonical item column to source column
        Catalogue columns to be collected from the events' rows.
    category_separator : str, optional
        What separates the levels of a category in the source; stored as ``a > b > c``.
    options : mapping of str to Option
        What the user may choose.
    read_columns : tuple of str, optional
        What to read from nested Parquet: columns or dotted leaves (``hits.list.element.time``). None reads all. Of a
        flat source: columns to read besides those that are listed, for ``derive``.
    unnest : callable, optional
        For nested sources: ``unnest(table, context)`` gets the raw Arrow table of a chunk, nested types and all, with
        ``Columns.row`` added, and returns ``Unnested``.
    read : callable, optional
        For formats of their own: ``read(context)`` yields ``Chunk``s of raw columns in place of the usual readers.
    header : tuple of str
        Columns of CSV without a header line. A file that has one all the same is read by it.
    derive : callable, optional
        For flat sources: ``derive(table, context)`` returns the raw columns with some added or changed, row for row.
    derived : tuple of str
        The columns that ``derive`` adds.
    files : tuple of FileKind
        For a source that is a set of files: its kinds, each with its columns; the fields above are those of the kinds'
        own adapters then.
    tested_on : str
        ``real data: ...`` or ``untested on real data``, and why.
    recognise : callable, optional
        For files without named columns: ``recognise(path)`` says why a file looks like one of the adapter's, or None.
    needs : tuple of str or tuple of str
        Source columns without which the hooks can do nothing; of a tuple, one must be there. What ``columns`` says
        need not be repeated.
    in_order : bool
        Whether the hooks remember what came before, so that one process has to read the files one after another.

    Examples
    --------
    >>> Adapter("shop", "Our shop's export", columns={"user_id": "customer", "ts": ("time", "at"), "event": "kind"},
    ...         events={"basket": "add_to_cart"}).source_names("ts")
    ('time', 'at')
    """

    name: str
    description: str
    columns: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    identity: bool = False
    events: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    divide: Mapping[str, float] = field(default_factory=dict)
    epoch: str | None = None
    time_zone: str = "UTC"
    time_format: str | None = None
    anonymous: str | tuple[str, ...] = ()
    items: Mapping[str, str] = field(default_factory=dict)
    category_separator: str | None = None
    options: Mapping[str, Option] = field(default_factory=dict)
    read_columns: tuple[str, ...] | None = None
    unnest: Callable[[pa.Table, Context], Unnested] | None = None
    read: Callable[[Context], Iterator[Chunk]] | None = None
    header: tuple[str, ...] = ()
    derive: Callable[[pa.Table, Context], pa.Table] | None = None
    derived: tuple[str, ...] = ()
    files: tuple[FileKind, ...] = ()
    tested_on: str = ""
    needs: tuple[str | tuple[str, ...], ...] = ()
    in_order: bool = False
    recognise: Callable[[Path], str | None] | None = None

    def source_names(self, canonical: str) -> tuple[str, ...]:
        """Return the source columns that may hold a canonical column, best first."""
        names = self.anonymous if canonical == Columns.anonymous_id else self.columns.get(canonical, ())
        listed = (names,) if isinstance(names, str) else tuple(names)
        taken = self.identity and canonical != Columns.anonymous_id
        return listed or ((canonical,) if taken else ())

    def resolve(self, found: list[str], mapping: Mapping[str, str], file: str) -> dict[str, str]:
        """Say which source column each canonical column is read from.

        Parameters
        ----------
        found : list of str
            The columns of the source.
        mapping : mapping of canonical column to source column
            What the user asked for; overrides the adapter.
        file : str
            For the message.

        Returns
        -------
        dict of canonical column to source column

        Raises
        ------
        CartpathError
            If a required column, or one the user named, is absent.
        """
        from cartpath.schema import event_schema

        chosen: dict[str, str] = {}
        for canonical in event_schema().names:
            names = (mapping[canonical],) if canonical in mapping else self.source_names(canonical)
            present = next((name for name in names if name in found), None)
            if present is not None:
                chosen[canonical] = present
            elif canonical in mapping or (canonical in REQUIRED and canonical not in self.defaults):
                raise _absent(canonical, names, found, file)
        return chosen


def _absent(canonical: str, names: tuple[str, ...], found: list[str], file: str) -> CartpathError:
    looked = " or ".join(repr(name) for name in names) or "any column"
    return CartpathError(
        f"{file} has no column for {canonical!r} (looked for {looked}); columns found: {', '.join(found) or 'none'}",
        f"name it: --map {canonical}=COLUMN, or a constant: --map {canonical}==VALUE",
    )
