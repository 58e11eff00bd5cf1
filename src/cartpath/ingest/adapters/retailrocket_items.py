"""The catalogue of Retailrocket: the latest properties of each item, and the path of its category."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cartpath.ingest.adapter import Context
from cartpath.ingest.text import single
from cartpath.ingest.times import Clock, as_times
from cartpath.schema import Columns

TIME, ITEM, PROPERTY, VALUE = "timestamp", "itemid", "property", "value"
TREE, CATEGORY, PARENT = "category tree", "categoryid", "parentid"
_AVAILABLE = "available"
_SEPARATOR = " > "
#: Why rows are left out.
NOT_KEPT, NO_TIME, OLDER = "property_not_kept", "unreadable_time", "older_value"


def latest(table: pa.Table, context: Context) -> pa.Table:
    """Keep the latest value of each item and wanted property; of two at one time, that of the later row."""
    wanted = pa.array([CATEGORY, _AVAILABLE, *_further(context)])
    kept = table.filter(pc.is_in(table[PROPERTY], wanted))
    context.left_out[NOT_KEPT] += len(table) - len(kept)
    times, read = as_times(single(kept[TIME]), Clock(epoch="ms"))
    context.left_out[NO_TIME] += int((~read).sum())
    kept, times = kept.filter(pa.array(read)), times[read]
    if not len(kept):
        return kept
    key = pc.binary_join_element_wise(kept[ITEM], kept[PROPERTY], "\0", null_handling="replace")
    codes = single(single(key).dictionary_encode()).indices.to_numpy()
    order = np.lexsort((times, codes))
    last = order[np.append(np.diff(codes[order]) != 0, True)]
    context.left_out[OLDER] += len(kept) - len(last)
    return kept.take(pa.array(np.sort(last)))


def catalogue(table: pa.Table, context: Context) -> pa.Table:
    """Return one row an item: its category as a path, and the other properties as JSON."""
    paths = category_paths(context.tables.get(TREE))
    found: dict[str | None, dict[str, str]] = {}
    for item, name, value in zip(*(table[c].to_pylist() for c in (ITEM, PROPERTY, VALUE)), strict=True):
        found.setdefault(item, {})[name] = value
    categories = [row.pop(CATEGORY, None) for row in found.values()]
    return pa.table(
        {
            Columns.item_id: pa.array(found, pa.string()),
            Columns.category: pa.array([paths.get(c, c) if c else None for c in categories], pa.string()),
            Columns.attributes: pa.array([json.dumps(row) if row else None for row in found.values()], pa.string()),
        }
    )


def category_paths(tree: pa.Table | None) -> dict[str, str]:
    """Return the path of every category from its root; a circle is cut where it closes.

    Examples
    --------
    >>> category_paths(pa.table({"categoryid": ["7", "8", "9"], "parentid": [None, "7", "8"]}))["9"]
    '7 > 8 > 9'
    """
    if tree is None:
        return {}
    parents = dict(zip(tree[CATEGORY].to_pylist(), tree[PARENT].to_pylist(), strict=True))
    return {category: _SEPARATOR.join(_line(category, parents)) for category in parents if category}


def _line(category: str, parents: dict[str, str | None]) -> list[str]:
    line = [category]
    while (parent := parents.get(line[0])) and parent not in line:
        line.insert(0, parent)
    return line


def _further(context: Context) -> list[str]:
    return [name.strip() for name in context.options["properties"].split(",") if name.strip()]
