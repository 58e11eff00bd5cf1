"""Columns of times."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cartpath.ingest import kernels
from cartpath.ingest.text import buffers
from cartpath.schema import CartpathError

Mask = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
_UNITS = {None: -1, "s": 1_000_000, "ms": 1000, "us": 1, "ns": 0}
_MICROS = pa.timestamp("us")
_FAR = -(2**62)


@dataclass(frozen=True)
class Clock:
    """How a source tells the time.

    Attributes
    ----------
    zone : str
        Of times without an offset, an IANA name.
    epoch : {None, "s", "ms", "us", "ns"}
        The unit of numbers; None tells it from each number's size.
    pattern : str, optional
        ``strptime`` format of text that is not ISO 8601.
    """

    zone: str = "UTC"
    epoch: str | None = None
    pattern: str | None = None

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError):
            raise CartpathError(f"no time zone {self.zone!r}", "use an IANA name, such as Europe/Berlin") from None
        if self.epoch not in _UNITS:
            raise CartpathError(f"no unit of time {self.epoch!r}", "use s, ms, us or ns")


def as_times(values: pa.Array, clock: Clock) -> tuple[Ints, Mask]:
    """Return a column as times.

    Parameters
    ----------
    values : pyarrow.Array (n,)
        Timestamps, dates, numbers since 1970, or text.
    clock : Clock

    Returns
    -------
    times : int64 array (n,)
        Microseconds since 1970, UTC.
    read : bool array (n,)
        Where there is a time that can be read.

    Examples
    --------
    >>> as_times(pa.array(["1970-01-01 00:00:01 UTC", "5", "soon"]), Clock())
    (array([1000000, 5000000,       0]), array([ True,  True, False]))
    """
    kind = values.type
    if pa.types.is_dictionary(kind):
        return as_times(values.cast(kind.value_type), clock)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _from_text(values.cast(pa.string()), clock)
    read = values.is_valid().to_numpy(zero_copy_only=False)
    if pa.types.is_timestamp(kind):
        micros = values.cast(pa.timestamp("us", kind.tz), safe=False).cast(pa.int64())
        times = micros.fill_null(0).to_numpy(zero_copy_only=False)
        return (times if kind.tz else _localise(times, clock.zone)), read
    if pa.types.is_date(kind):
        days = values.cast(pa.date32()).cast(pa.int32()).cast(pa.int64()).fill_null(0)
        return _localise(days.to_numpy(zero_copy_only=False) * 86_400_000_000, clock.zone), read
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return _from_numbers(values, clock, read)
    return np.zeros(len(values), np.int64), np.zeros(len(values), np.bool_)


def _from_numbers(values: pa.Array, clock: Clock, read: Mask) -> tuple[Ints, Mask]:
    unit = _UNITS[clock.epoch]
    if pa.types.is_integer(values.type):
        numbers = values.cast(pa.int64(), safe=False).fill_null(0).to_numpy(zero_copy_only=False)
        size, factor = np.abs(numbers), np.full(len(numbers), unit)
    else:
        numbers = values.cast(pa.float64()).fill_null(0).to_numpy(zero_copy_only=False)
        read = read & np.isfinite(numbers)
        size, factor = np.abs(np.where(read, numbers, 0)), np.full(len(numbers), unit)
    if unit < 0:
        factor = np.select([size < 1e11, size < 1e14, size < 1e17], [1_000_000, 1000, 1], 0)
    fits = read & (size < 2**62 / np.maximum(factor, 1))
    numbers = np.where(fits, numbers, 0)
    times = np.where(factor == 0, numbers // 1000, numbers * np.maximum(factor, 1))
    return np.where(fits, np.round(times).astype(np.int64) if times.dtype.kind == "f" else times, _FAR), read


def _from_text(values: pa.Array, clock: Clock) -> tuple[Ints, Mask]:
    times, verdict = np.zeros(len(values), np.int64), np.zeros(len(values), np.uint8)
    if clock.pattern:
        found = pc.strptime(values, format=clock.pattern, unit="us", error_is_null=True)
        read = found.is_valid().to_numpy(zero_copy_only=False)
        times = found.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
        has_offset = "%z" in clock.pattern
        return (times if has_offset else _localise(times, clock.zone)), read
    kernels.parse_times(*buffers(values), _UNITS[clock.epoch], times, verdict)
    verdict[values.is_null().to_numpy(zero_copy_only=False)] = kernels.NOTHING
    for row in np.flatnonzero(verdict == kernels.UNKNOWN):
        times[row], verdict[row] = _python(values[row].as_py(), _UNITS[clock.epoch])
    local = verdict == kernels.LOCAL
    if clock.zone != "UTC" and local.any():
        times[local] = _localise(times[local], clock.zone)
    read = (verdict == kernels.READ) | local
    times[~read] = 0
    return times, read


def _python(text: str, unit: int) -> tuple[int, int]:
    """What the kernel left: other ISO 8601, and numbers with an exponent."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return _number(text, unit)
    verdict = kernels.READ if moment.tzinfo else kernels.LOCAL
    delta = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86400 + delta.seconds) * 1_000_000 + delta.microseconds, int(verdict)


def _number(text: str, unit: int) -> tuple[int, int]:
    try:
        value = float(text)
    except ValueError:
        return 0, int(kernels.UNKNOWN)
    if value != value or "_" in text:
        return 0, int(kernels.UNKNOWN)
    if abs(value) > 2**62:
        return _FAR, int(kernels.READ)
    return int(kernels.scale_epoch(round(value), unit)), int(kernels.READ)


def _localise(times: Ints, zone: str) -> Ints:
    """Turn local times into UTC: of an hour that occurs twice the first, of one that is skipped its end."""
    if zone == "UTC":
        return times
    limit = 2**53  # year 2255: what is beyond is refused anyway, and Arrow's calendar ends somewhere
    inside = np.clip(times, -limit, limit)
    local = pa.array(inside, pa.int64()).cast(_MICROS)
    utc = pc.assume_timezone(local, zone, ambiguous="earliest", nonexistent="latest")
    out: Ints = utc.cast(pa.int64()).to_numpy(zero_copy_only=False)
    return out
