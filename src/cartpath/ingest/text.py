"""Columns of text: ids, names, words."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cartpath.ingest import kernels
from cartpath.ingest.readers.lines import MAX_LINE

Mask = npt.NDArray[np.bool_]


def single(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Return a column as one array."""
    if isinstance(column, pa.ChunkedArray):
        column = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    return column.chunk(0) if isinstance(column, pa.ChunkedArray) and column.num_chunks == 1 else column


def buffers(values: pa.Array) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
    """Return the offsets (n + 1,) and bytes of a string array."""
    _, offsets, data = values.buffers()
    if offsets is None or len(values) == 0:
        return np.zeros(len(values) + 1, np.int32), np.zeros(0, np.uint8)
    at = np.frombuffer(offsets, np.int32)[values.offset : values.offset + len(values) + 1]
    return at, np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)


def mask_of(values: pa.Array, function: Callable[..., int]) -> Mask | None:
    """Mark strings with a kernel (n,), null as False; None if none is."""
    out = np.zeros(len(values), np.bool_)
    if not function(*buffers(values), out):
        return None
    if values.null_count:
        out &= values.is_valid().to_numpy(zero_copy_only=False)
    return out if out.any() else None


def as_text(values: pa.Array, *, is_id: bool = False) -> pa.Array:
    """Return any scalar column as text, plain or dictionary-encoded; blank text is null.

    Parameters
    ----------
    values : pyarrow.Array (n,)
    is_id : bool
        Whether ``12345.0`` is the id 12345, as pandas writes whole numbers once one is missing.

    Returns
    -------
    pyarrow.Array (n,)
        ``string`` or ``dictionary<string>``.

    Examples
    --------
    >>> as_text(pa.array([7.0, None, 0.5]), is_id=True).to_pylist()
    ['7', None, '0.5']
    >>> as_text(pa.array(["7.0", " ", "a"]), is_id=True).to_pylist()
    ['7', None, 'a']
    """
    if pa.types.is_dictionary(values.type):
        words = as_text(values.dictionary, is_id=is_id)
        indices = values.indices.cast(pa.int32())
        if words.null_count:
            words = words.fill_null("")
            gone = np.flatnonzero(pc.equal(words, "").to_numpy(zero_copy_only=False))
            indices = pc.if_else(pc.is_in(indices, pa.array(gone, pa.int32())), pa.scalar(None, pa.int32()), indices)
        return pa.DictionaryArray.from_arrays(indices, words)
    text = _cast(values)
    blank = mask_of(text, kernels.blank_rows)
    if blank is not None:
        text = pc.if_else(pa.array(blank), pa.scalar(None, pa.string()), text)
    if is_id and (whole := mask_of(text, kernels.whole_rows)) is not None:
        text = pc.if_else(pa.array(whole), pc.utf8_slice_codeunits(text, 0, -2), text)
    return text


def _cast(values: pa.Array) -> pa.Array:
    kind = values.type
    if kind == pa.string():
        return values
    if pa.types.is_floating(kind):
        return _floats(values)
    if pa.types.is_null(kind):
        return pa.nulls(len(values), pa.string())
    return values.cast(pa.string())


def _floats(values: pa.Array) -> pa.Array:
    """Whole numbers without a fraction, others as Python writes them, NaN as null."""
    return pa.array([_float_text(value) for value in values.to_pylist()], pa.string())


def _float_text(value: float | None) -> str | None:
    if value is None or value != value:
        return None
    return str(int(value)) if abs(value) < 2**63 and value == int(value) else repr(value)


def encoded(text: pa.Array) -> pa.Array:
    """Dictionary-encode text, if it is not."""
    return text if pa.types.is_dictionary(text.type) else text.dictionary_encode()


def defects(values: pa.Array) -> tuple[Mask | None, Mask | None, Mask | None]:
    """Mark text that is not UTF-8, has NULs, or is over ``MAX_LINE`` bytes (n,); None where there is none."""
    if pa.types.is_dictionary(values.type):
        found = defects(values.dictionary)
        return tuple(None if m is None else _through(m, values.indices) for m in found)  # type: ignore[return-value]
    if not (_is_texty(values.type)) or not len(values):
        return None, None, None
    raw = values.cast(pa.large_binary())
    lengths = pc.binary_length(raw).fill_null(0).to_numpy(zero_copy_only=False)
    large = lengths > MAX_LINE
    return _not_utf8(raw), _with_nul(values, raw), large if large.any() else None


def _is_texty(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
    )  # fmt: skip


def _not_utf8(raw: pa.Array) -> Mask | None:
    try:
        raw.cast(pa.large_string())
    except pa.ArrowInvalid:
        return np.array([not _decodes(value) for value in raw.to_pylist()], np.bool_)
    return None


def _decodes(value: bytes | None) -> bool:
    try:
        (value or b"").decode()
    except UnicodeDecodeError:
        return False
    return True


def _with_nul(values: pa.Array, raw: pa.Array) -> Mask | None:
    data = values.buffers()[2]
    if data is None or (np.frombuffer(data, np.uint8) != 0).all():
        return None
    found = pc.match_substring(raw, b"\0").fill_null(False).to_numpy(zero_copy_only=False)
    return found if found.any() else None


def _through(mask: Mask, indices: pa.Array) -> Mask:
    rows = indices.cast(pa.int64()).fill_null(len(mask)).to_numpy(zero_copy_only=False)
    marked: Mask = np.append(mask, False)[rows]
    return marked
