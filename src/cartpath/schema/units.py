"""Durations and dates as people write them; a bare number is refused."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo

from cartpath.schema.errors import CartpathError

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
MICROSECONDS = 1_000_000


def seconds(duration: str) -> int:
    """Read a duration such as ``"30m"``, ``"7d"`` or ``"1d12h"``.

    Parameters
    ----------
    duration : str
        Whole numbers, each followed by its unit: ``s m h d w``.

    Returns
    -------
    int
        Seconds.

    Raises
    ------
    CartpathError
        If a unit is missing or unknown, or the duration is not positive.

    Examples
    --------
    >>> seconds("7d"), seconds("1d12h")
    (604800, 129600)
    """
    text = str(duration).strip().lower()
    parts = re.findall(r"(\d+)\s*([smhdw])", text)
    if not parts or re.sub(r"(\d+)\s*([smhdw])\s*", "", text):
        raise CartpathError(
            f"not a duration: {duration!r}", "write a number with its unit, such as 90s, 30m, 12h, 7d or 2w"
        )
    total = sum(int(number) * _SECONDS[unit] for number, unit in parts)
    if not 0 < total < 10**10:
        raise CartpathError(f"a duration must be positive and under three centuries: {duration!r}")
    return total


def microseconds_of(moment: str | datetime, zone: tzinfo = UTC) -> int:
    """Read a date or time as microseconds since 1970 UTC; a date is its midnight.

    Parameters
    ----------
    moment : str or datetime
        ISO 8601.
    zone : tzinfo
        Of a date and of a time without an offset; one that its clock shows twice is the first.

    Returns
    -------
    int
        Microseconds since the epoch.

    Raises
    ------
    CartpathError
        If it cannot be read.

    Examples
    --------
    >>> microseconds_of("1970-01-02")
    86400000000
    """
    try:
        value = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    except ValueError:
        raise CartpathError(f"not a date: {moment!r}", "write 2016-08-01 or 2016-08-01T12:00:00") from None
    if value.tzinfo is None:
        value = value.replace(tzinfo=zone)
    delta = value - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86400 + delta.seconds) * MICROSECONDS + delta.microseconds


def iso(microseconds: int) -> str:
    """Write microseconds since 1970 UTC as ISO 8601 with a trailing ``Z``.

    Examples
    --------
    >>> iso(86400000000)
    '1970-01-02T00:00:00Z'
    """
    whole, fraction = divmod(int(microseconds), MICROSECONDS)
    text = datetime.fromtimestamp(whole, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{fraction:06d}Z" if fraction else f"{text}Z"
