"""Ids as text, many at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartpath.simulate.draws import kernel


@kernel
def _digits(
    out: npt.NDArray[np.uint8], at: int, width: int, values: npt.NDArray[np.int32], rows: npt.NDArray[np.int64]
) -> None:
    for i in range(len(rows)):
        value = values[rows[i]]
        for place in range(width - 1, -1, -1):
            out[i, at + place] = 48 + value % 10
            value //= 10


def numbered(
    prefix: str, parts: list[tuple[npt.NDArray[Any], int]], known: npt.NDArray[np.bool_] | None = None
) -> pa.Array:
    """Return texts such as ``e00000012-0003-0001``: a letter, then numbers of fixed widths joined by dashes.

    Parameters
    ----------
    prefix : str
        One letter.
    parts : list of (integer array (n,), width)
    known : bool array (n,), optional
        Where it is false the text is null.

    Examples
    --------
    >>> numbered("u", [(np.array([7, 8]), 3)], np.array([True, False])).to_pylist()
    ['u007', None]
    """
    n = len(parts[0][0])
    rows = np.arange(n) if known is None else np.flatnonzero(known)
    width = 1 + sum(w for _, w in parts) + len(parts) - 1
    out = np.full((len(rows), width), ord("-"), np.uint8)
    out[:, 0] = ord(prefix)
    at = 1
    for values, digits in parts:
        _digits(out, at, digits, np.ascontiguousarray(values, np.int32), rows)
        at += digits + 1
    offsets = np.zeros(n + 1, np.int32)
    np.cumsum(np.full(n, width) if known is None else known * width, out=offsets[1:])
    bitmap = None if known is None else pa.py_buffer(np.packbits(known, bitorder="little"))
    return pa.StringArray.from_buffers(n, pa.py_buffer(offsets), pa.py_buffer(out), bitmap)
