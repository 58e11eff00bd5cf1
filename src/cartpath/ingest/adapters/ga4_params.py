"""The parameters of Google Analytics 4 events: a list of keys and values in each row."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cartpath.ingest.adapters.ga360_fields import elements, field, meaningful, texts

_VALUES = ("string_value", "int_value", "double_value", "float_value")


def parameters(lists: pa.Array, keys: Collection[str]) -> dict[str, pa.Array]:
    """Return some parameters as columns of text; of a key that is there twice the first counts.

    Parameters
    ----------
    lists : pyarrow.Array (n,)
        ``event_params``: lists of ``key`` and ``value``, of which one of four fields is set.
    keys : collection of str

    Returns
    -------
    dict of str to pyarrow.StringArray (n,)
        Placeholders such as ``(not set)`` are null.

    Examples
    --------
    >>> rows = pa.array([[{"key": "ga_session_id", "value": {"int_value": 7}}], []])
    >>> parameters(rows, ["ga_session_id"])["ga_session_id"].to_pylist()
    ['7', None]
    """
    params, owner = elements(lists)
    key = texts(field(params, "key"))
    value = pc.coalesce(*(texts(field(params, "value", name)) for name in _VALUES))
    return {name: _spread(key, value, owner, name, len(lists)) for name in keys}


def _spread(key: pa.Array, value: pa.Array, owner: np.ndarray, name: str, n: int) -> pa.Array:
    at = np.flatnonzero(pc.fill_null(pc.equal(key, name), False).to_numpy(zero_copy_only=False))
    place = np.full(n, -1, np.int64)
    place[owner[at[::-1]]] = at[::-1]
    return meaningful(value.take(pa.array(place, mask=place < 0)))
