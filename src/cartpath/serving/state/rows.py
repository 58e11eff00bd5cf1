"""Live events in memory: a row of numbers each, and for each user the places of its rows. No text is kept."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartpath.schema import CONTEXT, Columns
from cartpath.serving.state.given import Given
from cartpath.serving.state.plain import NAMES
from cartpath.serving.state.words import LiveCodes
from cartpath.store.codes import CODED
from cartpath.store.hashing import hash_strings
from cartpath.store.path import FLAG_BLANKED, NO_CODE, NO_QUANTITY
from cartpath.store.prepare import BLANKED, ORDER, ROW_HASH, SESSION_KEY, USER_KEY, context_of, fingerprint
from cartpath.store.run import column

#: A live event, 130 bytes; names are those of ``store.run.Run.arrays``.
ROW = np.dtype(
    [
        (Columns.ts, np.int64),
        ("event", np.int32),
        ("item", np.int32),
        ("page", np.int32),
        ("query", np.int32),
        ("quantity", np.int32),
        ("price", np.float64),
        (ORDER, np.int64),
        ("order_value", np.float64),
        (SESSION_KEY, np.int64),
        (ROW_HASH, np.int64),
        ("flags", np.uint8),
        ("context", np.int32, (len(CONTEXT),)),
    ]
)
_NOTHING = np.zeros((), ROW)
for _name, _value in {"item": NO_CODE, "page": NO_CODE, "query": NO_CODE, "context": NO_CODE}.items():
    _NOTHING[_name] = _value
_NOTHING["quantity"], _NOTHING["price"], _NOTHING["order_value"] = NO_QUANTITY, np.nan, np.nan
_SALTS = {name: np.uint64(at + 1) << np.uint64(40) for at, name in enumerate(NAMES)}
_HASHED = {Columns.session_id: SESSION_KEY, Columns.order_id: ORDER}
_TEXT = frozenset((*CODED, Columns.user_id, Columns.session_id, Columns.order_id, Columns.event_id, Columns.props))
_PLACE = {name: at for at, name in enumerate(CONTEXT)}
_GOLDEN, _ALL = 0x9E3779B97F4A7C15, (1 << 64) - 1
Row = npt.NDArray[np.void]


def encode(event: Given, codes: LiveCodes) -> tuple[int, Row]:
    """Return the key of the event's user and its row (); the same numbers as ``store.prepare`` makes of a table.

    Parameters
    ----------
    event : Given
    codes : LiveCodes
        Extended with the texts that are new.
    """
    values = event.values
    named = [name for name in values if name in _TEXT]
    hashes = hash_strings(pa.array([values[name] for name in named], pa.string()))
    row, bits = _NOTHING.copy(), dict[str, int]()
    for at, name in enumerate(named):
        if name in CODED:
            code = codes[CODED[name]].code(values[name], hashes[at : at + 1])
            bits[name] = code
            _put(row, name, code)
        else:
            bits[name] = int(hashes[at])
            if name in _HASHED:
                row[_HASHED[name]] = hashes[at].view(np.int64)
    for name in values.keys() - _TEXT:
        bits[name] = _number(row, name, values[name])
    if event.blanked:
        row["flags"] = FLAG_BLANKED
    row[ROW_HASH] = _fingerprint(bits)
    return bits[Columns.user_id], row


def _put(row: Row, name: str, code: int) -> None:
    if name in _PLACE:
        row["context"][_PLACE[name]] = code
    else:
        row[CODED[name]] = code


def _number(row: Row, name: str, value: Any) -> int:
    """Put a number into its place; return its bits for the fingerprint, -1 where they mean null."""
    if name in _PLACE:
        whole = max(int(value), int(NO_CODE))
        row["context"][_PLACE[name]] = whole
        return whole
    if name in (Columns.price, Columns.order_value):
        row[name] = value + 0.0  # no -0.0
        return int(row[name].view(np.uint64))
    row[name] = value
    return int(value) & _ALL if name == Columns.ts else int(value) & 0xFFFFFFFF


def _fingerprint(bits: dict[str, int]) -> np.int64:
    event_id = bits.get(Columns.event_id)
    if event_id is not None:
        both = (bits[Columns.user_id] ^ (event_id * _GOLDEN & _ALL)) | 1
        return np.uint64(both).view(np.int64)
    known = [(name, value) for name, value in bits.items() if value != -1]
    values = np.array([value for _, value in known], np.uint64)
    salts = np.array([_SALTS[name] for name, _ in known], np.uint64)
    return np.uint64(fingerprint(values, salts)).view(np.int64)


def rows_of_table(prepared: pa.Table) -> Row:
    """Return rows (n,) of events as ``store.prepare`` makes them."""
    out = np.full(len(prepared), _NOTHING)
    for name in ROW.names or ():
        if name in prepared.column_names:
            out[name] = column(prepared, name)
    for name, values in context_of(prepared).items():
        out["context"][:, _PLACE[name]] = values
    if BLANKED in prepared.column_names:
        out["flags"] = column(prepared, BLANKED) * FLAG_BLANKED
    return out


class LiveRows:
    """The live events there are, in the order of the log.

    Attributes
    ----------
    latest : int
        The latest moment of any of them, also of those that are dropped since; microseconds since 1970 UTC.
    """

    def __init__(self) -> None:
        self.latest = 0
        self._rows = np.zeros(1024, ROW)
        self._n = self._live = 0
        self._of: dict[int, array[int]] = {}

    def __len__(self) -> int:
        return self._live

    @property
    def users(self) -> int:
        """Users with a live event."""
        return len(self._of)

    def __contains__(self, key: int) -> bool:
        return key in self._of

    def count(self, key: int) -> int:
        """Return how many events a user has."""
        return len(self._of.get(key, ()))

    def of(self, key: int) -> Row:
        """Return a user's rows in the order of the log, copied."""
        places = self._of.get(key)
        return self._rows[:0] if places is None else self._rows[np.frombuffer(places, np.uint32)]

    def has(self, key: int, row: Row) -> bool:
        """Whether a user has the event already."""
        places = self._of.get(key)
        if places is None:
            return False
        return bool((self._rows[ROW_HASH][np.frombuffer(places, np.uint32)] == row[ROW_HASH]).any())

    def hashes(self) -> npt.NDArray[np.uint64]:
        """Return the fingerprints of all rows."""
        return self._rows[ROW_HASH][: self._n].view(np.uint64)

    def add(self, key: int, row: Row) -> None:
        """Add an event that is not there yet."""
        at = self._reserve(1)
        self._rows[at] = row
        self.latest = max(self.latest, int(row["ts"]))
        places = self._of.get(key)
        if places is None:
            self._of[key] = array("I", (at,))
        else:
            # A fresh one: a reader may hold a view of the old, which forbids it to grow.
            self._of[key] = places + array("I", (at,))

    def add_table(self, prepared: pa.Table) -> None:
        """Add many events that are not there yet, as ``store.prepare`` makes them."""
        first, keys = self._reserve(len(prepared)), column(prepared, USER_KEY)
        self._rows[first : first + len(keys)] = rows_of_table(prepared)
        self.latest = max(self.latest, int(self._rows["ts"][first : first + len(keys)].max(initial=self.latest)))
        order = np.argsort(keys, kind="stable")
        unique, starts = np.unique(keys[order], return_index=True)
        places = (order + first).astype(np.uint32).tobytes()
        ends = [*(4 * starts).tolist(), len(places)]
        for at, key in enumerate(unique.tolist()):
            own = array("I", places[ends[at] : ends[at + 1]])
            before = self._of.get(key)
            self._of[key] = own if before is None else before + own

    def drop(self, keys: Iterable[int]) -> int:
        """Forget users; return how many events went."""
        gone = 0
        for key in keys:
            places = self._of.pop(key, None)
            if places is not None:
                self._rows[np.frombuffer(places, np.uint32)] = _NOTHING
                gone += len(places)
        self._live -= gone
        return gone

    def _reserve(self, more: int) -> int:
        first, self._n, self._live = self._n, self._n + more, self._live + more
        if self._n > len(self._rows):
            grown = np.zeros(max(self._n, 2 * len(self._rows)), ROW)
            grown[:first] = self._rows[:first]
            self._rows = grown
        return first
