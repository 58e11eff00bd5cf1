"""Demographics and interests: the columns of the store's table of users, as features."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartpath.features.profile.column import CATEGORY, Column
from cartpath.schema import Columns
from cartpath.store.hashing import hash_strings

Floats = npt.NDArray[np.float64]

#: Put before the names of the columns, which may be those of features.
PREFIX = "user_"
#: A column of lists becomes one column of 0 and 1 for each of so many values at most, the most frequent ones.
_MOST_VALUES = 30


@dataclass(frozen=True)
class People:
    """Attributes of users, looked up by id.

    Attributes
    ----------
    columns : tuple of Column
    keys : uint64 array (n,)
        Hashes of the ids, ascending.
    values : float64 array (n, n_columns)
        Unknown is NaN.
    left_out : tuple of str
        Columns that are no number, text, truth value or list of texts.
    """

    columns: tuple[Column, ...]
    keys: npt.NDArray[np.uint64]
    values: Floats
    left_out: tuple[str, ...] = ()

    @classmethod
    def of(cls, users: pa.Table | None) -> People:
        """Read a table of users; of an id that is there twice the first row counts.

        Examples
        --------
        >>> table = pa.table({"user_id": ["a", "b"], "age": [30, None], "likes": [["tea"], ["tea", "jam"]]})
        >>> people = People.of(table)
        >>> [column.name for column in people.columns]
        ['user_age', 'user_likes=tea', 'user_likes=jam']
        >>> people.rows(pa.array(["b", "nobody"])).tolist()
        [[nan, 1.0, 1.0], [nan, nan, nan]]
        """
        if users is None or not len(users):
            return cls((), np.zeros(0, np.uint64), np.zeros((0, 0)))
        columns: list[Column] = []
        values: list[Floats] = []
        left_out = []
        for name in (name for name in users.column_names if name != Columns.user_id):
            found = _read(f"{PREFIX}{name}", name, _plain(users[name]))
            left_out += [] if found else [name]
            columns += [column for column, _ in found]
            values += [array for _, array in found]
        keys, first = np.unique(hash_strings(users[Columns.user_id]), return_index=True)
        table = np.column_stack(values)[first] if values else np.zeros((len(keys), 0))
        return cls(tuple(columns), keys, table, tuple(left_out))

    def rows(self, user_id: pa.StringArray) -> Floats:
        """Return the values of users by id (n, n_columns); NaN for those that are not in the table."""
        found = np.full((len(user_id), len(self.columns)), np.nan)
        if len(self.keys) and len(user_id):
            wanted = hash_strings(user_id)
            at = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
            known = self.keys[at] == wanted
            found[known] = self.values[at[known]]
        return found


def _plain(column: pa.ChunkedArray) -> pa.Array:
    found = column.combine_chunks()
    if isinstance(found, pa.ChunkedArray):
        found = pa.concat_arrays(found.chunks) if found.num_chunks else pa.array([], column.type)
    return found.cast(found.type.value_type) if pa.types.is_dictionary(found.type) else found


def _read(name: str, source: str, column: pa.Array) -> list[tuple[Column, Floats]]:
    kind = column.type
    if pa.types.is_boolean(kind):
        return [(Column(name, "0 or 1", f"`{source}` of the table of users."), _numbers(column.cast(pa.int8())))]
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return [(Column(name, "as given", f"`{source}` of the table of users."), _numbers(column))]
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return [_texts(Column(name, CATEGORY, f"`{source}` of the table of users."), column)]
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _members(name, source, column) if pa.types.is_string(kind.value_type) else []
    return []


def _numbers(column: pa.Array) -> Floats:
    found: Floats = column.cast(pa.float64()).fill_null(float("nan")).to_numpy(zero_copy_only=False).copy()
    found[~np.isfinite(found)] = np.nan
    return found


def _texts(column: Column, texts: pa.Array) -> tuple[Column, Floats]:
    values = texts.to_pylist()
    categories = tuple(sorted({value for value in values if value is not None}))
    place = {value: float(i) for i, value in enumerate(categories)}
    codes = np.array([np.nan if value is None else place[value] for value in values])
    return replace(column, categories=categories), codes


def _members(name: str, source: str, column: pa.Array) -> list[tuple[Column, Floats]]:
    lists = column.to_pylist()
    counts = Counter(value for values in lists for value in dict.fromkeys(values or ()) if value is not None)
    kept = sorted(counts, key=lambda value: (-counts[value], value))[:_MOST_VALUES]
    unknown = np.array([values is None for values in lists])
    found = []
    for value in kept:
        marks = np.array([value in (values or ()) for values in lists], np.float64)
        about = f"Whether `{source}` of the table of users has `{value}`."
        found.append((Column(f"{name}={value}", "0 or 1", about), np.where(unknown, np.nan, marks)))
    return found
