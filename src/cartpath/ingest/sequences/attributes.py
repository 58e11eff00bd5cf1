"""What is known of the items: titles, categories, brands, attributes, from files as data sets come with them."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from functools import reduce
from pathlib import Path
from typing import Any

import pyarrow as pa

from cartpath.ingest.catalogue import canonical_items
from cartpath.ingest.mapping.names import words_of
from cartpath.ingest.readers import flat
from cartpath.ingest.sequences.columns import columns_among
from cartpath.ingest.sources import sniff_format
from cartpath.ingest.text import as_text, single
from cartpath.schema import CartpathError, Columns, item_schema
from cartpath.store.tables import upsert

#: What item columns are called, beside their own names.
_CALLED = {
    "name": Columns.title, "producttitle": Columns.title, "itemname": Columns.title, "movietitle": Columns.title,
    "categories": Columns.category, "genre": Columns.category, "genres": Columns.category,
    "maincategory": Columns.category, "manufacturer": Columns.brand, "store": Columns.brand,
    "features": Columns.attributes, "attribute": Columns.attributes,
}  # fmt: skip


def read_items(paths: Sequence[Path], known: Collection[str]) -> tuple[pa.Table, list[str]]:
    """Read one or more files about items; later ones add to earlier ones.

    Parameters
    ----------
    paths : sequence of Path
        A JSON object of item to list of attributes (S3Rec) or to an object, or a table (CSV, Parquet, JSON Lines) with
        a column of items.
    known : collection of str
        Items of the events; others are left out. Of several columns that may be the item, the one that holds most of
        them is.

    Returns
    -------
    items : pyarrow.Table
        Columns of ``schema.item_schema()``; ``attributes`` is JSON text, a list of texts.
    told : list of str
        How many items each file knows.

    Raises
    ------
    CartpathError
        If a file cannot be read or knows none of the items.
    """
    items = set(known)
    tables, told = [], []
    for path in paths:
        table = _read(path, items)
        found = len(set(table[Columns.item_id].to_pylist()))
        if not found:
            raise CartpathError(
                f"{path} knows none of the {len(items):,} items of the events", "its ids must be those of the events"
            )
        what = ", ".join(name for name in table.column_names if name != Columns.item_id)
        told.append(f"{path.name}: {what} of {found:,} of {len(items):,} items")
        tables.append(table)
    empty = item_schema().empty_table().select([Columns.item_id])
    return reduce(lambda old, new: upsert(old, new, Columns.item_id), tables, empty), told


def _read(path: Path, known: set[str]) -> pa.Table:
    if not path.is_file():
        raise CartpathError(f"no such file: {path}", "--items takes a file about the items")
    table = _from_object(path) if sniff_format(path) == "jsonl" else None
    table = _from_rows(path, known) if table is None else canonical_items(_canonical(table))
    keep = [item in known for item in table[Columns.item_id].to_pylist()]
    table = table.filter(pa.array(keep, pa.bool_()))
    names = [name for name in item_schema().names if name in table.column_names]
    if len(names) < 2:
        raise CartpathError(
            f"{path} says nothing of its items: its columns are {', '.join(table.column_names)}",
            f"known are {', '.join(item_schema().names[1:])}",
        )
    return table.select(names)


def _from_object(path: Path) -> pa.Table | None:
    """Read one JSON object of item to what is known of it; None if the file is something else."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8-sig"))
    except (json.JSONDecodeError, UnicodeDecodeError):
        return None  # JSON Lines, or damaged: the reader of rows says where
    if not isinstance(raw, dict) or not raw or not all(isinstance(value, list | dict) for value in raw.values()):
        return None
    rows = [value if isinstance(value, dict) else {Columns.attributes: value} for value in raw.values()]
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: pa.array([_plain(row.get(name), name) for row in rows], pa.string()) for name in names}
    return pa.table({Columns.item_id: pa.array(list(raw), pa.string()), **columns})


def _from_rows(path: Path, known: set[str]) -> pa.Table:
    names = flat.columns_of(path)
    tables = [chunk.table for chunk in flat.chunks(path, names, nested=names) if len(chunk.table)]
    if not tables:
        raise CartpathError(f"{path} has no rows", "--items takes a file about the items")
    table = pa.concat_tables(tables, promote_options="permissive")
    key = _key(path, table, known)
    columns = {name: _texts(single(table[name]), name) for name in names if name != key}
    item = as_text(single(table[key]), is_id=True).cast(pa.string())
    columns.pop(Columns.item_id, None)
    return canonical_items(_canonical(pa.table({Columns.item_id: item, **columns})))


def _key(path: Path, table: pa.Table, known: set[str]) -> str:
    """Return the column that holds most of the items; of equals the one whose name says so."""
    named = columns_among(table.column_names).get(Columns.item_id)
    counts = {}
    for name in table.column_names:
        if pa.types.is_nested(table[name].type):
            continue
        ids = as_text(single(table[name]), is_id=True).cast(pa.string()).unique().to_pylist()
        counts[name] = (len(known.intersection(ids)), name == named, "id" in words_of(name))
    if not counts:
        raise CartpathError(f"{path} has no column of items", f"name one {Columns.item_id}")
    best: str = max(counts, key=counts.__getitem__)
    return best


def _canonical(table: pa.Table) -> pa.Table:
    """Rename columns to canonical ones; the first that means one is taken."""
    chosen: dict[str, str] = {}
    for name in table.column_names:
        bare = "".join(words_of(name.split(":", 1)[0]))
        exact = next((known for known in item_schema().names if "".join(words_of(known)) == bare), None)
        canonical = exact or _CALLED.get(bare)
        if canonical and (canonical not in chosen or exact):
            chosen[canonical] = name
    return pa.table({canonical: table[name] for canonical, name in chosen.items()})


def _texts(values: pa.Array, name: str) -> pa.Array:
    if not pa.types.is_nested(values.type):
        if "".join(words_of(name.split(":", 1)[0])) in ("attributes", "attribute"):
            return pa.array([_listed(value) for value in as_text(values).cast(pa.string()).to_pylist()], pa.string())
        return as_text(values).cast(pa.string())
    return pa.array([_plain(value, name) for value in values.to_pylist()], pa.string())


def _listed(text: str | None) -> str | None:
    """Return attributes as a JSON list, from one or from text with signs between."""
    if text is None or text.lstrip().startswith("["):
        return text
    parts = [part.strip() for part in text.replace("|", ",").replace(";", ",").split(",")]
    return json.dumps([part for part in parts if part], ensure_ascii=False)


def _plain(value: Any, name: str) -> str | None:
    """Return a value as text: a list of categories as a path, any other list as JSON."""
    if value is None:
        return None
    if isinstance(value, list):
        flat_list = [str(part) for part in _leaves(value)]
        if "".join(words_of(name)) in ("category", "categories", "genres"):
            return " > ".join(flat_list) or None
        return json.dumps(flat_list, ensure_ascii=False)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)


def _leaves(value: list[Any]) -> list[Any]:
    """Return the first list of nested ones: Amazon's categories are a list of paths."""
    while value and isinstance(value[0], list):
        value = value[0]
    return [part for part in value if part is not None]
