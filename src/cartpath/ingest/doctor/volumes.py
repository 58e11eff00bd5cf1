"""Days without events, and days that stand out from the weeks around them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

#: Days before and after that a day is compared with.
_AROUND = 7
#: A day stands out from this many times (or below this part of) their median.
_TIMES = 3.0
#: Fewer events a day than this say nothing.
_ENOUGH = 20


@dataclass(frozen=True)
class Volumes:
    """Volumes per day (UTC).

    Attributes
    ----------
    first_day : int
        Days since 1970.
    events, sessions : int64 array (n_days,)
        Events, and sessions begun.
    gaps, spikes, dips : list of int
        Days, from 0, without events, with far more, and with far fewer than the two weeks around them.
    """

    first_day: int
    events: npt.NDArray[np.int64]
    sessions: npt.NDArray[np.int64]
    gaps: list[int]
    spikes: list[int]
    dips: list[int]

    def name(self, day: int) -> str:
        """Return a day as ``YYYY-MM-DD``."""
        return datetime.fromtimestamp((self.first_day + day) * 86_400, UTC).strftime("%Y-%m-%d")

    def names(self, days: list[int]) -> list[str]:
        """Return days as ``YYYY-MM-DD``."""
        return [self.name(day) for day in days]

    def to_dict(self) -> list[dict[str, Any]]:
        """Return one record a day."""
        both = zip(self.events.tolist(), self.sessions.tolist(), strict=True)
        return [{"day": self.name(i), "events": e, "sessions": s} for i, (e, s) in enumerate(both)]


def volumes(first_day: int, events: npt.NDArray[np.int64], sessions: npt.NDArray[np.int64]) -> Volumes:
    """Judge the volumes of days.

    Parameters
    ----------
    first_day : int
        Days since 1970 of the first entry.
    events, sessions : int64 array (n_days,)

    Examples
    --------
    >>> found = volumes(0, np.array([100, 100, 0, 100, 900, 100]), np.zeros(6, np.int64))
    >>> found.names(found.gaps), found.names(found.spikes)
    (['1970-01-03'], ['1970-01-05'])
    """
    gaps, spikes, dips = [], [], []
    for day, n in enumerate(events.tolist()):
        if not n:
            gaps.append(day)
            continue
        around = np.r_[events[max(day - _AROUND, 0) : day], events[day + 1 : day + 1 + _AROUND]]
        around = around[around > 0]
        if len(around) < 3 or max(n, usual := float(np.median(around))) < _ENOUGH:
            continue
        if n >= _TIMES * usual:
            spikes.append(day)
        elif n * _TIMES <= usual and 0 < day < len(events) - 1:
            dips.append(day)
    return Volumes(first_day, events, sessions, gaps, spikes, dips)
