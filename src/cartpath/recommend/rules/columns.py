"""What the catalogue says of items, by item code: its columns, levels of the category, and keys of the attributes."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.features import Log
from cartpath.features.catalogue import rows_by_code
from cartpath.schema import CartpathError, Columns

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]
_ATTRIBUTES = "attributes."
_SEPARATOR = ">"
#: Levels of a category that are told apart.
MOST_LEVELS = 8


@dataclass(frozen=True)
class ItemColumn:
    """One property of items, as texts; an item may have several values of it, or none.

    Attributes
    ----------
    name : str
    item : int64 array (n_values,)
        Code of the item that has the value, ascending.
    code : int32 array (n_values,)
        Place of the value in ``labels``.
    labels : sequence of str
        The different values.
    """

    name: str
    item: Ints
    code: Codes
    labels: Sequence[str]

    @cached_property
    def numbers(self) -> Floats:
        """The labels as numbers (n_labels,), NaN where one is none."""
        return np.array([_number(label) for label in self.labels], np.float64)

    def by_item(self, n_items: int) -> Codes:
        """Return the code of each item's first value (n_items + 1,); -1 is none, as is the last: that of no item."""
        found = np.full(n_items + 1, -1, np.int32)
        found[self.item[::-1]] = self.code[::-1]
        return found


class ItemColumns:
    """The catalogue's properties, by name.

    Parameters
    ----------
    log : Log

    Notes
    -----
    A name is that of a column, ``category_1`` for a level of the category (the path down to it), or that of a key of
    the JSON in ``attributes``: ``attributes.seller``, or ``seller`` where no column has that name; ``a.b`` is nested.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from cartpath.features import log_from_table
    >>> when = pa.array([0, 1], pa.timestamp("s", tz="UTC"))
    >>> events = pa.table({"user_id": ["u", "u"], "ts": when, "event": ["view"] * 2, "item_id": ["a", "b"]})
    >>> items = pa.table({"item_id": ["b", "a"], "attributes": ['{"size": ["S", "M"]}', '{"stock": 0}']})
    >>> columns = ItemColumns(log_from_table(events, items))
    >>> columns.find("size").labels, columns.find("stock").by_item(2).tolist()
    (['S', 'M'], [0, -1, -1])
    """

    def __init__(self, log: Log) -> None:
        self._items, self._ids = log.items, log.codes("item")
        self.n_items = len(self._ids)
        rows = rows_by_code(log)[:-1]
        self._codes = np.flatnonzero(rows >= 0)
        self._rows = rows[self._codes]

    @property
    def names(self) -> list[str]:
        """All names that there are."""
        columns = [name for name in self._items.column_names if name != Columns.attributes]
        levels = ["category_1", "category_2", "category_3"] if Columns.category in columns else []
        keys = {key: None for one in self._attributes if isinstance(one, dict) for key in one}
        return [*dict.fromkeys([Columns.item_id, *columns]), *levels, *(f"{_ATTRIBUTES}{key}" for key in keys)]

    def find(self, name: str) -> ItemColumn:
        """Return a property.

        Raises
        ------
        CartpathError
            If there is none of that name; the message suggests which may have been meant.
        """
        found = self._values(name)
        if found is None:
            near = difflib.get_close_matches(name, self.names, n=1)
            likely = [key for key in self.names if key.rpartition(".")[2] == name.rpartition(".")[2]]
            meant = likely[:1] or near
            tail = f"did you mean {meant[0]!r}?" if meant else f"there are: {', '.join(self.names)}"
            raise CartpathError(f"the catalogue has no column or attribute {name!r}", tail)
        return _encoded(name, found)

    def _values(self, name: str) -> Iterator[tuple[int, str]] | None:
        """Return item codes with their values, by item code; None where there is no such property."""
        if name == Columns.item_id:
            return enumerate(self._ids)
        columns = self._items.column_names
        if name in columns and name != Columns.attributes:
            values = self._items[name].to_pylist()
            return self._flat(values[row] for row in self._rows)
        level = _level_of(name)
        if level is not None and Columns.category in columns:
            paths = self._items[Columns.category].to_pylist()
            return self._flat(_down_to(paths[row], level) for row in self._rows)
        members = [_member(one, name.removeprefix(_ATTRIBUTES)) for one in self._attributes]
        return None if all(member is None for member in members) else self._flat(members)

    def _flat(self, values: Iterable[Any]) -> Iterator[tuple[int, str]]:
        for code, value in zip(self._codes.tolist(), values, strict=True):
            for one in value if isinstance(value, list) else (value,):
                if one is not None and one == one and one != "":
                    yield code, _text(one)

    @cached_property
    def _attributes(self) -> list[Any]:
        """The attributes of each item that has a row, read."""
        if Columns.attributes not in self._items.column_names:
            return [None] * len(self._rows)
        texts = self._items[Columns.attributes].to_pylist()
        return [_read(texts[row]) for row in self._rows]


def levels_of(column: ItemColumn, n_items: int) -> Codes:
    """Return the levels of each item's category as codes (n_items + 1, depth); -1 below where it ends.

    Equal codes are equal paths down to that level.
    """
    paths = [[part.strip() for part in label.split(_SEPARATOR)][:MOST_LEVELS] for label in column.labels]
    place: dict[tuple[str, ...], int] = {}
    levels = np.full((len(paths) + 1, max(map(len, paths), default=0)), -1, np.int32)
    for row, path in enumerate(paths):
        for depth in range(len(path)):
            levels[row, depth] = place.setdefault(tuple(path[: depth + 1]), len(place))
    return levels[column.by_item(n_items)]


def _encoded(name: str, values: Iterable[tuple[int, str]]) -> ItemColumn:
    place: dict[str, int] = {}
    pairs = [(item, place.setdefault(value, len(place))) for item, value in values]
    both = np.array(pairs, np.int64).reshape(-1, 2)
    return ItemColumn(name, both[:, 0], both[:, 1].astype(np.int32), list(place))


def _level_of(name: str) -> int | None:
    column, _, level = name.rpartition("_")
    return int(level) if column == Columns.category and level.isdecimal() and int(level) > 0 else None


def _down_to(path: str | None, level: int) -> str | None:
    parts = [part.strip() for part in (path or "").split(_SEPARATOR)]
    return f" {_SEPARATOR} ".join(parts[:level]) if path and len(parts) >= level else None


def _read(text: str | None) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None


def _member(value: Any, name: str) -> Any:
    """Return a key of an object, or one of an object within; None where it has none."""
    if not isinstance(value, dict):
        return None
    if name in value:
        return value[name]
    outer, dot, inner = name.partition(".")
    return _member(value.get(outer), inner) if dot else None


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value if isinstance(value, str) else str(value)


def _number(label: str) -> float:
    try:
        return float(label)
    except ValueError:
        return float("nan")
