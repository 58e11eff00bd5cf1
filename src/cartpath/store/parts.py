"""Parts of the event store: immutable Parquet, every column as it was ingested, sorted in path order."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from cartpath.schema import Columns, CorruptStoreError, event_schema
from cartpath.store import kernels
from cartpath.store.codes import CODED
from cartpath.store.files import atomic
from cartpath.store.path import NO_CODE, NO_QUANTITY
from cartpath.store.prepare import BLANKED, HIT, ONCE, RECEIVED
from cartpath.store.run import column

Array = npt.NDArray[Any]

#: Columns of a part that hold what a rebuild of the path table needs beyond the canonical ones.
KEPT = {HIT: Columns.hit, ONCE: Columns.once, BLANKED: Columns.blanked, RECEIVED: Columns.received}
_BIG = 2**31 - 2**16


def write_part(path: Path, rows: pa.Table, order: Array, codes: Mapping[str, pa.Array], durable: bool = True) -> None:
    """Write rows as a part.

    Parameters
    ----------
    path : Path
    rows : pyarrow.Table
        As ``prepare`` makes them.
    order : int64 array
        Rows in path order.
    codes : mapping of str to pyarrow.Array
        The values of each dictionary by code.
    durable : bool
        As in ``files.atomic``.
    """
    columns = {}
    for field in event_schema():
        source = CODED.get(field.name, field.name)
        if source in rows.column_names:
            columns[field.name] = _column(field, rows, source, order, codes)
    for source, target in KEPT.items():
        if source in rows.column_names:
            columns[target] = pa.array(kernels.take(column(rows, source), order))
    save_part(path, pa.table(columns), durable)


def save_part(path: Path, table: pa.Table, durable: bool = True) -> None:
    """Write canonical events, in path order already, as a part."""
    with atomic(path, durable) as temporary:
        pq.write_table(
            table,
            temporary,
            compression="lz4",
            use_dictionary=[name for name in table.column_names if _repeats(name)],
            column_encoding={Columns.ts: "DELTA_BINARY_PACKED"},
            write_statistics=[Columns.ts, Columns.user_id],
            store_schema=False,
        )


def small_from(sizes: list[int]) -> int:
    """Return from which part on the newest are joined: none is more than twice as large as all after it.

    So a part is written again only after about doubling, and the number of parts grows with the logarithm of appends.

    Examples
    --------
    >>> small_from([900, 40, 10, 10]), small_from([900, 40, 10])
    (1, 2)
    """
    first, after = len(sizes) - 1, sizes[-1]
    while first and sizes[first - 1] <= 2 * after:
        first -= 1
        after += sizes[first]
    return first


def join_parts(path: Path, parts: list[Path], durable: bool = True) -> None:
    """Write several parts as one, one after the other: of equal times, the older part's events stay first."""
    save_part(path, pa.concat_tables([read_part(part) for part in parts], promote_options="default"), durable)


def _repeats(name: str) -> bool:
    # Sessions repeat too, but only in runs, which the compression takes for half the time a dictionary would.
    return name not in (Columns.ts, Columns.session_id, Columns.event_id, Columns.props, Columns.hit)


def _column(field: pa.Field, rows: pa.Table, source: str, order: Array, codes: Mapping[str, pa.Array]) -> pa.Array:
    if field.name in CODED:
        return _decode(kernels.take(column(rows, source), order), codes[source])
    if field.type == pa.string():
        return _take_text(rows[source], order)
    values = kernels.take(column(rows, source), order)
    if field.name == Columns.ts:
        return pa.array(values).cast(field.type)
    if pa.types.is_floating(field.type):
        return pa.array(values, mask=np.isnan(values))
    empty = NO_QUANTITY if field.name == Columns.quantity else NO_CODE
    return pa.array(values, mask=values == empty).cast(field.type)


def _take_text(values: pa.ChunkedArray, order: Array) -> pa.Array:
    if values.nbytes > _BIG:  # 32-bit offsets would overflow
        values = values.cast(pa.large_string())
    whole = values.chunk(0) if values.num_chunks == 1 else values.combine_chunks()
    return whole.take(pa.array(order))


def _decode(code: Array, values: pa.Array) -> pa.DictionaryArray:
    """Return codes as a dictionary array of just the values in use, which Parquet writes as it is."""
    index, used, absent = kernels.compact(code, len(values))
    indices = pa.array(index, mask=index < 0) if absent else pa.array(index)
    return pa.DictionaryArray.from_arrays(indices, values.take(pa.array(used)))


def read_part(path: Path) -> pa.Table:
    """Read a part back as canonical events with the internal columns, for ``prepare``.

    Raises
    ------
    CorruptStoreError
        If the file is missing or damaged.
    """
    table = _read(path)
    known = {field.name: field.type for field in event_schema()}
    types = [pa.field(f.name, known.get(f.name, f.type)) for f in table.schema]
    return table.cast(pa.schema(types))


def distinct_texts(path: Path) -> dict[str, pa.Array]:
    """Return the distinct values of each coded column that a part has."""
    table = _read(path, only=list(CODED)).unify_dictionaries()
    return {name: table[name].unique().dictionary_decode() for name in table.column_names}


def _read(path: Path, only: list[str] | None = None) -> pa.Table:
    try:
        names = pq.read_schema(path).names
        texts = [name for name in names if only and name in only]
        return pq.read_table(path, columns=texts if only else names, read_dictionary=texts)
    except (OSError, pa.ArrowInvalid) as error:
        raise CorruptStoreError(f"{path} is missing or damaged: {error}", "ingest its source again") from error
