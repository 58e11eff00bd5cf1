"""Shares of a source that different processes read at the same time, and that one writer takes as its own.

A process does not know the codes that others give, so a share has codes of its own, and the text behind them. The
writer numbers these texts, share after share, just as if it had read all of it; building a bucket then looks up the
store's code of each of the share's.
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartpath.schema import REQUIRED, CartpathError, Columns
from cartpath.store.codes import CODED, Codes, Dictionary
from cartpath.store.files import load_arrays, save_arrays
from cartpath.store.hashing import hash_strings
from cartpath.store.once import keyed
from cartpath.store.prepare import prepare
from cartpath.store.spill import BucketFile, Places, streams, together

_KEYED = (*REQUIRED, Columns.session_id, Columns.hit, Columns.once)


def must_see(path: Path) -> None:
    """Look whether a file or folder that the driver named is seen from here.

    Raises
    ------
    CartpathError
        If it is not: this machine does not share the storage it lies on.
    """
    if not path.exists():
        raise CartpathError(
            f"{socket.gethostname()} does not see {path}",
            "on a cluster workspace and sources must lie on storage that all machines see under the same path",
        )


@dataclass(frozen=True)
class Share:
    """What one process read of a source, in files beside each other.

    Attributes
    ----------
    path : Path
        Events, cut by bucket; next to it the texts of its codes, its once-keys, and, once the writer has it, the
        store's codes.
    places : list of Places
        For each bucket.
    rows : int
    has_keys : bool
        Whether some row has a once-key.
    """

    path: Path
    places: list[Places]
    rows: int
    has_keys: bool

    def number(self, codes: Codes) -> None:
        """Give its texts the store's codes, and write these down for whoever builds buckets."""
        texts = load_arrays(_texts(self.path))
        save_arrays(_numbers(self.path), {name: pa.array(codes[name].encode(texts[name])) for name in texts})

    def keys(self) -> pa.Table | None:
        """Return its once-keys, as ``Once.note`` takes them."""
        return pa.table(load_arrays(_keys(self.path))) if self.has_keys else None


def _texts(path: Path) -> Path:
    return path.with_suffix(".texts")


def _numbers(path: Path) -> Path:
    return path.with_suffix(".numbers")


def _keys(path: Path) -> Path:
    return path.with_suffix(".keys")


class ShareWriter:
    """Takes canonical events, validated, in source order, and makes a ``Share`` of them.

    Parameters
    ----------
    folder : Path
        ``Writer.share_folder()``; it is not made here: where it is gone, so is the writer.
    n_buckets : int
    """

    def __init__(self, folder: Path, n_buckets: int) -> None:
        # A name of its own: a cluster may try the same task twice, even at the same time.
        self._file = BucketFile(folder / f"{secrets.token_hex(8)}.events", n_buckets, "lz4")
        self._codes = Codes()
        self._keys: list[pa.Table] = []
        self._rows = 0

    def add(self, events: pa.Table) -> None:
        """Take events, as ``Writer.add`` does."""
        if not len(events):
            return
        key = hash_strings(events[Columns.user_id])
        self._note(events)
        self._file.add(pa.table(dict(self._columns(events))), key)
        self._rows += len(events)

    def _note(self, events: pa.Table) -> None:
        if Columns.once in events.column_names:
            needed = events.select([name for name in _KEYED if name in events.column_names])
            some = needed.filter(needed[Columns.once].is_valid())
            keys = keyed(prepare(some, Codes())) if len(some) else None
            self._keys += [] if keys is None else [keys]

    def _columns(self, events: pa.Table) -> Iterator[tuple[str, pa.Array | pa.ChunkedArray]]:
        for name in events.column_names:
            values = events[name]
            if values.null_count == len(events) and name not in REQUIRED:
                continue
            if name in CODED:
                codes = self._codes[CODED[name]].encode(values)
                values = pa.array(codes, mask=codes < 0)
            yield name, values

    def finish(self) -> Share:
        """Write what the writer needs, and end the share."""
        self._file.close()
        path = self._file.path
        save_arrays(_texts(path), {name: self._codes[name].values() for name in CODED.values()})
        if self._keys:
            keys = pa.concat_tables(self._keys).combine_chunks()
            save_arrays(_keys(path), {name: keys[name].chunk(0) for name in keys.column_names})
        return Share(path, self._file.places, self._rows, bool(self._keys))

    def close(self) -> None:
        """End the file of a share that will not be finished."""
        self._file.close()


class _Numbers(Dictionary):
    """A dictionary whose texts are codes of a share already."""

    def __init__(self, numbers: npt.NDArray[np.int32]) -> None:
        super().__init__()
        self._by_code = np.append(numbers, np.int32(-1))

    def encode(self, values: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.int32]:
        if isinstance(values, pa.ChunkedArray):
            values = values.combine_chunks()
        codes: npt.NDArray[np.int32] = values.fill_null(-1).to_numpy(zero_copy_only=False)
        return self._by_code[codes]


@dataclass(frozen=True)
class SharedRows:
    """The rows of a bucket in several shares, in source order."""

    shares: list[tuple[Path, Places]]

    def read(self) -> pa.Table:
        """Return them as ``prepare`` makes them, with the store's codes."""
        for path, _ in self.shares:
            must_see(path)
        return together([self._rows(path, places) for path, places in self.shares])

    def _rows(self, path: Path, places: Places) -> pa.Table:
        numbers = load_arrays(_numbers(path))
        codes = Codes({name: _Numbers(values.to_numpy()) for name, values in numbers.items()})
        return prepare(pa.concat_tables(streams(path, places), promote_options="default"), codes)


def rows_of_shares(shares: list[Share], n_buckets: int) -> list[tuple[int, SharedRows]]:
    """Return the buckets that have rows in some share, and where these are."""
    found = []
    for bucket in range(n_buckets):
        filled = [(share.path, share.places[bucket]) for share in shares if share.places[bucket]]
        if filled:
            found.append((bucket, SharedRows(filled)))
    return found


class StoredValues(Mapping[str, pa.Array]):
    """The values of each dictionary by code, memory-mapped from files when they are asked for: light to send."""

    def __init__(self, folder: Path, names: tuple[str, ...]) -> None:
        self._folder, self._names = folder, names

    @classmethod
    def save(cls, folder: Path, values: Mapping[str, pa.Array]) -> StoredValues:
        """Write values for other processes."""
        for name, array in values.items():
            save_arrays(folder / f"{name}.arrow", {"values": array})
        return cls(folder, tuple(values))

    def __getitem__(self, name: str) -> pa.Array:
        return load_arrays(self._folder / f"{name}.arrow")["values"]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
