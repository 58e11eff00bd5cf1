"""Items and users: files of their own, and items seen in the events."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cartpath.ingest.numbers import MAX_MONEY, as_numbers
from cartpath.ingest.readers import csv_reader, json_reader, parquet_reader
from cartpath.ingest.sources import sniff_format
from cartpath.ingest.text import as_text, single
from cartpath.schema import CartpathError, Columns, item_schema

Mask = npt.NDArray[np.bool_]
_SEPARATOR = " > "


def items_seen(
    table: pa.Table, good: Mask, columns: Mapping[str, str], divide: Mapping[str, float], separator: str | None
) -> pa.Table | None:
    """Return the catalogue rows that events carry, not yet distinct.

    Parameters
    ----------
    table : pyarrow.Table (n rows)
        Raw columns.
    good : bool array (n,)
        Rows that can be used.
    columns : mapping of canonical item column to raw column
    divide : mapping of canonical column to float
    separator : str, optional
        Of the levels of a category.
    """
    names = {name: source for name, source in columns.items() if source in table.column_names}
    if Columns.item_id not in names:
        return None
    table = table.select(list(dict.fromkeys(names.values()))).filter(pa.array(good))
    return canonical_items(pa.table({n: table[s] for n, s in names.items()}), divide, separator)


def canonical_items(
    table: pa.Table, divide: Mapping[str, float] | None = None, separator: str | None = None
) -> pa.Table:
    """Cast item columns to their types; a price that is no number is blanked, a row without an id is left out.

    Examples
    --------
    >>> canonical_items(pa.table({"item_id": [1, None], "category": ["a.b", "c"]}), separator=".").to_pylist()
    [{'item_id': '1', 'category': 'a > b'}]
    """
    out = {}
    for name in table.column_names:
        values = single(table[name])
        if name == Columns.price:
            numbers, present, wrong = as_numbers(values)
            numbers = numbers / (divide or {}).get(name, 1.0)
            bad = ~present | wrong | ~(np.abs(numbers) < MAX_MONEY) | (numbers < 0)
            out[name] = pa.array(numbers, pa.float64(), mask=bad)
        elif name in item_schema().names:
            text = as_text(values, is_id=name == Columns.item_id).cast(pa.string())
            split = name == Columns.category and separator
            out[name] = pc.replace_substring(text, separator, _SEPARATOR) if split else text
        else:
            out[name] = values
    done = pa.table(out)
    return done.filter(done[Columns.item_id].is_valid())


def load_items(path: str | Path, mapping: Mapping[str, str] | None = None) -> pa.Table:
    """Read a catalogue; columns beyond the canonical ones are kept as they are.

    Raises
    ------
    CartpathError
        If it cannot be read or has no ``item_id``.
    """
    return canonical_items(_load(Path(path), Columns.item_id, mapping or {}))


def load_users(path: str | Path, mapping: Mapping[str, str] | None = None) -> pa.Table:
    """Read user attributes; all columns are kept as they are, the user's id as text.

    Raises
    ------
    CartpathError
        If it cannot be read or has no ``user_id``.
    """
    table = _load(Path(path), Columns.user_id, mapping or {})
    users = as_text(single(table[Columns.user_id]), is_id=True).cast(pa.string())
    table = table.set_column(table.column_names.index(Columns.user_id), Columns.user_id, users)
    return table.filter(table[Columns.user_id].is_valid())


def _load(path: Path, key: str, mapping: Mapping[str, str]) -> pa.Table:
    if not path.is_file():
        raise CartpathError(f"no such file: {path}")
    table = _table_of(path)
    back = {source: canonical for canonical, source in mapping.items()}
    table = table.rename_columns([back.get(name, name) for name in table.column_names])
    if key not in table.column_names:
        raise CartpathError(
            f"{path} has no column {key!r}; columns found: {', '.join(table.column_names)}",
            f"rename the column that identifies a row to {key}",
        )
    return table


def _table_of(path: Path) -> pa.Table:
    kind = sniff_format(path)
    if kind == "parquet":
        with parquet_reader.open_parquet(path) as file:
            return file.read()
    if kind == "csv":
        layout = csv_reader.layout_of(path)
        chunks = list(csv_reader.CsvReader(path, layout, list(layout.names)).chunks())
    else:
        json_reader.columns_of(path)
        chunks = [c for c in json_reader.JsonReader(path, None).chunks() if c.table.num_columns]
    bad = [bad for chunk in chunks for bad in chunk.bad]
    if bad:
        raise CartpathError(f"{path}, row {bad[0].row}: {bad[0].reason}", "mend the file and load it again")
    table = pa.concat_tables([chunk.table for chunk in chunks], promote_options="permissive")
    return typed(table) if kind == "csv" else table


def typed(table: pa.Table) -> pa.Table:
    """Turn text columns of nothing but numbers into numbers, ids aside."""
    for index, name in enumerate(table.column_names):
        if name.endswith("_id"):
            continue
        numbers, present, wrong = as_numbers(single(table[name]))
        if present.any() and not wrong.any():
            whole = (numbers == np.floor(numbers))[present].all() and np.abs(numbers[present]).max() < 2**53
            values = pa.array(numbers, mask=~present)
            table = table.set_column(index, name, values.cast(pa.int64()) if whole else values)
    return table
