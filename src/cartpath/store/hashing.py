"""64-bit hashes of strings, and a hash table over them.

The hash places users in buckets and stands for ids in the path table, so it is part of the file format
(``HASH_VERSION``). It is the finalizer of MurmurHash3 (Appleby, 2011) chained over 8-byte words. Two of a
million distinct ids collide with a probability of 5e-8.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartpath.store.jit import kernel

HASH_VERSION = 1

_M1 = np.uint64(0xFF51AFD7ED558CCD)
_M2 = np.uint64(0xC4CEB9FE1A85EC53)
_SEED = np.uint64(0x9E3779B97F4A7C15)
_S33 = np.uint64(33)


@kernel
def mix(value: np.uint64) -> np.uint64:
    """Scramble 64 bits, one to one."""
    value ^= value >> _S33
    value *= _M1
    value ^= value >> _S33
    value *= _M2
    value ^= value >> _S33
    return value


@kernel
def _hash_bytes(offsets: npt.NDArray[np.int32], data: npt.NDArray[np.uint8], out: npt.NDArray[np.uint64]) -> None:
    for row in range(len(out)):
        lo, hi = offsets[row], offsets[row + 1]
        state = _SEED ^ np.uint64(hi - lo)
        at = lo
        while at + 8 <= hi:
            word = np.uint64(0)
            for byte in range(8):
                word |= np.uint64(data[at + byte]) << np.uint64(8 * byte)
            state = mix(state ^ word) + _SEED
            at += 8
        if at < hi:
            word = np.uint64(0)
            for byte in range(hi - at):
                word |= np.uint64(data[at + byte]) << np.uint64(8 * byte)
            state = mix(state ^ word) + _SEED
        out[row] = mix(state) | np.uint64(1)


@kernel
def combine(a: npt.NDArray[np.uint64], b: npt.NDArray[np.uint64], c: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Hash each row of three 64-bit values."""
    out = np.empty(len(a), np.uint64)
    for row in range(len(a)):
        out[row] = mix(mix(mix(a[row] ^ _SEED) + b[row]) + c[row])
    return out


def hash_strings(values: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.uint64]:
    """Hash each string; null is 0, and no string is.

    Parameters
    ----------
    values : pyarrow string array (n,)
        Plain or dictionary-encoded.

    Returns
    -------
    uint64 array (n,)

    Examples
    --------
    >>> h = hash_strings(pa.array(["a", None, "a"]))
    >>> bool(h[0] == h[2]), int(h[1])
    (True, 0)
    """
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if pa.types.is_dictionary(values.type):
        by_index = np.append(hash_strings(values.dictionary), np.uint64(0))
        rows: npt.NDArray[np.int32] = values.indices.fill_null(len(values.dictionary)).to_numpy(zero_copy_only=False)
        return by_index[rows]
    values = values.cast(pa.string()) if values.type != pa.string() else values
    out = np.empty(len(values), np.uint64)
    if not len(values):
        return out
    _, offset_buffer, data_buffer = values.buffers()
    offsets = np.frombuffer(offset_buffer, np.int32)[values.offset : values.offset + len(values) + 1]
    data = np.frombuffer(data_buffer, np.uint8) if data_buffer is not None else np.zeros(0, np.uint8)
    _hash_bytes(offsets, data, out)
    if values.null_count:
        out[values.is_null().to_numpy(zero_copy_only=False)] = 0
    return out


@kernel
def lookup_or_insert(
    keys: npt.NDArray[np.uint64],
    table_keys: npt.NDArray[np.uint64],
    table_values: npt.NDArray[np.int32],
    next_value: int,
    out: npt.NDArray[np.int32],
    new_rows: npt.NDArray[np.int64],
) -> int:
    """Give each non-zero key its number, numbering new keys from ``next_value``; 0 gets -1.

    The table is open-addressed with a power-of-two length and must be at most half full afterwards.
    ``new_rows`` receives the row of each new key; the number of them is returned.
    """
    mask = np.uint64(len(table_keys) - 1)
    n_new = 0
    for row in range(len(keys)):
        key = keys[row]
        if key == 0:
            out[row] = -1
            continue
        slot = mix(key) & mask
        while table_keys[slot] != 0 and table_keys[slot] != key:
            slot = (slot + np.uint64(1)) & mask
        if table_keys[slot] == 0:
            table_keys[slot] = key
            table_values[slot] = next_value + n_new
            new_rows[n_new] = row
            n_new += 1
        out[row] = table_values[slot]
    return n_new


class HashTable:
    """Numbers 64-bit keys 0, 1, 2 … in the order they are first seen.

    Examples
    --------
    >>> table = HashTable()
    >>> codes, new = table.number(np.array([7, 9, 7, 0], np.uint64))
    >>> codes.tolist(), new.tolist()
    ([0, 1, 0, -1], [0, 1])
    """

    def __init__(self, expected: int = 0) -> None:
        length = 1 << max(10, (2 * expected - 1).bit_length())
        self._keys = np.zeros(length, np.uint64)
        self._values = np.zeros(length, np.int32)
        self.size = 0

    def number(self, keys: npt.NDArray[np.uint64]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
        """Return each key's number, and the rows of the keys not seen before."""
        self._reserve(self.size + len(keys))
        out = np.empty(len(keys), np.int32)
        new_rows = np.empty(len(keys), np.int64)
        n_new = lookup_or_insert(keys, self._keys, self._values, self.size, out, new_rows)
        self.size += n_new
        return out, new_rows[:n_new]

    def put(self, keys: npt.NDArray[np.uint64], first: int) -> None:
        """Enter keys whose numbers are ``first, first + 1, …``; a zero key takes its number and is skipped."""
        self._reserve(self.size + len(keys))
        _put(keys, self._keys, self._values, first)
        self.size = max(self.size, first + len(keys))

    def _reserve(self, size: int) -> None:
        length = len(self._keys)
        if 2 * size <= length:
            return
        while length < 2 * size:
            length *= 2
        keys, values = np.zeros(length, np.uint64), np.zeros(length, np.int32)
        _rehash(self._keys, self._values, keys, values)
        self._keys, self._values = keys, values


@kernel
def _place(key: np.uint64, value: int, keys: npt.NDArray[np.uint64], values: npt.NDArray[np.int32]) -> None:
    mask = np.uint64(len(keys) - 1)
    slot = mix(key) & mask
    while keys[slot] != 0 and keys[slot] != key:
        slot = (slot + np.uint64(1)) & mask
    keys[slot] = key
    values[slot] = value


@kernel
def _put(keys: npt.NDArray[np.uint64], to_keys: npt.NDArray[np.uint64], to: npt.NDArray[np.int32], first: int) -> None:
    for row in range(len(keys)):
        if keys[row] != 0:
            _place(keys[row], first + row, to_keys, to)


@kernel
def _rehash(
    old_keys: npt.NDArray[np.uint64],
    old_values: npt.NDArray[np.int32],
    keys: npt.NDArray[np.uint64],
    values: npt.NDArray[np.int32],
) -> None:
    for slot in range(len(old_keys)):
        if old_keys[slot] != 0:
            _place(old_keys[slot], old_values[slot], keys, values)
