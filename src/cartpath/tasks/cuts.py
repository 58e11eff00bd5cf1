"""Two cuts in time for all users at once: before the first is learned, after the last is judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cartpath.paths.calendar import calendar
from cartpath.schema import CartpathError, iso
from cartpath.store.path import PathView

#: Of the days, the last fifth is held out.
_HELD_OUT = 5


@dataclass(frozen=True)
class TimeCuts:
    """Where validation begins and where test begins, microseconds since 1970 UTC.

    Examples
    --------
    >>> TimeCuts(10, 20).part_of(np.array([9, 10, 19, 20])).tolist()
    [0, 1, 1, 2]
    """

    valid: int
    test: int

    def part_of(self, ts: npt.NDArray[Any]) -> npt.NDArray[np.int8]:
        """Return the part of each moment: 0 learned from, 1 validation, 2 test."""
        return np.searchsorted([self.valid, self.test], ts, side="right").astype(np.int8)

    def to_dict(self) -> dict[str, str]:
        """Return where validation and test begin, as ISO 8601."""
        return {"valid": iso(self.valid), "test": iso(self.test)}


def time_cuts(view: PathView) -> TimeCuts:
    """Hold out the last fifth of the days, the earlier half for validation, the later for test.

    Days are those of UTC; where there are fewer than ten, the time from first to last event is cut instead.

    Raises
    ------
    CartpathError
        If there are no events, or all have the same time.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from cartpath.store import view_from_table
    >>> when = pa.array([86_400 * day for day in range(20)], pa.timestamp("s", tz="UTC"))
    >>> view, _ = view_from_table(pa.table({"user_id": ["u"] * 20, "ts": when, "event": ["view"] * 20}))
    >>> time_cuts(view).to_dict()
    {'valid': '1970-01-17T00:00:00Z', 'test': '1970-01-19T00:00:00Z'}
    """
    first, last = (int(view.ts.min()), int(view.ts.max())) if view.n_events else (0, 0)
    if first == last:
        raise CartpathError("all events have the same time, so time cannot be cut", "use a log whose events have times")
    return TimeCuts(*last_fifth(first, last))


def last_fifth(first: int, last: int, zone: str = "UTC") -> tuple[int, int]:
    """Return where the last fifth of the days begins, and its later half.

    Where there are fewer than ten days, the time from the first to the last event is cut instead.

    Parameters
    ----------
    first, last : int
        Moments of the first and the last event, microseconds since 1970 UTC.
    zone : str
        IANA name of the time zone whose days they are.

    Examples
    --------
    >>> day = 86_400_000_000
    >>> [cut // day for cut in last_fifth(0, 20 * day - 1)]
    [16, 18]
    >>> last_fifth(0, 99)
    (80, 90)
    """
    days = calendar("day", zone, first, last).edges
    held_out = (len(days) - 1) // _HELD_OUT
    if held_out >= 2:
        return int(days[-1 - held_out]), int(days[-1 - held_out // 2])
    length = last + 1 - first
    return last + 1 - length // _HELD_OUT, last + 1 - length // (2 * _HELD_OUT)
