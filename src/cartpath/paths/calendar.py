"""Days, weeks and months in a shop's time zone, as arrays that a scan can search.

A calendar holds the UTC moment at which each local period begins. Which period an event lies in is then one binary
search, and summer time is right by construction: a local day is 23, 24 or 25 hours long.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from cartpath.config import zone_named
from cartpath.schema import MICROSECONDS, CartpathError

#: What a period can be.
PERIODS: tuple[str, ...] = ("day", "week", "month")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Calendar:
    """Consecutive local periods.

    Attributes
    ----------
    unit : str
        ``"day"``, ``"week"`` (from Monday, as ISO 8601 has it) or ``"month"``.
    zone : str
        IANA name of the time zone.
    edges : int64 array (n + 1,)
        Where each period begins, and the last one ends, microseconds since 1970 UTC.
    first_days : tuple of date
        The first local day of each period.

    Examples
    --------
    >>> hour = 3_600_000_000
    >>> days = calendar("day", "Europe/Berlin", 1_711_800_000_000_000, 1_711_950_000_000_000)
    >>> days.labels
    ['2024-03-30', '2024-03-31', '2024-04-01']
    >>> (np.diff(days.edges) // hour).tolist()
    [24, 23, 24]
    """

    unit: str
    zone: str
    edges: npt.NDArray[np.int64]
    first_days: tuple[date, ...]

    def __len__(self) -> int:
        return len(self.first_days)

    @property
    def tz(self) -> ZoneInfo:
        """The time zone."""
        return ZoneInfo(self.zone)

    @property
    def labels(self) -> list[str]:
        """Names of the periods: the first day, or for months year and month."""
        length = 7 if self.unit == "month" else 10
        return [day.isoformat()[:length] for day in self.first_days]

    def place(self, ts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the number of the period that each time lies in; -1 before the first, ``len`` after the last."""
        return np.searchsorted(self.edges, ts, side="right") - 1

    def whole(self, begin: int, end: int) -> npt.NDArray[np.bool_]:
        """Mark the periods that lie wholly within ``begin <= ts < end``."""
        return np.asarray((self.edges[:-1] >= begin) & (self.edges[1:] <= end))


def calendar(unit: str, zone: str, first: int, last: int) -> Calendar:
    """Lay out the periods from the one that holds ``first`` to the one that holds ``last``.

    Parameters
    ----------
    unit : str
        One of ``PERIODS``.
    zone : str
        IANA name.
    first, last : int
        Microseconds since 1970 UTC.

    Returns
    -------
    Calendar

    Raises
    ------
    CartpathError
        If the unit or the zone is unknown.
    """
    if unit not in PERIODS:
        raise CartpathError(f"no period {unit!r}", f"take one of: {', '.join(PERIODS)}")
    where = zone_named(zone)
    days = [_begin(_local_day(first, where), unit)]
    while (after := _next(days[-1], unit)) and _midnight(after, where) <= last:
        days.append(after)
    edges = [_midnight(day, where) for day in (*days, after)]
    return Calendar(unit, zone, np.array(edges, np.int64), tuple(days))


def _local_day(ts: int, zone: ZoneInfo) -> date:
    return (_EPOCH + timedelta(microseconds=ts)).astimezone(zone).date()


def _midnight(day: date, zone: ZoneInfo) -> int:
    """Return the first moment of a local day.

    With ``fold=0`` an hour that comes twice is taken the first time, and one that the clock leaves out begins where
    the clock is put forward.
    """
    delta = datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC) - _EPOCH
    return (delta.days * 86400 + delta.seconds) * MICROSECONDS + delta.microseconds


def _begin(day: date, unit: str) -> date:
    if unit == "week":
        return day - day.weekday() * _DAY
    return day.replace(day=1) if unit == "month" else day


def _next(day: date, unit: str) -> date:
    if unit == "month":
        return (day + 31 * _DAY).replace(day=1)
    return day + (7 if unit == "week" else 1) * _DAY
