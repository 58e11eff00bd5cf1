"""Small tables kept beside the events: catalogue and user attributes, latest known value of each column."""

from __future__ import annotations

import numpy as np
import pyarrow as pa


def upsert(old: pa.Table, new: pa.Table, key: str) -> pa.Table:
    """Merge rows by key; for each column the last value that is not null wins.

    Parameters
    ----------
    old, new : pyarrow.Table
        May differ in columns. Rows without key are dropped.
    key : str

    Returns
    -------
    pyarrow.Table
        One row a key, in the order keys were first seen.

    Examples
    --------
    >>> old = pa.table({"k": ["a", "b"], "x": [1, 2]})
    >>> upsert(old, pa.table({"k": ["b", "c"], "x": [None, 3], "y": ["u", "v"]}), "k").to_pylist()
    [{'k': 'a', 'x': 1, 'y': None}, {'k': 'b', 'x': 2, 'y': 'u'}, {'k': 'c', 'x': 3, 'y': 'v'}]
    """
    both = _stack(old, new)
    both = both.filter(both[key].is_valid()).combine_chunks()
    encoded = both[key].combine_chunks().dictionary_encode()
    encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    row_key = encoded.indices.to_numpy(zero_copy_only=False)
    out = {}
    for name in both.column_names:
        if name == key:
            out[name] = encoded.dictionary
            continue
        valid = np.flatnonzero(both[name].is_valid().to_numpy(zero_copy_only=False))
        last = np.full(len(encoded.dictionary), -1, np.int64)
        np.maximum.at(last, row_key[valid], valid)
        out[name] = both[name].take(pa.array(last, mask=last < 0))
    return pa.table(out)


def _stack(old: pa.Table, new: pa.Table) -> pa.Table:
    if not len(old) and not set(old.column_names) - set(new.column_names):
        return new
    try:
        return pa.concat_tables([old, new], promote_options="permissive")
    except (pa.ArrowTypeError, pa.ArrowInvalid):
        shared = [n for n in old.column_names if n in new.column_names and old[n].type != new[n].type]
        for name in shared:
            old, new = (t.set_column(t.column_names.index(name), name, t[name].cast(pa.string())) for t in (old, new))
        return pa.concat_tables([old, new], promote_options="default")
