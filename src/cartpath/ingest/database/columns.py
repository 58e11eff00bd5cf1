"""Columns of a query's result: what a database calls their types, and how their values become Arrow's."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from cartpath.ingest.normalise import is_text
from cartpath.schema import CartpathError, Columns

#: Groups of types.
NUMBER, FLAG, MOMENT, TEXT, JSON, LIST, OTHER, ANY = "number", "flag", "moment", "text", "json", "list", "other", "any"
#: PostgreSQL's types by name, those that its categories do not tell.
_NAMED = {
    "timestamp without time zone": MOMENT, "timestamp with time zone": MOMENT, "date": MOMENT, "boolean": FLAG,
    "json": JSON, "jsonb": JSON, "uuid": TEXT, "money": OTHER, "hstore": OTHER,
}  # fmt: skip
_CATEGORIES = {"N": NUMBER, "S": TEXT, "E": TEXT, "I": TEXT, "X": TEXT, "A": LIST}
_INTEGERS = ("smallint", "integer", "bigint", "oid")
_FLOATS = ("real", "double precision")
#: Groups that can hold a canonical column: text takes all that has one way to be written.
_FITS = {
    Columns.ts: (MOMENT, NUMBER, TEXT),
    Columns.received: (MOMENT, NUMBER, TEXT),
    Columns.is_direct: (FLAG, NUMBER, TEXT),
    Columns.props: (JSON, LIST, TEXT, NUMBER, FLAG, MOMENT),
}
_FITS_TEXT, _FITS_NUMBER = (TEXT, NUMBER, FLAG, MOMENT), (NUMBER, TEXT)
_HINTS = {
    LIST: "write array_to_string({0}, ',') AS {0} in the query, or give it to props",
    JSON: "take a field of it in the query: {0}->>'name' AS name, or give it to props",
}
#: Rows that become columns at once: so few stay in the processor's cache, which is twice as fast as all.
_SLICE = 1_000
_PLAIN = {bool, int, float, Decimal, datetime, date}


@dataclass(frozen=True)
class Kind:
    """A column's type.

    Attributes
    ----------
    name : str
        As the database calls it.
    group : str
        One of this module's groups; ``ANY`` where only the values tell.
    """

    name: str = ""
    group: str = ANY


def kinds_of(connection: Any, cursor: Any) -> dict[str, Kind]:
    """Return the types of a result's columns; those of databases other than PostgreSQL are told by their values."""
    names = [column[0] for column in cursor.description]
    if connection.dialect.driver != "psycopg":
        return dict.fromkeys(names, Kind())
    wanted = [column.type_code for column in cursor.description]
    listed = ", ".join(str(int(oid)) for oid in {*wanted, 0})
    asked = f"select oid, format_type(oid, null), typcategory from pg_type where oid in ({listed})"
    known = {oid: Kind(name, _group(name, letter)) for oid, name, letter in connection.exec_driver_sql(asked)}
    return {name: known.get(oid, Kind()) for name, oid in zip(names, wanted, strict=True)}


def _group(name: str, category: Any) -> str:
    letter = category.decode() if isinstance(category, bytes) else category
    return _NAMED.get(name) or _CATEGORIES.get(letter, OTHER)


def check(columns: Mapping[str, str], kinds: Mapping[str, Kind], names: Sequence[str], source: str) -> None:
    """Refuse columns that cannot be used.

    Parameters
    ----------
    columns : mapping of canonical column to the result's column
    kinds : mapping of column to Kind
    names : sequence of str
        The result's columns, in order.
    source : str
        For the message.

    Raises
    ------
    CartpathError
        If a column occurs twice, or is of a type that does not fit.
    """
    for canonical, column in columns.items():
        if names.count(column) > 1:
            raise CartpathError(f"{source}: the result has {names.count(column)} columns {column!r}", "name them: AS")
        kind = kinds[column]
        usual = _FITS_TEXT if is_text(canonical) else _FITS_NUMBER
        if kind.group not in (ANY, *_FITS.get(canonical, usual)):
            hint = _HINTS.get(kind.group, "cast it in the query: {0}::text AS {0}, or ::numeric")
            raise CartpathError(
                f"{source}: column {column!r} is of type {kind.name}, which cannot be {canonical!r}",
                hint.format(column),
            )


class Shape:
    """How rows of a result become a table.

    Parameters
    ----------
    names : sequence of str
        The result's columns, in order.
    wanted : sequence of str
        Those to keep.
    kinds : mapping of column to Kind
    numbers : collection of str
        Columns that are read as numbers only.
    lenient : collection of str
        Columns in which bytes that are no UTF-8 are replaced, rather than being a reason to refuse the row.
    """

    def __init__(
        self,
        names: Sequence[str],
        wanted: Sequence[str],
        kinds: Mapping[str, Kind],
        numbers: Collection[str] = (),
        lenient: Collection[str] = (),
    ) -> None:
        self._names, self._places = list(wanted), [list(names).index(name) for name in wanted]
        self._kinds, self._numbers, self._lenient = kinds, frozenset(numbers), frozenset(lenient)

    def table(self, rows: Sequence[Any]) -> pa.Table:
        """Return rows as columns.

        Examples
        --------
        >>> shape = Shape(["a", "b", "c"], ["c", "a"], {"a": Kind(), "b": Kind(), "c": Kind()})
        >>> shape.table([(1, "x", b"yes"), (None, "y", b"no")]).to_pydict()
        {'c': ['yes', 'no'], 'a': [1, None]}
        """
        tables = [self._slice(rows[at : at + _SLICE]) for at in range(0, len(rows), _SLICE)]
        same = all(table.schema == tables[0].schema for table in tables)
        return pa.concat_tables(tables) if same else self._slice(rows)

    def _slice(self, rows: Sequence[Any]) -> pa.Table:
        columns = list(zip(*rows, strict=True))
        arrays = [self._array(name, columns[at]) for name, at in zip(self._names, self._places, strict=True)]
        return pa.table(arrays, self._names)

    def _array(self, name: str, values: Sequence[Any]) -> pa.Array:
        kind = self._kinds[name]
        if kind.group == FLAG:
            return pa.array(values, pa.bool_())
        if kind.name in _INTEGERS:
            return pa.array(values, pa.int64())
        if kind.name in _FLOATS:
            return pa.array(values, pa.float64())
        if kind.group in (TEXT, MOMENT, JSON, NUMBER):
            text = _text(values, name in self._lenient)
            return pc.cast(text, pa.float64()) if kind.name == "numeric" and name in self._numbers else text
        return _told(values, name in self._lenient)


def _text(values: Sequence[Any], lenient: bool) -> pa.Array:
    """Return text and bytes as text; as bytes where some are not UTF-8."""
    try:
        return pa.array(values, pa.string())
    except (pa.ArrowInvalid, UnicodeEncodeError):
        how = "replace" if lenient else "surrogatepass"
        raw = [value.encode("utf-8", how) if isinstance(value, str) else value for value in values]
        if lenient:
            return pa.array([None if v is None else v.decode("utf-8", "replace") for v in raw], pa.string())
        return pa.array(raw, pa.binary())


def _told(values: Sequence[Any], lenient: bool) -> pa.Array:
    """Return values of which only they themselves tell the type."""
    found = set(map(type, values)) - {type(None)}
    if not found:
        return pa.nulls(len(values), pa.string())
    if found <= {str, bytes}:
        return _text(values, lenient)
    if found <= {int, float} or (len(found) == 1 and found <= _PLAIN):
        try:
            return pa.array(values)
        except (pa.ArrowInvalid, OverflowError):  # a number too large
            pass
    return _text(list(_written(values)), lenient)


def _written(values: Sequence[Any]) -> Iterator[str | bytes | None]:
    for value in values:
        if value is None or isinstance(value, (str, bytes)):
            yield value
        elif isinstance(value, (list, tuple, dict)):
            yield json.dumps(value, default=str, ensure_ascii=False)
        elif isinstance(value, memoryview):
            yield bytes(value)
        else:
            yield str(value)
