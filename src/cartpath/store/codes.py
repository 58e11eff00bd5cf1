"""Global, append-only dictionaries: text to code, the same in every bucket and for ever."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartpath.schema import CODED_CONTEXT, Columns
from cartpath.store.hashing import HashTable, hash_strings

#: Dictionary name for each coded column.
CODED: dict[str, str] = {
    Columns.event: "event",
    Columns.item_id: "item",
    Columns.page: "page",
    Columns.query: "query",
    **{name: name for name in CODED_CONTEXT},
}

#: What a reader sees in place of a value whose last user was forgotten.
ERASED = "(erased)"


class Dictionary:
    """Text to code, 0, 1, 2 … in the order first seen; null is -1.

    Examples
    --------
    >>> words = Dictionary()
    >>> words.encode(pa.array(["b", "a", None, "b"])).tolist()
    [0, 1, -1, 0]
    >>> words.text()
    ['b', 'a']
    """

    def __init__(self, segments: Iterable[pa.Array] = ()) -> None:
        self._table = HashTable()
        self.segments: list[pa.Array] = []
        for segment in segments:
            self._table.put(hash_strings(segment), len(self))
            self.segments.append(segment)
        self.saved = len(self)

    def __len__(self) -> int:
        return sum(len(segment) for segment in self.segments)

    def encode(self, values: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.int32]:
        """Return the codes of ``values`` (strings, plain or dictionary-encoded), adding what is new."""
        if isinstance(values, pa.ChunkedArray):
            values = values.combine_chunks()
        if isinstance(values, pa.ChunkedArray):  # no chunks at all
            values = pa.concat_arrays(values.chunks) if values.num_chunks else pa.array([], pa.string())
        if not pa.types.is_dictionary(values.type):
            values = values.dictionary_encode()
        unique = values.dictionary.cast(pa.string())
        codes, new_rows = self._table.number(hash_strings(unique))
        if len(new_rows):
            self.segments.append(unique.take(pa.array(new_rows)))
        return _through(values.indices, codes)

    def find(self, values: pa.Array) -> npt.NDArray[np.int32]:
        """Return the codes of distinct values that are in the dictionary; others are left out."""
        codes = Dictionary.encode(self, values)
        return codes[(codes >= 0) & (codes < self.saved)]

    def new_values(self) -> pa.Array | None:
        """Return what was added since it was loaded, or None."""
        if len(self) == self.saved:
            return None
        return self.values().slice(self.saved)

    def values(self) -> pa.Array:
        """Return all values by code; null where erased."""
        return pa.concat_arrays(self.segments) if self.segments else pa.array([], pa.string())

    def text(self) -> list[str]:
        """Return all values by code, as Python strings."""
        return [ERASED if value is None else value for value in self.values().to_pylist()]

    def code_of(self, value: str) -> int:
        """Return the code of one value, -1 if it was never seen."""
        return int(self.values().index(value).as_py()) if len(self) else -1


def _through(indices: pa.Array, codes: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    with_null = np.append(codes, np.int32(-1))
    rows: npt.NDArray[np.int32] = indices.fill_null(len(codes)).to_numpy(zero_copy_only=False)
    return with_null[rows]


class Codes:
    """The dictionaries of all coded columns.

    Examples
    --------
    >>> codes = Codes()
    >>> codes["event"].encode(pa.array(["view"])).tolist()
    [0]
    >>> codes.text("event")
    ['view']
    """

    def __init__(self, dictionaries: dict[str, Dictionary] | None = None) -> None:
        self._dictionaries = dictionaries or {}

    def __getitem__(self, name: str) -> Dictionary:
        if name not in CODED.values():
            raise KeyError(f"no dictionary {name!r}; there are: {', '.join(CODED.values())}")
        return self._dictionaries.setdefault(name, Dictionary())

    def text(self, name: str) -> list[str]:
        """Return the values of one dictionary by code."""
        return self[name].text()
