"""Exact order statistics of values that are read in pieces: what sorting them all would find, without holding them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
#: A pass settles so many bits of each value looked for.
_BITS = 14
_SIGN = np.uint64(1 << 63)


def order_statistics(pieces: Callable[[], Iterable[npt.NDArray[Any]]], places: Sequence[int] | Ints) -> Ints:
    """Return the values at some places of the sorted whole.

    Parameters
    ----------
    pieces : callable
        Gives the int64 values piece by piece, the same each time; it is called once for every 14 bits of a value.
    places : sequence of int
        From 0.

    Returns
    -------
    int64 array (n,)

    Examples
    --------
    >>> order_statistics(lambda: [np.array([30, -10]), np.array([20, 20])], [0, 2, 3]).tolist()
    [-10, 20, 30]
    """
    left = np.array(places, np.int64)
    known = np.zeros(len(left), np.uint64)
    for shift in range(64 - 64 % _BITS, -1, -_BITS):
        width = min(_BITS, 64 - shift)
        prefixes, group = np.unique(known, return_inverse=True)
        counts = _counts(pieces, prefixes, shift, width)[group]
        below = np.cumsum(counts, axis=1)
        digit = (below <= left[:, None]).sum(axis=1)
        left = left - np.where(digit > 0, np.take_along_axis(below, np.maximum(digit - 1, 0)[:, None], 1)[:, 0], 0)
        known = (known << np.uint64(width)) | digit.astype(np.uint64)
    return (known ^ _SIGN).view(np.int64)


def _counts(
    pieces: Callable[[], Iterable[npt.NDArray[Any]]], prefixes: npt.NDArray[np.uint64], shift: int, width: int
) -> Ints:
    """Count the next digit of the values that begin with each prefix (n_prefixes, 2 ** width)."""
    size = 1 << width
    counts = np.zeros(len(prefixes) * size, np.int64)
    for piece in pieces():
        key = (np.asarray(piece, np.int64).view(np.uint64) ^ _SIGN) >> np.uint64(shift)
        if shift + width < 64:
            head = key >> np.uint64(width)
            place = np.minimum(np.searchsorted(prefixes, head), len(prefixes) - 1)
            inside = prefixes[place] == head
            key = place[inside] * size + (key[inside] & np.uint64(size - 1)).astype(np.int64)
        counts += np.bincount(key.astype(np.int64), minlength=len(counts))
    return counts.reshape(len(prefixes), size)


def quantiles(pieces: Callable[[], Iterable[Floats]], shares: Floats) -> Floats:
    """Return what ``np.quantile`` would of the finite values of all pieces; empty where there are none.

    Examples
    --------
    >>> quantiles(lambda: [np.array([1.0, np.nan]), np.array([4.0])], np.array([0.5])).tolist()
    [2.5]
    """

    def finite() -> Iterable[Floats]:
        return (piece[np.isfinite(piece)] for piece in pieces())

    n = sum(len(piece) for piece in finite())
    if not n:
        return np.zeros(0)
    at = (n - 1) * np.asarray(shares, np.float64)
    low = np.floor(at).astype(np.int64)
    both = np.stack([low, np.minimum(low + 1, n - 1)])
    found = _turned(order_statistics(lambda: (_turned(piece.view(np.int64)) for piece in finite()), both.ravel()))
    ends = found.view(np.float64).reshape(both.shape)
    # NumPy between two values: its own rounding, not a formula of ours.
    return np.array([np.quantile(ends[:, i], at[i] - low[i]) for i in range(len(at))])


def _turned(bits: Ints) -> Ints:
    """Put the bits of floating point numbers into their order, or back."""
    turned: Ints = bits ^ ((bits >> np.int64(63)) & np.int64(2**63 - 1))
    return turned
