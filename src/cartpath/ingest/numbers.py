"""Columns of numbers: prices, quantities."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cartpath.ingest import kernels
from cartpath.ingest.text import buffers

Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
_POWERS = 10.0 ** np.arange(17)
#: Money at and above this has lost its cents in a double.
MAX_MONEY = 1e15


def as_numbers(values: pa.Array, point: str = ".") -> tuple[Floats, Mask, Mask]:
    """Return a column as numbers.

    Parameters
    ----------
    values : pyarrow.Array (n,)
    point : str
        The decimal point of numbers written as text.

    Returns
    -------
    numbers : float64 array (n,)
        May be infinite or NaN where the source says so.
    present : bool array (n,)
        Where there is a value.
    wrong : bool array (n,)
        Where there is one, but no number.

    Examples
    --------
    >>> numbers, present, wrong = as_numbers(pa.array(["1.5", None, "abc", "1e3"]))
    >>> numbers[present & ~wrong].tolist(), wrong.tolist()
    ([1.5, 1000.0], [False, False, True, False])
    """
    kind = values.type
    if pa.types.is_dictionary(kind):
        return as_numbers(values.cast(kind.value_type), point)
    present = values.is_valid().to_numpy(zero_copy_only=False)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _parse(values.cast(pa.string()), present, point)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        numbers = values.cast(pa.float64(), safe=False).fill_null(0.0).to_numpy(zero_copy_only=False)
        return numbers, present, np.zeros(len(values), np.bool_)
    return np.zeros(len(values)), present, present.copy()


def _parse(values: pa.Array, present: Mask, point: str) -> tuple[Floats, Mask, Mask]:
    numbers, verdict = np.zeros(len(values)), np.zeros(len(values), np.uint8)
    kernels.parse_numbers(*buffers(values), ord(point), _POWERS, numbers, verdict)
    present = present & (verdict != kernels.NOTHING)
    wrong = present & (verdict == kernels.UNKNOWN)
    for row in np.flatnonzero(wrong):
        number = _python(values[row].as_py(), point)
        if number is not None:
            numbers[row], wrong[row] = number, False
    return numbers, present, wrong


def _python(text: str, point: str) -> float | None:
    try:
        return float(text.replace(point, ".")) if "_" not in text else None
    except ValueError:
        return None


def whole(numbers: Floats, present: Mask) -> tuple[npt.NDArray[np.int32], Mask]:
    """Return numbers as int32 (n,), and which of those present do not fit (n,)."""
    with np.errstate(invalid="ignore"):
        fits = np.isfinite(numbers) & (np.abs(numbers) < 2**31) & (numbers == np.floor(numbers))
    out = np.where(fits, numbers, 0).astype(np.int32)
    return out, present & ~fits
