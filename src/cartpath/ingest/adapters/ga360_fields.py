"""Reading nested fields of a Google Analytics export, whatever the file left out.

A column that is entirely empty is NULL-typed in Parquet and absent in JSON Lines; integers are text in JSON
Lines. Each function here turns all of those into one type, with nulls where there is nothing.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_INTEGER = r"^\s*[+-]?[0-9]{1,18}\s*$"
#: What Google Analytics writes where it has no value.
PLACEHOLDERS = frozenset(
    {"", "(not set)", "(none)", "(not provided)", "not available in demo dataset", "unknown.unknown"}
)


def one_array(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Return a column as one contiguous array."""
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def field(parent: pa.Array, *path: str) -> pa.Array:
    """Return a nested field; nulls where it, or a struct above it, is absent or empty.

    Parameters
    ----------
    parent : pyarrow.Array
        Of structs, or NULL-typed.
    *path : str
        Names from the outermost in.

    Returns
    -------
    pyarrow.Array
        As long as ``parent``.

    Examples
    --------
    >>> hits = pa.array([{"page": {"pagePath": "/home"}}, {"page": None}])
    >>> field(hits, "page", "pagePath").to_pylist(), field(hits, "item", "sku").to_pylist()
    (['/home', None], [None, None])
    """
    array = parent
    for name in path:
        if not pa.types.is_struct(array.type) or array.type.get_field_index(name) < 0:
            return pa.nulls(len(parent))
        array = pc.struct_field(array, name)
    return array


def column(table: pa.Table, *path: str) -> pa.Array:
    """Return a column of a table, or a field nested in it; nulls where it is absent."""
    if table.schema.get_field_index(path[0]) < 0:
        return pa.nulls(table.num_rows)
    return field(one_array(table.column(path[0])), *path[1:])


def elements(lists: pa.Array) -> tuple[pa.Array, npt.NDArray[np.int64]]:
    """Flatten lists; also return the row of each element in ``lists``.

    Examples
    --------
    >>> values, rows = elements(pa.array([[1, 2], None, [], [3]]))
    >>> values.to_pylist(), rows.tolist()
    ([1, 2, 3], [0, 0, 3])
    """
    kind = lists.type
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)):
        return pa.nulls(0), np.zeros(0, np.int64)
    rows = pc.list_parent_indices(lists).to_numpy(zero_copy_only=False)
    return pc.list_flatten(lists), rows.astype(np.int64, copy=False)


def integers(array: pa.Array) -> pa.Array:
    """Return int64; text that is not a whole number, and numbers that do not fit, are null.

    Examples
    --------
    >>> integers(pa.array(["12", "x", None])).to_pylist()
    [12, None, None]
    """
    if pa.types.is_null(array.type):
        return pa.nulls(len(array), pa.int64())
    if pa.types.is_floating(array.type):
        fits = pc.less(pc.abs(array), 2.0**63)
        return pc.cast(pc.if_else(fits, pc.trunc(array), None), pa.int64())
    if pa.types.is_integer(array.type) or pa.types.is_boolean(array.type):
        return pc.cast(array, pa.int64())
    text = texts(array)
    readable = pc.match_substring_regex(text, _INTEGER)
    return pc.cast(pc.utf8_trim_whitespace(pc.if_else(readable, text, None)), pa.int64())


def texts(array: pa.Array) -> pa.Array:
    """Return strings; other types are written out."""
    if pa.types.is_null(array.type) or pa.types.is_nested(array.type):
        return pa.nulls(len(array), pa.string())
    return array if pa.types.is_string(array.type) else pc.cast(array, pa.string())


def truths(array: pa.Array) -> pa.Array:
    """Return booleans without nulls; what is absent is false, as the export means it.

    Examples
    --------
    >>> truths(pa.array(["true", None, "false"])).to_pylist()
    [True, False, False]
    """
    if pa.types.is_boolean(array.type):
        return pc.fill_null(array, False)
    return pc.fill_null(pc.equal(pc.utf8_lower(texts(array)), "true"), False)


def micros(array: pa.Array) -> pa.Array:
    """Return amounts of money in units from amounts in millionths.

    Examples
    --------
    >>> micros(pa.array(["16990000", None])).to_pylist()
    [16.99, None]
    """
    return pc.divide(pc.cast(integers(array), pa.float64(), safe=False), 1e6)


def map_unique(array: pa.Array, function: Callable[[str], str | None]) -> pa.Array:
    """Apply a Python function to text, once for each distinct value; nulls stay null.

    Examples
    --------
    >>> map_unique(pa.array(["a", "b", None, "a"]), str.upper).to_pylist()
    ['A', 'B', None, 'A']
    """
    encoded = one_array(texts(array)).dictionary_encode()
    mapped = pa.array([function(value) for value in encoded.dictionary.to_pylist()], pa.string())
    return mapped.take(encoded.indices)


def meaningful(array: pa.Array) -> pa.Array:
    """Return text with the placeholders of Google Analytics as nulls.

    Examples
    --------
    >>> meaningful(pa.array(["google", "(not set)"])).to_pylist()
    ['google', None]
    """
    return map_unique(array, lambda value: None if value.strip().lower() in PLACEHOLDERS else value)


def joined(arrays: list[pa.Array], separator: str) -> pa.Array:
    """Join the texts of each row that are there; empty where none is.

    Examples
    --------
    >>> joined([pa.array(["a", None, None]), pa.array(["b", "c", None])], "/").to_pylist()
    ['a/b', 'c', '']
    """
    # Arrow's "skip" drops a row without any text from the result, instead of leaving it empty.
    nothing = pc.is_null(pc.coalesce(*arrays))
    first = pc.if_else(nothing, "", arrays[0])
    return pc.binary_join_element_wise(first, *arrays[1:], separator, null_handling="skip")
