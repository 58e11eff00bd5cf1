"""Canonical events to rows: ids become hashes, repeated text becomes codes, each row gets a fingerprint."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartpath.schema import CONTEXT, REQUIRED, CartpathError, Columns, event_schema
from cartpath.store.codes import CODED, Codes
from cartpath.store.hashing import hash_strings, mix
from cartpath.store.jit import kernel
from cartpath.store.path import NO_CODE, NO_QUANTITY

#: Names of a row's own columns; the text it came from stays beside them under its canonical name.
USER_KEY, ORDER, SESSION_KEY, ROW_HASH, HIT, ONCE, BLANKED, RECEIVED = (
    "user_key",
    "order",
    "session_key",
    "row_hash",
    "hit",
    "once",
    "blanked",
    "received",
)
_TEXT = (Columns.user_id, Columns.session_id, Columns.order_id, Columns.event_id, Columns.props)
_NUMBERS = (Columns.price, Columns.order_value)

Array = npt.NDArray[Any]
Keys = npt.NDArray[np.uint64]


@kernel
def _add_column(total: Keys, values: Keys, salt: np.uint64, null: np.uint64) -> None:
    # A sum, so that a column that is all null and one that is absent give the same fingerprint.
    for row in range(len(total)):
        if values[row] != null:
            total[row] += mix(values[row] * np.uint64(0x9E3779B97F4A7C15) + salt)


@kernel
def _finish(total: Keys) -> None:
    for row in range(len(total)):
        total[row] = mix(total[row]) | np.uint64(1)


@kernel
def fingerprint(values: Keys, salts: Keys) -> np.uint64:
    """Return the fingerprint of one row without an event id, of the bits of those columns that are not null.

    ``salts`` are those of the columns: their position in ``event_schema()``, from 1, times 2^40.
    """
    total = np.uint64(0)
    for at in range(len(values)):
        total += mix(values[at] * np.uint64(0x9E3779B97F4A7C15) + salts[at])
    return mix(total) | np.uint64(1)


def prepare(table: pa.Table, codes: Codes) -> pa.Table:
    """Turn canonical events into rows for a ``Run``.

    Parameters
    ----------
    table : pyarrow.Table (n events)
        Any of the columns of ``schema.event_schema()``; ``user_id``, ``ts`` and ``event`` without nulls. May also
        have the internal columns ``hit``, ``once``, ``blanked`` and ``received`` of ``schema.Columns``.
    codes : Codes
        Extended with the values that are new.

    Returns
    -------
    pyarrow.Table (n rows)
        Columns that are null throughout are left out.

    Raises
    ------
    CartpathError
        If a required column is missing or has nulls.
    """
    _check(table)
    n = len(table)
    out: dict[str, Any] = {}
    total = np.zeros(n, np.uint64)
    for position, field in enumerate(event_schema()):
        name = field.name
        if name not in table.column_names or (table[name].null_count == n and name not in REQUIRED):
            continue
        column = table[name].combine_chunks()
        if isinstance(column, pa.ChunkedArray):
            column = column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)
        values, null = _encode(name, column, codes, out)
        _add_column(total, values, np.uint64(position + 1) << np.uint64(40), null)
    _finish(total)
    out[ROW_HASH] = _prefer_event_id(total, out).view(np.int64)
    out.pop("_event_id_hash", None)
    _internal(table, out)
    return pa.table(out)


def _check(table: pa.Table) -> None:
    for name in REQUIRED:
        if name not in table.column_names:
            raise CartpathError(f"events lack the column {name!r}", "every event needs a user, a time and a name")
        if table[name].null_count:
            raise CartpathError(f"{table[name].null_count} events have no {name!r}", "ingest quarantines such rows")


def _encode(name: str, column: pa.Array, codes: Codes, out: dict[str, Any]) -> tuple[Array, np.uint64]:
    """Put the column's rows into ``out``; return their bits for the fingerprint and which bits mean null."""
    if name in CODED:
        code = codes[CODED[name]].encode(column)
        out[CODED[name]] = code
        return code.view(np.uint32).astype(np.uint64), np.uint64(np.uint32(0xFFFFFFFF))
    if name in _TEXT:
        return _encode_text(name, column, out), np.uint64(0)
    if name == Columns.ts:
        ts = column.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_numpy(zero_copy_only=False)
        out[name] = ts
        return ts.view(np.uint64), np.uint64(2**63)
    if name in _NUMBERS:
        number = column.cast(pa.float64()).fill_null(float("nan")).to_numpy(zero_copy_only=False) + 0.0  # no -0.0
        out[name] = number
        bits = number.view(np.uint64).copy()
        bits[np.isnan(number)] = 2**63
        return bits, np.uint64(2**63)
    empty = NO_QUANTITY if name == Columns.quantity else NO_CODE
    whole = column.cast(pa.int32()).fill_null(int(empty)).to_numpy(zero_copy_only=False)
    if empty == NO_CODE:
        whole = np.maximum(whole, NO_CODE)  # a negative visit number is none
    out[name] = whole
    return whole.view(np.uint32).astype(np.uint64), np.uint64(np.asarray(empty).view(np.uint32))


_HASHED = {
    Columns.user_id: USER_KEY,
    Columns.session_id: SESSION_KEY,
    Columns.order_id: ORDER,
    Columns.event_id: "_event_id_hash",
}


def _encode_text(name: str, column: pa.Array, out: dict[str, Any]) -> Array:
    hashed = hash_strings(column)
    out[name] = column.cast(pa.string()) if column.type != pa.string() else column
    if name in _HASHED:
        key = _HASHED[name]
        out[key] = hashed if key in (USER_KEY, "_event_id_hash") else hashed.view(np.int64)
    return hashed


def _prefer_event_id(total: Array, out: dict[str, Any]) -> Array:
    """A row with an event id is identified by user and id, any other by all its columns."""
    ids = out.get("_event_id_hash")
    if ids is None:
        return total
    both = out[USER_KEY] ^ (ids * np.uint64(0x9E3779B97F4A7C15))
    return np.where(ids != 0, both | np.uint64(1), total)


def _internal(table: pa.Table, out: dict[str, Any]) -> None:
    for source, target in ((Columns.hit, HIT), (Columns.once, ONCE)):
        if source in table.column_names and table[source].null_count < len(table):
            out[target] = _hash_any(table[source])
    if Columns.blanked in table.column_names:
        # Numbers where it comes from a part.
        blanked = table[Columns.blanked].combine_chunks().cast(pa.uint8()).fill_null(0).to_numpy(zero_copy_only=False)
        if blanked.any():
            out[BLANKED] = blanked
    if Columns.received in table.column_names and table[Columns.received].null_count < len(table):
        # Not part of the fingerprint: the same event may be received twice.
        received = table[Columns.received].combine_chunks().cast(pa.int64()).fill_null(0)
        out[RECEIVED] = received.to_numpy(zero_copy_only=False)


def _hash_any(column: pa.ChunkedArray) -> Array:
    if not pa.types.is_integer(column.type):
        return hash_strings(column).view(np.int64)
    values = column.combine_chunks().cast(pa.int64()).fill_null(-(2**63)).to_numpy(zero_copy_only=False)
    total = np.zeros(len(values), np.uint64)
    _add_column(total, values.view(np.uint64), np.uint64(1), np.uint64(2**63))
    return total.view(np.int64)


def context_of(rows: pa.Table) -> dict[str, Array]:
    """Return the context columns that rows have, as int32 arrays (n,)."""
    names = [name for name in CONTEXT if name in rows.column_names]
    return {name: rows[name].to_numpy() for name in names}
