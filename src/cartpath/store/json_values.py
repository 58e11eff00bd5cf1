"""The value of one key in JSON texts, as a label: what a property of events is counted by."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartpath.store.json_members import ABSENT, DECIMAL, ESCAPED, FLAG, NESTED, ODD, WHOLE, WORD, cut, members

Marks = npt.NDArray[np.bool_]

_ABSENT = object()
_WORDS = (np.frombuffer(b"true", np.uint8), np.frombuffer(b"false", np.uint8), np.frombuffer(b"null", np.uint8))
#: Whole numbers up to here are written without a fraction, however they came.
_WHOLE_TO = 1e15


def labels_of(texts: pa.StringArray, name: str) -> tuple[pa.StringArray, Marks]:
    """Return the value of a key in each JSON object, as text, and whether it is a number.

    A string is itself, ``true`` and ``false`` are words, a number is written in one way (``1`` for ``1.0``), a list
    or an object is its JSON. Null, an absent key and what is no JSON object have none.

    Parameters
    ----------
    texts : pyarrow.StringArray (n,)
    name : str
        A key; ``a.b`` is the key of that name, or else the key ``b`` of the object ``a``.

    Returns
    -------
    tuple of pyarrow.StringArray and bool array (n,)

    Examples
    --------
    >>> labels, is_number = labels_of(pa.array(['{"a": {"b": 2.0}}', '{"a.b": "x"}', "{}", "no JSON"]), "a.b")
    >>> labels.to_pylist(), is_number.tolist()
    (['2', 'x', None, None], [True, False, False, False])
    """
    labels, is_number, absent = _along(texts, [name])
    if "." in name and absent.any():
        nested, number, _ = _along(texts.filter(pa.array(absent)), name.split("."))
        place = np.cumsum(absent) - 1 + len(texts)
        index = np.where(absent, place, np.arange(len(texts)))
        labels = pa.concat_arrays([labels, nested]).take(pa.array(index))
        is_number = np.concatenate([is_number, number])[index]
    return labels, is_number


def _along(texts: pa.StringArray, way: list[str]) -> tuple[pa.StringArray, Marks, Marks]:
    """Return labels, whether each is a number, and where the key is not there at all."""
    if not len(texts):
        return pa.array([], pa.string()), np.zeros(0, np.bool_), np.zeros(0, np.bool_)
    _, offset_buffer, data_buffer = texts.buffers()
    offsets = np.frombuffer(offset_buffer, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    data = np.frombuffer(data_buffer, np.uint8) if data_buffer is not None else np.zeros(0, np.uint8)
    keys = [key.encode() for key in way]
    ends = np.cumsum([len(key) for key in keys]).astype(np.int32)
    kinds, lows, highs = members(offsets, data, np.frombuffer(b"".join(keys) or b"-", np.uint8), ends, _WORDS)
    plain = (kinds == WORD) | (kinds == WHOLE) | (kinds == FLAG)
    pieces = [pa.py_buffer(part) for part in (np.packbits(plain, bitorder="little"), *cut(data, lows, highs, plain))]
    labels = pa.StringArray.from_buffers(len(texts), pieces[1], pieces[2], pieces[0])
    is_number, absent = (kinds == WHOLE) | (kinds == DECIMAL), kinds == ABSENT
    read = {}
    for row in np.flatnonzero((kinds == ESCAPED) | (kinds == DECIMAL) | (kinds == NESTED)).tolist():
        read[row] = _read(bytes(data[lows[row] : highs[row]]))
    for row in np.flatnonzero(kinds == ODD).tolist():
        read[row] = value = _walk(texts[row].as_py(), way)
        absent[row] = value is _ABSENT
    return _put(labels, is_number, read), is_number, absent


def _put(labels: pa.StringArray, is_number: Marks, read: dict[int, Any]) -> pa.StringArray:
    """Put what Python read in its place."""
    if not read:
        return labels
    index = np.arange(len(labels))
    index[list(read)] = len(labels) + np.arange(len(read))
    is_number[list(read)] = [
        type(value) is int or (type(value) is float and math.isfinite(value)) for value in read.values()
    ]
    own = pa.array([_label(value) for value in read.values()], pa.string())
    return pa.concat_arrays([labels, own]).take(pa.array(index))


def _read(text: str | bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _walk(text: str | None, way: list[str]) -> Any:
    """Follow keys as Python has it."""
    value = _read(text or "")
    if not isinstance(value, dict):
        return None  # no other way leads anywhere either
    for key in way:
        if not isinstance(value, dict) or key not in value:
            return _ABSENT
        value = value[key]
    return value


def _label(value: Any) -> str | None:
    if value is None or value is _ABSENT:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return str(int(value)) if value.is_integer() and abs(value) < _WHOLE_TO else repr(value)
    label = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return label.encode(errors="replace").decode()  # half a surrogate pair is valid JSON, and no text
