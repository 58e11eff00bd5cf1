"""Text to times and numbers, compiled: one pass over the bytes, a verdict for each row, no exceptions."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.store.jit import kernel

Bytes = npt.NDArray[np.uint8]
Offsets = npt.NDArray[np.int32]
Ints = npt.NDArray[np.int64]

#: Verdicts on a text: nothing there; read; read, but without an offset from UTC; not read, ask Python.
NOTHING, READ, LOCAL, UNKNOWN = np.uint8(0), np.uint8(1), np.uint8(2), np.uint8(3)

_SPACE = np.uint8(32)


@kernel
def _digits(data: Bytes, at: int, n: int, end: int) -> int:
    """Read exactly ``n`` digits; -1 if they are not there."""
    if at + n > end:
        return -1
    value = 0
    for place in range(at, at + n):
        digit = int(data[place]) - 48
        if digit < 0 or digit > 9:
            return -1
        value = value * 10 + digit
    return value


@kernel
def _days(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 (Hinnant, chrono-compatible low-level date algorithms)."""
    year -= month <= 2
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468


@kernel
def _valid_day(year: int, month: int, day: int) -> bool:
    if year < 1 or month < 1 or month > 12 or day < 1:
        return False
    if month == 2:
        leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        return day <= (29 if leap else 28)
    return day <= (30 if month in (4, 6, 9, 11) else 31)


@kernel
def scale_epoch(value: int, unit: int) -> int:
    """Return microseconds; ``unit`` is microseconds a unit, 0 for nanoseconds, -1 to tell by size."""
    if unit < 0:
        size = abs(value)
        unit = 1_000_000 if size < 10**11 else 1000 if size < 10**14 else 1 if size < 10**17 else 0
    if unit == 0:
        return value // 1000
    if abs(value) > (2**62) // unit:
        return -(2**62)
    return value * unit


@kernel
def _number_time(data: Bytes, lo: int, hi: int, unit: int, out: Ints, row: int) -> np.uint8:
    """Read an epoch number, with or without a fraction, or a date written as 8 or 14 digits."""
    negative = data[lo] == 45
    at = lo + 1 if negative else lo
    start, value = at, 0
    while at < hi and 48 <= data[at] <= 57 and at - start < 19:
        value = value * 10 + (int(data[at]) - 48)
        at += 1
    n = at - start
    if n == 0 or n > 18:
        return UNKNOWN
    if at == hi and not negative and n in (8, 14):
        year, month, day = _digits(data, lo, 4, hi), _digits(data, lo + 4, 2, hi), _digits(data, lo + 6, 2, hi)
        hour, minute, second = 0, 0, 0
        if n == 14:
            hour, minute, second = (
                _digits(data, lo + 8, 2, hi),
                _digits(data, lo + 10, 2, hi),
                _digits(data, lo + 12, 2, hi),
            )
        if 1900 <= year < 2200 and _valid_day(year, month, day) and hour < 24 and minute < 60 and second < 61:
            out[row] = ((_days(year, month, day) * 24 + hour) * 60 + minute) * 60_000_000 + second * 1_000_000
            return LOCAL
    fraction, weight = 0, 1_000_000
    if at < hi and data[at] == 46:
        at += 1
        while at < hi and 48 <= data[at] <= 57:
            if weight > 1:
                weight //= 10
                fraction += (int(data[at]) - 48) * weight
            at += 1
    if at != hi:
        return UNKNOWN
    if unit < 0:
        unit = 1_000_000 if value < 10**11 else 1000 if value < 10**14 else 1 if value < 10**17 else 0
    micros = scale_epoch(value, unit) + (fraction * unit) // 1_000_000
    out[row] = -micros if negative else micros
    return READ


@kernel
def _zone(data: Bytes, at: int, hi: int) -> int:
    """Read the offset from UTC in minutes; 10000 if there is none, 20000 if it cannot be read."""
    while at < hi and data[at] == _SPACE:
        at += 1
    if at == hi:
        return 10000
    n = hi - at
    if n == 1 and (data[at] == 90 or data[at] == 122):  # Z
        return 0
    if n == 3 and (
        (data[at] == 85 and data[at + 1] == 84 and data[at + 2] == 67)  # UTC
        or (data[at] == 71 and data[at + 1] == 77 and data[at + 2] == 84)  # GMT
    ):
        return 0
    if data[at] != 43 and data[at] != 45:
        return 20000
    hours, minutes = _digits(data, at + 1, 2, hi), 0
    if n == 5:
        minutes = _digits(data, at + 3, 2, hi)
    elif n == 6 and data[at + 3] == 58:
        minutes = _digits(data, at + 4, 2, hi)
    elif n != 3:
        return 20000
    if hours < 0 or hours > 23 or minutes < 0 or minutes > 59:
        return 20000
    total = hours * 60 + minutes
    return -total if data[at] == 45 else total


@kernel
def _iso_time(data: Bytes, lo: int, hi: int, out: Ints, row: int) -> np.uint8:
    year, month, day = _digits(data, lo, 4, hi), _digits(data, lo + 5, 2, hi), _digits(data, lo + 8, 2, hi)
    if year < 0 or month < 0 or day < 0 or data[lo + 4] != data[lo + 7] or not _valid_day(year, month, day):
        return UNKNOWN
    if data[lo + 4] != 45 and data[lo + 4] != 47:
        return UNKNOWN
    micros = _days(year, month, day) * 86_400_000_000
    at = lo + 10
    if at < hi:
        if data[at] != 84 and data[at] != 116 and data[at] != _SPACE:
            return UNKNOWN
        hour, minute, second = _digits(data, at + 1, 2, hi), _digits(data, at + 4, 2, hi), 0
        if hour < 0 or minute < 0 or hour > 23 or minute > 59 or data[at + 3] != 58:
            return UNKNOWN
        at += 6
        if at < hi and data[at] == 58:
            second = _digits(data, at + 1, 2, hi)
            if second < 0 or second > 60:
                return UNKNOWN
            at += 3
            if at < hi and data[at] == 46:
                at += 1
                weight = 1_000_000
                while at < hi and 48 <= data[at] <= 57:
                    weight //= 10
                    micros += (int(data[at]) - 48) * weight
                    at += 1
        micros += (hour * 3600 + minute * 60 + second) * 1_000_000
    zone = _zone(data, at, hi)
    if zone == 20000:
        return UNKNOWN
    out[row] = micros if zone == 10000 else micros - zone * 60_000_000
    return LOCAL if zone == 10000 else READ


@kernel
def parse_times(offsets: Offsets, data: Bytes, unit: int, out: Ints, verdict: Bytes) -> None:
    """Read times (n,) into microseconds since 1970; those without an offset are left as local."""
    for row in range(len(out)):
        lo, hi = int(offsets[row]), int(offsets[row + 1])
        while lo < hi and data[lo] <= _SPACE:
            lo += 1
        while lo < hi and data[hi - 1] <= _SPACE:
            hi -= 1
        if lo == hi:
            verdict[row] = NOTHING
        elif hi - lo >= 10 and (data[lo + 4] == 45 or data[lo + 4] == 47):
            verdict[row] = _iso_time(data, lo, hi, out, row)
        else:
            verdict[row] = _number_time(data, lo, hi, unit, out, row)


@kernel
def parse_numbers(offsets: Offsets, data: Bytes, point: int, powers: Any, out: Any, verdict: Bytes) -> None:
    """Read decimal numbers (n,) that are exact in one division; others are left to Python."""
    for row in range(len(out)):
        lo, hi = int(offsets[row]), int(offsets[row + 1])
        while lo < hi and data[lo] <= _SPACE:
            lo += 1
        while lo < hi and data[hi - 1] <= _SPACE:
            hi -= 1
        if lo == hi:
            verdict[row] = NOTHING
            continue
        verdict[row] = UNKNOWN
        negative = data[lo] == 45
        at = lo + 1 if negative or data[lo] == 43 else lo
        value, n, after = 0, 0, -1
        while at < hi and n < 16:
            if data[at] == point and after < 0:
                after = 0
            elif 48 <= data[at] <= 57:
                value = value * 10 + (int(data[at]) - 48)
                n += 1
                if after >= 0:
                    after += 1
            else:
                break
            at += 1
        if at == hi and n > 0 and value < 9007199254740992:
            number = value / powers[max(after, 0)]
            out[row] = -number if negative else number
            verdict[row] = READ


@kernel
def blank_rows(offsets: Offsets, data: Bytes, out: Any) -> int:
    """Mark texts of nothing but spaces (n,); return how many."""
    total = 0
    for row in range(len(out)):
        at, hi = int(offsets[row]), int(offsets[row + 1])
        while at < hi and data[at] <= _SPACE:
            at += 1
        out[row] = at == hi
        total += at == hi
    return total


@kernel
def whole_rows(offsets: Offsets, data: Bytes, out: Any) -> int:
    """Mark texts that are a whole number written with ``.0`` (n,); return how many."""
    total = 0
    for row in range(len(out)):
        lo, hi = int(offsets[row]), int(offsets[row + 1])
        out[row] = False
        if hi - lo < 3 or data[hi - 1] != 48 or data[hi - 2] != 46:
            continue
        good = True
        for at in range(lo, hi - 2):
            if data[at] < 48 or data[at] > 57:
                good = False
                break
        out[row] = good
        total += good
    return total
