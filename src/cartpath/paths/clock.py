"""The clock of a time zone, as arrays that a scan can search: what it shows at each moment, summer time included."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from cartpath.config import zone_named
from cartpath.schema import MICROSECONDS

Ints = npt.NDArray[np.int64]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: No zone puts its clock back and forth again within so many seconds.
_STRIDE = 12 * 3600
#: What a ``datetime`` can tell, in seconds, with a day to spare on either side.
_FIRST, _LAST = -62_135_510_400, 253_402_214_400


@dataclass(frozen=True)
class LocalClock:
    """How far a zone's clock is ahead of UTC.

    Attributes
    ----------
    changes : int64 array (n,)
        When that changes, microseconds since 1970 UTC, ascending.
    ahead : int64 array (n + 1,)
        Microseconds before the first change, after it, after the second …
    """

    changes: Ints
    ahead: Ints

    def local(self, ts: Ints) -> Ints:
        """Return what the clock shows, as microseconds since it showed 1970.

        Examples
        --------
        >>> noon = np.array([12 * 3_600_000_000])
        >>> int(local_clock("Asia/Tokyo", 0, 0).local(noon)[0]) // 3_600_000_000
        21
        """
        if not len(self.changes):
            return ts + self.ahead[0] if self.ahead[0] else ts
        return ts + self.ahead[np.searchsorted(self.changes, ts, side="right")]


def local_clock(time_zone: str, first: int, last: int) -> LocalClock:
    """Return the clock of a zone from one moment to another, microseconds since 1970 UTC.

    Raises
    ------
    CartpathError
        If there is no such zone.
    """
    zone = zone_named(time_zone)
    begin, end = (min(max(moment // MICROSECONDS, _FIRST), _LAST) for moment in (first, last))
    changes, ahead, at = [], [_ahead(begin, zone)], begin
    while at < end:
        following = min(at + _STRIDE, end)
        if (after := _ahead(following, zone)) != ahead[-1]:
            changes.append(_change(at, following, zone))
            ahead.append(after)
        at = following
    return LocalClock(np.array(changes, np.int64) * MICROSECONDS, np.array(ahead, np.int64))


def shown(moment: int, time_zone: str) -> str:
    """Return a moment as a zone's clock shows it; with the offset where it shows the same twice.

    Examples
    --------
    >>> shown(1_470_034_800_000_000, "America/Los_Angeles")
    '2016-08-01T00:00'
    """
    local = (_EPOCH + timedelta(microseconds=moment)).astimezone(zone_named(time_zone))
    twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    plain = "minutes" if not local.second and not local.microsecond else "auto"
    return (local if twice else local.replace(tzinfo=None)).isoformat(timespec=plain)


def _ahead(second: int, zone: ZoneInfo) -> int:
    found = (_EPOCH + timedelta(seconds=second)).astimezone(zone).utcoffset() or timedelta()
    return (found.days * 86400 + found.seconds) * MICROSECONDS


def _change(low: int, high: int, zone: ZoneInfo) -> int:
    """Return the first second that is not as ``low`` is."""
    before = _ahead(low, zone)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _ahead(middle, zone) == before else (low, middle)
    return high
