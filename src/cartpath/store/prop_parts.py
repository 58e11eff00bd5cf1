"""What one property holds in each part of the event store: kept beside it, as a part never changes.

For each row the code of its value among the part's own; and those values, by the order of their hash, so that parts
can be merged a range of hashes at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from cartpath.schema import Columns, CorruptStoreError
from cartpath.store.codes import Dictionary
from cartpath.store.files import load_arrays, save_arrays
from cartpath.store.hashing import hash_strings
from cartpath.store.json_values import labels_of

#: Values that keep a code of their own; the rest are counted together.
MOST = 100_000
#: Distinct values that are merged at a time.
_AT_ONCE = 1_000_000

Codes = npt.NDArray[np.int32]
Hashes = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class PropPart:
    """The values of a part.

    Attributes
    ----------
    codes : int32 array (n_rows,)
        -1 where there is none.
    values : pyarrow.StringArray (n,)
        By the order of their hash.
    hashes : uint64 array (n,)
    counts, numbers : int64 arrays (n,)
        Rows with the value, and those of them where it is a number.
    """

    codes: Codes
    values: pa.StringArray
    hashes: Hashes
    counts: Counts
    numbers: Counts

    @classmethod
    def load(cls, path: Path) -> PropPart:
        """Memory-map what ``save`` wrote."""
        stored = load_arrays(path)
        arrays = {name: stored[name].to_numpy() for name in ("codes", "hashes", "counts", "numbers")}
        return cls(values=stored["values"], **arrays)

    def save(self, path: Path) -> None:
        """Write it; it can be made again, so nobody waits for the disk."""
        columns = {name: pa.array(getattr(self, name)) for name in ("codes", "hashes", "counts", "numbers")}
        save_arrays(path, {**columns, "values": self.values}, durable=False)

    @classmethod
    def of(cls, part: Path, name: str) -> PropPart:
        """Read a part of the event store.

        Raises
        ------
        CorruptStoreError
            If the file is missing or damaged.
        """
        try:
            file = pq.ParquetFile(part)
            texts = file.read([Columns.props])[Columns.props] if Columns.props in file.schema_arrow.names else None
            rows = file.metadata.num_rows
        except (OSError, pa.ArrowInvalid) as error:
            raise CorruptStoreError(f"{part} is missing or damaged: {error}", "ingest its source again") from error
        known, codes, numbers = Dictionary(), [np.full(rows if texts is None else 0, -1, np.int32)], [_NOTHING]
        for chunk in [] if texts is None else texts.chunks:
            distinct = chunk.dictionary_encode()
            labels, is_number = labels_of(distinct.dictionary.cast(pa.string()), name)
            index = distinct.indices.fill_null(len(labels)).to_numpy(zero_copy_only=False)
            own = np.append(known.encode(labels), np.int32(-1))[index]
            codes.append(own)
            numbers.append(own[np.append(is_number, False)[index]])
        return cls._sorted(known.values(), np.concatenate(codes), np.concatenate(numbers))

    @classmethod
    def _sorted(cls, values: pa.StringArray, codes: Codes, numbers: Codes) -> PropPart:
        hashes = hash_strings(values)
        order = np.argsort(hashes)
        place = np.empty(len(values) + 1, np.int32)
        place[order], place[-1] = np.arange(len(values), dtype=np.int32), -1
        counted = [np.bincount(rows[rows >= 0], minlength=len(values))[order] for rows in (codes, numbers)]
        return cls(place[codes], values.take(pa.array(order)), hashes[order], *counted)


def some_texts(part: Path, rows: int) -> list[str]:
    """Return what ``props`` has in the first rows of a part."""
    file = pq.ParquetFile(part)
    if Columns.props not in file.schema_arrow.names:
        return []
    batches = file.iter_batches(rows, columns=[Columns.props])
    return [text for text in next(batches, pa.record_batch({Columns.props: []}))[0].to_pylist() if text]


_NOTHING = np.zeros(0, np.int32)


@dataclass(frozen=True)
class Labels:
    """The values of a property over the whole store, most frequent first.

    Attributes
    ----------
    values : pyarrow.StringArray (n,)
    hashes : uint64 array (n,)
    distinct : int
        Values in all.
    rows, numbers, left_out : int
        Events with a value; those where it is a number; those whose value is none of ``values``.
    """

    values: pa.StringArray
    hashes: Hashes
    distinct: int
    rows: int
    numbers: int
    left_out: int

    def codes_of(self, hashes: Hashes) -> Codes:
        """Return the code of each value, by its hash; of one that has none of its own ``len(values)`` (n,)."""
        order = np.argsort(self.hashes)
        at = np.searchsorted(self.hashes, hashes, sorter=order)
        found = np.append(order, 0)[at].astype(np.int32)
        known = np.append(self.hashes, np.uint64(0))[found] == hashes if len(order) else np.zeros(len(hashes), bool)
        return np.where(known, found, np.int32(len(self.values)))


def merge_labels(parts: Sequence[Path], most: int = MOST) -> Labels:
    """Choose the most frequent values of all parts, exactly, in memory for a million of them at a time.

    Values that are as frequent as each other are taken by their hash, so the choice does not depend on the parts.
    """
    sizes = np.array([_size(path) for path in parts], np.int64).reshape(len(parts), 3)
    n, rows, numbers = sizes.sum(axis=0).tolist()
    ranges = n // _AT_ONCE + 1
    bounds = [at * (2**64 // ranges) for at in range(1, ranges)]
    hashes, counts, distinct = np.zeros(0, np.uint64), np.zeros(0, np.int64), 0
    for lo, hi in zip([None, *bounds], [*bounds, None], strict=True):
        unique, summed = _summed([_within(path, lo, hi) for path in parts])
        distinct += len(unique)
        hashes, counts = np.concatenate([hashes, unique]), np.concatenate([counts, summed])
        best = np.lexsort((hashes, -counts))[:most]
        hashes, counts = hashes[best], counts[best]
    return Labels(_texts(parts, hashes), hashes, distinct, rows, numbers, rows - int(counts.sum()))


def _size(path: Path) -> tuple[int, int, int]:
    part = PropPart.load(path)
    return len(part.hashes), int(part.counts.sum()), int(part.numbers.sum())


def _within(path: Path, lo: int | None, hi: int | None) -> tuple[Hashes, Counts]:
    """Return the values of a part whose hashes are in a range, and how many rows have each."""
    part = PropPart.load(path)
    first = 0 if lo is None else int(np.searchsorted(part.hashes, np.uint64(lo)))
    last = len(part.hashes) if hi is None else int(np.searchsorted(part.hashes, np.uint64(hi)))
    return part.hashes[first:last].copy(), part.counts[first:last].copy()


def _summed(found: Sequence[tuple[Hashes, Counts]]) -> tuple[Hashes, Counts]:
    hashes = np.concatenate([np.zeros(0, np.uint64), *(one[0] for one in found)])
    counts = np.concatenate([np.zeros(0, np.int64), *(one[1] for one in found)])
    unique, inverse = np.unique(hashes, return_inverse=True)
    return unique, np.bincount(inverse, counts, len(unique)).astype(np.int64)


def _texts(parts: Sequence[Path], hashes: Hashes) -> pa.StringArray:
    """Return the texts of values by their hash."""
    found: list[str | None] = [None] * len(hashes)
    for path in parts:
        part = PropPart.load(path)
        if not len(part.hashes):
            continue
        at = np.minimum(np.searchsorted(part.hashes, hashes), len(part.hashes) - 1)
        rows = np.flatnonzero(part.hashes[at] == hashes)
        for row, text in zip(rows.tolist(), part.values.take(pa.array(at[rows])).to_pylist(), strict=True):
            found[row] = text
    return pa.array(found, pa.string())
